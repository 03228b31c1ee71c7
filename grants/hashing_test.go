package grants

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
)

// hashingProcess in the arguments turns the test binary into a hashing process.
const hashingProcess = "as-hashing-process"

func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != hashingProcess { //nolint:forbidigo // this is a main
		os.Exit(m.Run()) //nolint:forbidigo // this is a main
	}
	if err := ServeHashes(os.Stdin, os.Stdout); err != nil {
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// apart makes a pool of two workers that hash in processes.
func apart(t *testing.T) (*Passwords, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 2)
	p.HashApart(slog.New(slog.NewTextHandler(&log, nil)), os.Args[0], hashingProcess) //nolint:forbidigo // this very program
	t.Cleanup(func() {
		for range p.workers {
			if one := <-p.apart.free; one != nil {
				one.end()
			}
		}
	})
	return p, &log
}

func TestAnotherProcessHashesLikeThisOne(t *testing.T) {
	t.Parallel()
	p, log := apart(t)
	hash, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	here := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	for _, c := range []struct {
		password, hash  string
		right, outdated bool
	}{
		{"correct horse", hash, true, false},
		{"wrong horse", hash, false, false},
		{"correct horse", "", false, false},
		{"correct horse", "$argon2id$nonsense", false, false},
		{"correct horse", strings.Replace(hash, "t=1", "t=2", 1), false, false},
	} {
		for _, pool := range []*Passwords{p, here} {
			right, outdated, err := pool.Verify(t.Context(), c.hash, c.password)
			if err != nil || right != c.right || outdated != c.outdated {
				t.Errorf("%s: %v, %v, %v", c.hash, right, outdated, err)
			}
		}
	}
	if log.Len() > 0 {
		t.Error(log)
	}
}

func TestHashingProcessesServeManyCallers(t *testing.T) {
	t.Parallel()
	p, log := apart(t)
	hash, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	var callers sync.WaitGroup
	for i := range 40 {
		callers.Go(func() {
			password := []string{"correct horse", "wrong horse"}[i%2]
			if right, _, err := p.Verify(t.Context(), hash, password); err != nil || right != (i%2 == 0) {
				t.Errorf("%s: %v, %v", password, right, err)
			}
		})
	}
	callers.Wait()
	if log.Len() > 0 {
		t.Error(log)
	}
}

func TestADeadHashingProcessCostsNoLogin(t *testing.T) {
	t.Parallel()
	p, log := apart(t)
	hash, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	for range 2 { // once per worker: whoever lives is put back
		one := <-p.apart.free
		if one != nil {
			must(t, one.process.Process.Kill())
			_ = one.process.Wait()
		}
		p.apart.free <- one
	}
	for range 3 {
		right, _, err := p.Verify(t.Context(), hash, "correct horse")
		if err != nil || !right {
			t.Errorf("%v, %v", right, err)
		}
	}
	if n := strings.Count(log.String(), "a hashing process failed"); n != 1 {
		t.Errorf("%d warnings: %s", n, log)
	}
}

func TestWithoutAHashingProcessTheServerHashesItself(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	p.HashApart(slog.New(slog.NewTextHandler(&log, nil)), t.TempDir()+"/nowhere")
	hash, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	right, _, err := p.Verify(t.Context(), hash, "correct horse")
	if err != nil || !right || !strings.Contains(log.String(), "nowhere") {
		t.Errorf("%v, %v: %s", right, err, &log)
	}
	if strings.Contains(log.String(), "horse") {
		t.Error("the log has the password") // SEC-79
	}
}
