package postgrestest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a running PostgreSQL.
type Cluster struct {
	keeper *keeper
	port   int

	once     sync.Once // of Copy
	prepared error
}

// Begin makes and starts a cluster outside of a test. End it.
func Begin(settings ...string) (*Cluster, error) {
	folder, err := os.MkdirTemp("", "writ-postgres-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &Cluster{port: port}
	options := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + folder, "max_connections=400", "logging_collector=off"}
	if c.keeper, err = keep(folder, port, append(options, settings...)); err != nil {
		return nil, err
	}
	return c, c.Await()
}

func freePort() (int, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, is := listener.Addr().(*net.TCPAddr)
	if !is {
		return 0, errors.New("no TCP address")
	}
	return address.Port, listener.Close()
}

// keeper is the shell that owns the cluster. It holds on as long as its standard input is open: when this process ends, by a panic or a
// signal too, it stops the server and removes the data.
type keeper struct {
	folder  string
	input   io.WriteCloser
	output  *bufio.Reader
	command *exec.Cmd
	end     func()
}

// program reads one word a line: start, stop (immediately, as a power cut would), kill (every process, with kill -9), exit. It answers each with the server's process id or 0.
const program = `
trap '' INT TERM HUP
folder=$1 programs=$2; shift 2
pid=
stop() { [ -z "$pid" ] || { kill -QUIT "$pid" 2>/dev/null; wait "$pid"; pid=; }; }
"$programs/initdb" -D "$folder/data" -U writ --auth=trust --encoding=UTF8 --locale-provider=icu --icu-locale=en-US --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 ||
  { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
murder() {
  [ -n "$pid" ] || return
  kill -STOP "$pid" # so that there are no new ones
  children=$(cat "/proc/$pid/task/$pid/children")
  kill -KILL $children "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  for child in $children; do # until they are gone the server does not start
    while grep -qs '^State:.[RSDTt]' "/proc/$child/status"; do sleep 0.02; done
  done
  pid=
}
echo ready
while read -r word; do
  case $word in
    start) "$programs/postgres" -D "$folder/data" "$@" >>"$folder/log" 2>&1 </dev/null & pid=$! ;;
    stop) stop ;;
    kill) murder ;;
    exit) break ;;
  esac
  echo "${pid:-0}"
done
stop
rm -rf "$folder"
`

func keep(folder string, port int, settings []string) (*keeper, error) {
	where, err := programs()
	if err != nil {
		return nil, err
	}
	arguments := []string{"-c", program, "keeper", folder, where, "-p", strconv.Itoa(port)}
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	k := &keeper{folder: folder, command: exec.Command("/bin/sh", arguments...)} //nolint:noctx // it ends with its input
	k.command.Dir = "/"
	// A signal for the tests' group, such as Ctrl-C, is not for the keeper.
	k.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 { // whom PostgreSQL refuses to serve
		if k.command.SysProcAttr.Credential, err = somebody(folder); err != nil {
			return nil, err
		}
	}
	var complaint strings.Builder
	k.command.Stderr = &complaint
	if k.input, err = k.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := k.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	k.output = bufio.NewReader(output)
	if err := k.command.Start(); err != nil {
		return nil, err
	}
	k.end = sync.OnceFunc(func() {
		_ = k.input.Close() // the keeper goes, and with it what it keeps
		_ = k.command.Wait()
	})
	if _, err := k.output.ReadString('\n'); err != nil {
		k.end()
		return nil, fmt.Errorf("initdb: %s", complaint.String())
	}
	_, err = k.ask("start")
	return k, err
}

// somebody is a user without rights, who gets the folder.
func somebody(folder string) (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		who, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(who.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(who.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, int(uid), int(gid))
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// ask gives the keeper a word and answers the server's process id.
func (k *keeper) ask(word string) (int, error) {
	if _, err := io.WriteString(k.input, word+"\n"); err != nil {
		return 0, err
	}
	line, err := k.output.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// Stop ends the server as kill -9 would: nothing is written that is not on disk yet.
func (c *Cluster) Stop() error {
	_, err := c.keeper.ask("stop")
	return err
}

// Kill ends every process of the server by kill -9. It works on Linux.
func (c *Cluster) Kill() error {
	_, err := c.keeper.ask("kill")
	return err
}

// Start starts the server again, on the same port, and waits until it answers.
func (c *Cluster) Start() error {
	if _, err := c.keeper.ask("start"); err != nil {
		return err
	}
	return c.Await()
}

// End stops the server and removes its data.
func (c *Cluster) End() { c.keeper.end() }

// Await waits until the server answers.
func (c *Cluster) Await() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		connection, err := pgx.Connect(ctx, c.URL("postgres"))
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.keeper.folder, "log"))
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
