package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// example is a program of folder examples: it gets an issuer and a token, and prints a line and the claims.
type example func(t *testing.T, issuer, token string) outcome

// TestExamples runs what resource servers are shown, with tokens of every algorithm.
//
// SEC-37, SEC-44
func TestExamples(t *testing.T) {
	t.Parallel()
	languages := map[string]func(*testing.T) example{"Go": goExample, "Node.js": nodeExample, "Python": pythonExample}
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--alg="+algorithm)
			for language, prepare := range languages {
				t.Run(language, func(t *testing.T) {
					t.Parallel()
					program := prepare(t)
					wantAccepted(t, w, program)
					wantRejected(t, w, program, algorithm)
				})
			}
		})
	}
}

func wantAccepted(t *testing.T, w *world, program example) {
	t.Helper()
	done := program(t, w.issuer(), w.userToken(t))
	line, claims, _ := strings.Cut(done.stdout, "\n")
	if want := "valid: issued by " + w.issuer() + " for "; done.code != 0 || !strings.HasPrefix(line, want) {
		t.Fatalf("%d: %s%s", done.code, done.stdout, done.stderr)
	}
	var got any
	if err := json.Unmarshal([]byte(claims), &got); err != nil {
		t.Fatal(err)
	}
	wantShape(t, got, userClaims(w))

	if done := program(t, w.managementIssuer(), w.adminToken(t)); done.code != 0 {
		t.Errorf("an admin's token for the management issuer: %s", done.stderr)
	}
}

// wantRejected starts a process for each token: with other algorithms than the first, only for what depends on them.
func wantRejected(t *testing.T, w *world, program example, algorithm string) {
	t.Helper()
	forged := forgeries(t, w.userToken(t), string(w.raw(t, w.url+"/.well-known/jwks.json")))
	tokens := map[string]string{}
	for _, name := range []string{"changed payload", "own key under the genuine kid", "HS256 with the public document"} {
		tokens[name] = forged[name]
	}
	if algorithm == algorithms()[0] {
		tokens = forged
		tokens["an admin's token"] = w.adminToken(t)
		tokens["an organization's token"] = w.clientToken(t, "/acme/shop", w.acme)
		tokens["no token"] = "nothing"
	}
	for name, token := range tokens {
		if done := program(t, w.issuer(), token); done.code != 1 || done.stdout != "" || !strings.HasPrefix(done.stderr, "verify: ") {
			t.Errorf("%s: exit code %d\n%s%s", name, done.code, done.stdout, done.stderr)
		}
	}
}

// verifyProgram builds the example in Go once.
var verifyProgram = sync.OnceValues(func() (string, error) { return build("verify", "../examples/verify") })

func goExample(t *testing.T) example {
	t.Helper()
	path, err := verifyProgram()
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, issuer, token string) outcome {
		t.Helper()
		return run(t, "", nil, path, issuer, token)
	}
}

// nodeExample puts the program beside this folder's packages, as `npm install jose` would.
func nodeExample(t *testing.T) example {
	t.Helper()
	program, folder := node(t), t.TempDir()
	content, err := os.ReadFile("../examples/node/verify.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "verify.mjs"), content, 0o600); err != nil { //nolint:gosec // the test's own folder
		t.Fatal(err)
	}
	packages, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, issuer, token string) outcome {
		t.Helper()
		return run(t, folder, []string{"NODE_NO_WARNINGS=1"}, program, "verify.mjs", issuer, token)
	}
}

// pythonExample takes the first Python that has the library: Debian's package serves /usr/bin/python3 only.
func pythonExample(t *testing.T) example {
	t.Helper()
	tool(t, "python3")
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), program, "-c", "import jwt, cryptography").Run() == nil {
			return func(t *testing.T, issuer, token string) outcome {
				t.Helper()
				return run(t, "", []string{"PYTHONDONTWRITEBYTECODE=1"}, program, "../examples/python/verify.py", issuer, token)
			}
		}
	}
	missing(t, "Python has no PyJWT: apt-get install python3-jwt python3-cryptography")
	return nil
}
