package interop

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
)

// TestExamplesWithEveryAlgorithm gives those that check signatures themselves tokens of every kind of key.
//
// SEC-37
func TestExamplesWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--alg="+algorithm)
			genuine := w.userToken(t)
			forged := forgeries(t, genuine, string(w.raw(t, w.url+"/.well-known/jwks.json")))
			for name, e := range examples() {
				if e.proxy {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s := e.prepare(t)(t, "WRIT_ISSUER="+w.issuer())
					s.want(t, "dana", "GET", "/whoami", genuine, 200)
					for what, token := range forged {
						s.want(t, what, "GET", "/whoami", token, 401)
					}
					revoked := w.userToken(t)
					s.want(t, "a token", "GET", "/whoami", revoked, 200)
					w.revoke(t, revoked, w.shop)
					s.becomes(t, "a revoked token", "GET", "/whoami", revoked, 401, promised)
				})
			}
			t.Run("verify", func(t *testing.T) {
				t.Parallel()
				wantVerified(t, w, genuine, forged)
			})
		})
	}
}

// verifyProgram builds the example in Go once.
var verifyProgram = sync.OnceValues(func() (string, error) { return build("verify", "../examples/verify") })

// wantVerified runs the program that gets an issuer and a token, and prints a line and the claims.
func wantVerified(t *testing.T, w *world, genuine string, forged map[string]string) {
	t.Helper()
	program, err := verifyProgram()
	must(t, err)
	done := run(t, "", nil, program, w.issuer(), genuine)
	line, claims, _ := strings.Cut(done.stdout, "\n")
	if want := "valid: issued by " + w.issuer() + " for "; done.code != 0 || !strings.HasPrefix(line, want) {
		t.Fatalf("%d: %s%s", done.code, done.stdout, done.stderr)
	}
	var got any
	must(t, json.Unmarshal([]byte(claims), &got))
	wantShape(t, got, userClaims(w))
	if done := run(t, "", nil, program, w.managementIssuer(), w.adminToken(t)); done.code != 0 {
		t.Errorf("an admin's token for the management issuer: %s", done.stderr)
	}
	refused := map[string]string{"an admin's": w.adminToken(t), "an organization's": w.clientToken(t, "/acme/shop", w.acme), "nothing": "nothing"}
	maps.Copy(refused, forged)
	for name, token := range refused {
		if done := run(t, "", nil, program, w.issuer(), token); done.code != 1 || done.stdout != "" || !strings.HasPrefix(done.stderr, "verify: ") {
			t.Errorf("%s: exit code %d\n%s%s", name, done.code, done.stdout, done.stderr)
		}
	}
}
