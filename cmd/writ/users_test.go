package main

import (
	"bufio"
	"bytes"
	"crypto/md5"  //nolint:gosec // what other systems made
	"crypto/sha1" //nolint:gosec // as above
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"

	"github.com/writ-auth/writ/grants"
)

const importedPassword = "quiet-harbor-7"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hashKinds are hashes of the imported password, made as other systems make them.
func hashKinds(t testing.TB) []struct{ name, hash string } {
	t.Helper()
	sha := func(text string) string { sum := sha1.Sum([]byte(text)); return hex.EncodeToString(sum[:]) } //nolint:gosec // as above
	md := func(text string) string { sum := md5.Sum([]byte(text)); return hex.EncodeToString(sum[:]) }   //nolint:gosec // as above
	crypt := func(inner string) string {
		hash, err := bcrypt.GenerateFromPassword([]byte(inner), bcrypt.MinCost)
		must(t, err)
		return string(hash)
	}
	passwords := grants.NewPasswords(grants.Policy{MinLength: 8, Cost: grants.Cost{Memory: 1 << 10, Time: 1, Threads: 1}}, 1)
	argon, err := passwords.Hash(t.Context(), importedPassword)
	must(t, err)
	return []struct{ name, hash string }{
		{"bcrypt", crypt(importedPassword)},
		{"argon2id", argon},
		{"sha1", "{sha1}" + sha(importedPassword)},
		{"sha1 with salt", "{sha1}" + sha("pepper"+importedPassword) + "$pepper"},
		{"md5", "{md5}" + md(importedPassword)},
		{"sha1 of md5", "{sha1-md5}" + sha(md(importedPassword))},
		{"bcrypt of sha1", "{bcrypt-sha1}" + crypt(sha(importedPassword))},
		{"bcrypt of md5", "{bcrypt-md5}" + crypt(md(importedPassword))},
	}
}

// usersFile writes n users with mixed hashes.
func usersFile(t testing.TB, n int) string {
	t.Helper()
	kinds := hashKinds(t)
	path := filepath.Join(t.TempDir(), "users.jsonl")
	file, err := os.Create(path)
	must(t, err)
	out := bufio.NewWriter(file)
	for i := range n {
		fmt.Fprintf(out, `{"username":"user%d","email":"user%d@example.com","name":"User %d","created":%d,"hash":%q,"properties":{"plan":"gold","n":%d},"roles":["reader"]}`+"\n",
			i, i, i, 1_600_000_000_000+i, kinds[i%len(kinds)].hash, i)
	}
	must(t, out.Flush())
	must(t, file.Close())
	return path
}

// demoData is the data folder of a demo that has ended.
func demoData(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	serveHere(t, dir, nil, "--demo").stop()
	return dir
}

func count(t *testing.T, dir string) int {
	t.Helper()
	return stored[int](t, filepath.Join(dir, "writ.db"), "SELECT count(*) FROM users WHERE username LIKE 'user%'")
}

func TestImportOfManyUsersAndLoginsOfEachKind(t *testing.T) {
	t.Parallel()
	n := 100_000
	if testing.Short() {
		n = 4000
	}
	dir := filepath.Join(t.TempDir(), "data")
	in := serveHere(t, dir, nil, "--demo") // a server runs beside the import
	began := time.Now()
	var stdout, stderr bytes.Buffer
	args := []string{"writ", "users", "import", "demo/app", usersFile(t, n), "--data-dir=" + dir, "--json"}
	code := run(t.Context(), args, nil, strings.NewReader(""), &stdout, &stderr)
	took := time.Since(began)
	var summary struct{ Created, Rejected, Fast, Unsalted int }
	must(t, json.Unmarshal(stdout.Bytes(), &summary))
	if code != exitOK || stderr.Len() > 0 || summary.Created != n || summary.Rejected != 0 || summary.Fast != n/2 || summary.Unsalted != n*3/8 {
		t.Fatalf("exit code %d: %s\n%s", code, &stdout, &stderr)
	}
	t.Logf("%d users in %v", n, took)
	for i, kind := range hashKinds(t) {
		name := fmt.Sprintf("user%d", n-n%8-8+i)
		login := func(password string) answer {
			return in.post(t, "/demo/app/token", fmt.Sprintf(passwordLogin, name, password))
		}
		if a := login("wrong-harbor-7"); a.status != http.StatusBadRequest {
			t.Errorf("%s: wrong password: %d %s", kind.name, a.status, a.body)
		}
		for range 2 {
			if a := login(importedPassword); a.status != http.StatusOK {
				t.Errorf("%s: %d %s", kind.name, a.status, a.body)
			}
		}
	}
	checkExport(t, dir, n)
}

// checkExport wants today's hash for those who have logged in, which are eight, and the imported one for all others; and it wants the
// export to need no more memory for many users than for few.
func checkExport(t *testing.T, dir string, n int) {
	t.Helper()
	exporting := apart(t, "users", "export", "demo/app", "--with-hashes", "--data-dir="+dir)
	exporting.Env = append(exporting.Env, "GOMEMLIMIT=48MiB") // else garbage grows while the collector waits for a busy processor
	stdout, err := exporting.StdoutPipe()
	must(t, err)
	must(t, exporting.Start())
	upgraded, total, memory := 0, 0, 0
	for decoder := json.NewDecoder(stdout); ; {
		var line struct {
			Username, Hash string
			Roles          []string
		}
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if !strings.HasPrefix(line.Username, "user") {
			continue
		}
		if total++; total == n-2000 { // the process cannot be further than its buffers
			memory = peakMemory(t, exporting.Process.Pid)
		}
		if strings.HasPrefix(line.Hash, "$argon2id$v=19$m=19456,") {
			upgraded++
		}
		if len(line.Roles) != 1 || line.Roles[0] != "reader" {
			t.Errorf("%s has the roles %q", line.Username, line.Roles)
		}
	}
	must(t, exporting.Wait())
	if upgraded != 8 || total != n {
		t.Errorf("%d of %d have a hash of today", upgraded, total)
	}
	t.Logf("the export took %d MiB", memory>>10)
	if memory > 80<<10 { // all users at once would be twice that, whatever the limit says
		t.Errorf("the export took %d MiB", memory>>10)
	}
}

// peakMemory (KiB) of a process; 0 where the system does not tell. Its resource usage would count its parent's memory.
func peakMemory(t *testing.T, pid int) (size int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Log(err)
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(rest, &size)
	must(t, err)
	return size
}

// apart is Writ as a process of its own.
func apart(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	must(t, err)
	command := exec.CommandContext(t.Context(), path, args...)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	return command
}

func TestKilledImportIsResumedExactlyOnce(t *testing.T) {
	t.Parallel()
	const n = 6000
	path := usersFile(t, n)
	text, err := os.ReadFile(path)
	must(t, err)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM} {
		dir := demoData(t)
		importing := apart(t, "users", "import", "demo/app", "-", "--data-dir="+dir)
		var stderr bytes.Buffer
		importing.Stderr = &stderr
		stdin, err := importing.StdinPipe()
		must(t, err)
		must(t, importing.Start())
		_, err = stdin.Write(text[:len(text)/2])
		must(t, err)
		for deadline := time.Now().Add(patience); count(t, dir) < 2000; {
			if time.Now().After(deadline) {
				t.Fatal("nothing is imported")
			}
		}
		must(t, importing.Process.Signal(signal))
		_ = importing.Wait()
		before := count(t, dir)
		if before != 2500 {
			t.Errorf("%v: %d users are in", signal, before)
		}
		if code := importing.ProcessState.ExitCode(); signal != syscall.SIGKILL &&
			(code != exitFailure || !strings.Contains(stderr.String(), fmt.Sprintf("interrupted behind line %d; the same command with --resume", before))) {
			t.Errorf("%v: exit code %d: %s", signal, code, &stderr)
		}
		code, stdout, problems := output(t, nil, "users", "import", "demo/app", path, "--data-dir="+dir, "--resume")
		if code != exitOK || !strings.HasPrefix(stdout, fmt.Sprintf("%d lines: %d created, 0 updated, 0 unchanged, 0 rejected", n, n)) {
			t.Errorf("%v: exit code %d: %s%s", signal, code, stdout, problems)
		}
		if got := count(t, dir); got != n {
			t.Errorf("%v: %d users", signal, got)
		}
	}
}

func TestUsersCommandsAndTheirExitCodes(t *testing.T) {
	t.Parallel()
	dir := demoData(t)
	input := filepath.Join(t.TempDir(), "in.jsonl")
	must(t, os.WriteFile(input, []byte("{\"username\":\"user1\"}\n{\"username\":\"user2\",\"hsh\":\"x\"}\n"), 0o600))
	rejects := filepath.Join(t.TempDir(), "rejects.jsonl")
	for _, tc := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"import demo/app", exitConfiguration, "", "the arguments are ORG/APP FILE"},
		{"import demo " + input, exitConfiguration, "", "an application is written ORG/APP"},
		{"import demo/app " + input + " --on-conflict=replace", exitConfiguration, "", "--on-conflict must be fail, skip or update"},
		{"import demo/app " + input + " --bogus", exitConfiguration, "", "flag provided but not defined"},
		{"import demo/app " + input + " --rejects " + input, exitConfiguration, "", "--rejects names the input"},
		{"import demo/app " + dir, exitFailure, "", "is a folder"},
		{"import demo/app " + input + "x", exitFailure, "", "no such file"},
		{"import demo/ghost " + input, 3, "", "there is no application demo/ghost"},
		{"import demo/app " + input + " --database=sqlite:" + dir + "/ghost.db", exitFailure, "", "there is no database"},
		{"import demo/app " + input + " --dry-run", exitRejected, "Dry run: nothing was written.\n2 lines: 1 created", `line 2: unknown field "hsh"`},
		{"import demo/app " + input + " --rejects " + rejects, exitRejected, "2 lines: 1 created, 0 updated, 0 unchanged, 1 rejected", "1 of 2 lines were rejected"},
		{"import demo/app " + input, exitRejected, "0 created", "line 1: a user user1 exists\nline 2: "},
		{"import demo/app " + input + " --on-conflict skip", exitRejected, "1 unchanged, 1 rejected", "line 2: "},
		{"export demo/ghost", 3, "", "there is no application"},
		{"export", exitConfiguration, "", "the arguments are ORG/APP [FILE]"},
		{"export demo/app " + dir, exitConfiguration, "", "is no file"},
		{"export demo/app", exitOK, `"username":"user1"`, ""},
		{"", exitConfiguration, "", "import or export is missing"},
	} {
		args := append([]string{"users"}, strings.Fields(tc.args)...)
		if len(args) > 1 && !strings.Contains(tc.args, "--database") {
			args = append(args, "--data-dir="+dir)
		}
		code, stdout, stderr := output(t, nil, args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) || (tc.stderr == "") != (stderr == "") {
			t.Errorf("%s: exit code %d\nstdout %s\nstderr %s", tc.args, code, stdout, stderr)
		}
	}
	if text, err := os.ReadFile(rejects); err != nil || string(text) != `{"line":2,"reason":"unknown field \"hsh\"","user":{"username":"user2"}}`+"\n" {
		t.Errorf("%s %v", text, err)
	}
	if matches, err := filepath.Glob(filepath.Join(dir, "ghost*")); err != nil || matches != nil {
		t.Errorf("a database was made: %q", matches)
	}
}

func TestHashesGoToNoFileThatOthersCanRead(t *testing.T) {
	t.Parallel()
	dir := demoData(t)
	path := filepath.Join(t.TempDir(), "out.jsonl")
	for mode, want := range map[os.FileMode]int{0o644: exitConfiguration, 0o600: exitOK} {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
		must(t, err)
		must(t, file.Chmod(mode))
		var stderr bytes.Buffer
		args := []string{"writ", "users", "export", "demo/app", "--with-hashes", "--data-dir=" + dir}
		code := run(t.Context(), args, nil, strings.NewReader(""), file, &stderr)
		must(t, file.Close())
		text, err := os.ReadFile(path)
		must(t, err)
		if code != want || (code == exitOK) != bytes.Contains(text, []byte("$argon2id$")) {
			t.Errorf("%v: exit code %d, %d bytes, %s", mode, code, len(text), &stderr)
		}
	}
	// Whatever the mode of a file that is replaced.
	must(t, os.Chmod(path, 0o644))
	code, _, stderr := output(t, nil, "users", "export", "demo/app", path, "--with-hashes", "--data-dir="+dir)
	if info, err := os.Stat(path); code != exitOK || err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("exit code %d, %v, %v: %s", code, info.Mode(), err, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".writ-export-*")); err != nil || left != nil {
		t.Errorf("left over: %q", left)
	}
}

func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	t.Parallel()
	dir := demoData(t)
	path := usersFile(t, 1000)
	args := []string{"writ", "users", "import", "demo/app", path, "--data-dir=" + dir, "--on-conflict=skip"}
	master, terminal := openTerminal(t)
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(master) // ends with an error when the terminal is closed
		shown <- string(text)
	}()
	code := run(t.Context(), args, nil, strings.NewReader(""), io.Discard, terminal)
	must(t, terminal.Close())
	if text := <-shown; code != exitOK || !strings.Contains(text, "importing") {
		t.Errorf("exit code %d: %q", code, text)
	}
	if code, _, stderr := output(t, nil, args[1:]...); code != exitOK || stderr != "" {
		t.Errorf("exit code %d: %q", code, stderr)
	}
}

func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("terminals are needed: %v", err)
	}
	if err != nil {
		t.Skipf("SKIPPED: no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	must(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	return master, terminal
}
