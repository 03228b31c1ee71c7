package grants

import (
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"time"
)

// Hashing happens in processes of its own where a command for them is configured. A hash takes 19 MiB and tens of milliseconds of a
// processor. Inside the server the garbage collector would run with every hash, and each run waits until all hashing threads have
// stopped, who wait for a processor themselves because they step back behind everything else: that made the p99 of other requests ten
// times larger (docs/performance.md).

// hashTask asks for a hash of a password, or for a comparison with a stored one.
type hashTask struct {
	Cost     Cost
	Password []byte
	Compare  bool
	Stored   string // of a comparison
}

// hashResult is what became of a hashTask.
type hashResult struct {
	Right, Outdated bool   // of a comparison
	Hash            string // otherwise
}

func (t hashTask) run() hashResult {
	if !t.Compare {
		return hashResult{Hash: t.Cost.hash(t.Password)}
	}
	stored, err := parseHash(t.Stored)
	if err != nil {
		t.Cost.hash(t.Password) // for its cost only
		return hashResult{}
	}
	right, weak := stored.matches(t.Password), stored.weakerThan(t.Cost)
	if !right && weak {
		// A wrong password must not cost less than an unknown user, who is given a hash of today's cost. What bcrypt took comes on top, until
		// the first right login replaces it.
		t.Cost.hash(t.Password)
	}
	return hashResult{Right: right, Outdated: right && weak}
}

// idleHashing is how long a hashing process keeps the memory of its last hash.
const idleHashing = 10 * time.Second

// ServeHashes is the whole work of a hashing process: it answers tasks one after the other until the server behind the pipe ends.
func ServeHashes(tasks io.Reader, results io.Writer) error {
	in, out := gob.NewDecoder(tasks), gob.NewEncoder(results)
	rest := time.AfterFunc(idleHashing, debug.FreeOSMemory)
	defer rest.Stop()
	for {
		var task hashTask
		if err := in.Decode(&task); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		rest.Stop()
		if err := out.Encode(task.run()); err != nil {
			return err
		}
		rest.Reset(idleHashing)
	}
}

// hashers are the hashing processes, one for each worker. They are started when first needed.
type hashers struct {
	logger  *slog.Logger
	command []string
	free    chan *hasher // nil: not started
}

// HashApart has passwords hashed by processes of their own: command must call ServeHashes on its standard input and output. Call it before the
// first hash. If such a process fails, the hash is made here.
func (p *Passwords) HashApart(logger *slog.Logger, command ...string) {
	h := &hashers{logger: logger, command: command, free: make(chan *hasher, p.workers)}
	for range p.workers {
		h.free <- nil
	}
	p.apart = h
}

// run does a task in a hashing process. It is called by the workers only, so that there always is a free one.
func (h *hashers) run(task hashTask) hashResult {
	one := <-h.free
	defer func() { h.free <- one }()
	var err error
	if one == nil {
		one, err = startHasher(h.command)
	}
	if err == nil {
		var result hashResult
		if result, err = one.do(task); err == nil {
			return result
		}
		one.end()
	}
	one = nil
	h.logger.Warn("a hashing process failed; the server hashes itself", "cause", err)
	return task.run()
}

// hasher is one hashing process.
type hasher struct {
	process *exec.Cmd
	stdin   io.Closer
	tasks   *gob.Encoder
	results *gob.Decoder

	patience time.Duration // for one task
}

// startHasher inherits the low priority of the calling worker's thread to the process.
func startHasher(command []string) (*hasher, error) {
	process := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // this program itself; it lives as long as the server
	// One hash at a time, and nothing of the server's environment: it may hold secrets.
	process.Env, process.Stderr = []string{"GOMAXPROCS=1"}, os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return &hasher{process, stdin, gob.NewEncoder(stdin), gob.NewDecoder(stdout), patience}, nil
}

// patience is far more than the costliest hash that is accepted takes. A process that stands still would keep its worker, and with it
// everybody's logins, for good.
const patience = time.Minute

func (h *hasher) do(task hashTask) (result hashResult, err error) {
	late := time.AfterFunc(h.patience, func() { _ = h.process.Process.Kill() })
	defer late.Stop()
	if err := h.tasks.Encode(task); err != nil {
		return result, err
	}
	return result, h.results.Decode(&result)
}

// end is for a process that does not answer as it should.
func (h *hasher) end() {
	_ = h.stdin.Close()
	_ = h.process.Process.Kill()
	_ = h.process.Wait()
}
