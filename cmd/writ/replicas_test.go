package main

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// cluster is replicas on one database.
type cluster struct {
	environ []string
	flags   []string
}

func masterKey(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{
		environ: []string{"WRIT_DATABASE=" + postgrestest.Database(t), "WRIT_MASTER_KEY=" + masterKey("k"), "WRIT_SUPERUSER_PASSWORD=" + rootPassword},
		flags:   []string{"serve", "--listen=127.0.0.1:0", "--public-url=https://id.example.test"},
	}
}

const rootPassword = "canary-of-the-superuser"

func (c *cluster) start(t *testing.T, more ...string) *instance {
	t.Helper()
	in := startApart(t, c.environ, append(c.flags, more...)...)
	in.waitUntilListening(t)
	return in
}

// promptly polls until it holds, and answers how long that took.
func promptly(t *testing.T, what string, limit time.Duration, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return time.Since(began)
}

// What one replica acknowledges holds on the other. SEC-61
func TestReplicasKnowOfEachOthersChanges(t *testing.T) {
	t.Parallel()
	const bound = 2 * time.Second // the promise is 250 ms at the 99th percentile; a busy machine is slower
	c := newCluster(t)
	a := c.start(t, "--demo")
	b := c.start(t)
	user, client := a.printed(t, "app user of demo/app"), a.printed(t, "client of demo/app")
	root := a.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword))
	login := func(in *instance, password string) answer {
		return in.post(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, password))
	}
	asClient := func(in *instance, secret string) int {
		return in.post(t, "/demo/app/token", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, client.name, secret)).status
	}
	did := func(method, path, body string) answer {
		t.Helper()
		answered := request(t, method, a.url+path, body, "Authorization", "Bearer "+root, "Content-Type", "application/json")
		if answered.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, answered.status, answered.body)
		}
		return answered
	}
	me := func(token string) int { return b.get(t, "/demo/app/users/"+user.name, token).status }

	t.Run("revoked tokens", func(t *testing.T) {
		const samples = 100
		var took []time.Duration
		for range samples {
			token := a.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
			if status := me(token); status != http.StatusOK {
				t.Fatalf("a token of the other replica: %d", status)
			}
			did(http.MethodPut, "/demo/app/users/"+user.name+"/revoketoken?token="+token, "")
			took = append(took, promptly(t, "the token is refused", bound, func() bool { return me(token) == http.StatusUnauthorized }))
		}
		slices.SortFunc(took, cmp.Compare[time.Duration])
		t.Logf("a revocation holds on the other replica after: median %v, p99 %v", took[samples/2], took[samples*99/100])
	})
	t.Run("all tokens of a user", func(t *testing.T) {
		token := a.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
		did(http.MethodPost, "/demo/app/users/"+user.name+"/revoketokens", "")
		promptly(t, "the token is refused", bound, func() bool { return me(token) == http.StatusUnauthorized })
	})
	t.Run("a new client secret", func(t *testing.T) {
		if status := asClient(b, client.password); status != http.StatusOK {
			t.Fatal(status)
		}
		renewed := did(http.MethodPost, "/demo/app/credentials", "")
		found := regexp.MustCompile(`"client_secret":"([^"]+)"`).FindStringSubmatch(renewed.body)
		if found == nil {
			t.Fatal(renewed.body)
		}
		promptly(t, "the old secret is refused", bound, func() bool { return asClient(b, client.password) != http.StatusOK })
		client.password = found[1]
	})
	t.Run("a client secret that is used at once", func(t *testing.T) {
		for range 20 {
			former := client.password
			if status := asClient(b, former); status != http.StatusOK { // and it is in the caches
				t.Fatal(status)
			}
			renewed := did(http.MethodPost, "/demo/app/credentials", "")
			client.password = regexp.MustCompile(`"client_secret":"([^"]+)"`).FindStringSubmatch(renewed.body)[1]
			if status := asClient(b, client.password); status != http.StatusOK {
				t.Errorf("the new secret: %d", status)
			}
			if status := asClient(b, former); status != http.StatusBadRequest { // Usergrid's code for it
				t.Errorf("the former secret: %d", status)
			}
		}
	})
	t.Run("a role without its rule", func(t *testing.T) {
		token := a.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
		list := func() int { return b.get(t, "/demo/app/users", token).status }
		if status := list(); status != http.StatusOK {
			t.Fatal(status)
		}
		did(http.MethodDelete, "/demo/app/roles/reader/permissions?permission=get:/users", "")
		promptly(t, "the list is refused", bound, func() bool { return list() == http.StatusForbidden || list() == http.StatusUnauthorized })
	})
	t.Run("another key", func(t *testing.T) {
		before := b.get(t, "/.well-known/jwks.json", "").body
		did(http.MethodPost, "/management/keys/rotate", `{}`)
		promptly(t, "it is published", bound, func() bool {
			after := b.get(t, "/.well-known/jwks.json", "").body
			return strings.Count(after, `"kid"`) > strings.Count(before, `"kid"`)
		})
	})
	t.Run("a disabled user", func(t *testing.T) {
		if a := login(b, user.password); a.status != http.StatusOK {
			t.Fatal(a.status)
		}
		did(http.MethodPut, "/demo/app/users/"+user.name, `{"disabled":true}`)
		promptly(t, "the login is refused", bound, func() bool { return login(b, user.password).status != http.StatusOK })
	})
	t.Run("failed logins", func(t *testing.T) { // SEC-28
		for i := range 10 {
			if refused := login([]*instance{a, b}[i%2], "wrong"); refused.status == http.StatusTooManyRequests {
				t.Fatalf("after %d failures: %s", i, refused.body)
			}
		}
		for _, in := range []*instance{a, b} {
			promptly(t, "the account waits", bound, func() bool { return login(in, "wrong").status == http.StatusTooManyRequests })
		}
	})
	for _, in := range []*instance{a, b} {
		if code := in.stop(); code != exitOK {
			t.Errorf("exit code %d", code)
		}
		if output := in.stdout.String() + in.stderr.String(); strings.Contains(output, postgrestest.Password) || strings.Contains(output, rootPassword) {
			t.Errorf("a password is in the output:\n%s", output)
		}
	}
}

// Of all that start on an empty database one makes the superuser and the keys, and all serve.
func TestReplicasStartAtTheSameMoment(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.environ = c.environ[:2] // the password is generated
	var all []*instance
	for range 4 {
		all = append(all, startApart(t, c.environ, c.flags...))
	}
	printed, keys := 0, map[string]bool{}
	for _, in := range all {
		in.waitUntilListening(t)
		printed += strings.Count(in.stdout.String(), "\n  password  ")
	}
	for _, in := range all {
		promptly(t, "it is ready", patience, func() bool { return in.get(t, "/readyz", "").status == http.StatusOK })
	}
	promptly(t, "all publish the same keys", patience, func() bool {
		clear(keys)
		for _, in := range all {
			keys[in.get(t, "/.well-known/jwks.json", "").body] = true
		}
		return len(keys) == 1
	})
	if printed != 1 {
		t.Errorf("%d of them printed a password", printed)
	}
}

// The promise is 500 ms.
func TestAReplicaStartsAtOnceOnAnExistingDatabase(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.start(t, "--demo").stop()
	var took []time.Duration
	for range 5 {
		began := time.Now()
		in := c.start(t)
		promptly(t, "it is ready", patience, func() bool { return in.get(t, "/readyz", "").status == http.StatusOK })
		took = append(took, time.Since(began))
		in.stop()
	}
	slices.Sort(took)
	t.Logf("from the start of the process to ready: fastest %v, median %v, slowest %v", took[0], took[2], took[4])
	if took[0] > 2*time.Second {
		t.Errorf("the fastest start took %v", took[0])
	}
}

// SEC-53
func TestPostgreSQLNeedsTheMasterKeyOfAllReplicas(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	refused := func(want string, environ ...string) {
		t.Helper()
		in := startApart(t, append(environ, c.environ[0], "WRIT_LOG_LEVEL=error"), c.flags...)
		<-in.exited
		line := in.stderr.String()
		if code := in.command.ProcessState.ExitCode(); code != exitFailure || strings.Count(line, "\n") != 1 || !strings.Contains(line, want) {
			t.Errorf("exit code %d: %s", code, line)
		}
		if strings.Contains(line, postgrestest.Password) {
			t.Error(line)
		}
	}
	refused("every replica needs the same master key")
	refused("every replica needs the same master key", "WRIT_MASTER_KEY_FILE="+t.TempDir()+"/absent")
	c.start(t)
	refused("another master key", "WRIT_MASTER_KEY="+masterKey("x"))
}

// What PostgreSQL cannot hold is no failure of the server. SEC-71
func TestStrangeTextIsNoFailure(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for name, in := range map[string]*instance{
		"SQLite":     serveHere(t, t.TempDir(), []string{"WRIT_SUPERUSER_PASSWORD=" + rootPassword}, "--demo"),
		"PostgreSQL": c.start(t, "--demo"),
	} {
		root := in.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword))
		ask := func(method, path, body string) {
			t.Helper()
			a := request(t, method, in.url+path, body, "Authorization", "Bearer "+root, "Content-Type", "application/json")
			if a.status >= http.StatusInternalServerError || strings.Contains(a.body, "SQLSTATE") {
				t.Errorf("%s: %s %s %q: %d %s", name, method, path, body, a.status, a.body)
			}
		}
		for _, odd := range []string{"a%00b", "%00", "%ff%fe", "a%00@b.example", "%ed%a0%80", "'%22;--"} {
			for _, path := range []string{
				"/management/organizations/%s", "/management/orgs/%s/apps", "/management/users/%s", "/%s/app/users", "/demo/%s/users", "/demo/app/users/%s",
				"/demo/app/roles/%s", "/demo/app/groups/%s", "/demo/app/users/dana/roles/%s", "/demo/app/users?ql=select%20*%20where%20username='%s'",
				"/demo/app/users?cursor=%s", "/demo/app/users?filter=%s", "/management/audit?actor=%s", "/management/audit?target=%s&action=%s",
				"/management/tokens?cursor=%s", "/management/tokens/%s", "/demo/app/revocations?after=%s", "/management/keys/%s",
			} {
				ask(http.MethodGet, strings.ReplaceAll(path, "%s", odd), "")
				ask(http.MethodDelete, strings.ReplaceAll(path, "%s", odd), "")
			}
		}
		for _, odd := range []string{`a\u0000b`, `\u0000`, `\ud800`, "a\x00b", "\xff"} {
			for _, body := range []string{
				`{"username":"%s","password":"quite-a-long-one-7"}`, `{"username":"odd","name":"%s","password":"quite-a-long-one-7"}`,
				`{"username":"odder","email":"%s@b.example","password":"quite-a-long-one-7"}`, `{"username":"oddest","custom":"%s","password":"quite-a-long-one-7"}`,
				`{"name":"%s","title":"%s"}`, `{"path":"%s","title":"%s"}`, `{"permission":"get:/%s"}`, `{"grant_type":"password","username":"%s","password":"%s"}`,
				`{"grant_type":"client_credentials","client_id":"%s","client_secret":"%s"}`, `{"grant_type":"refresh_token","refresh_token":"%s"}`,
				`{"grant_type":"password","username":"dana","password":"x","label":"%s"}`, `{"token":"%s"}`, `{"%s":"%s"}`,
			} {
				for _, path := range []string{
					"/demo/app/users", "/demo/app/roles", "/demo/app/groups", "/demo/app/roles/reader/permissions", "/demo/app/token", "/management/token",
					"/demo/app/revoke", "/demo/app/introspect", "/management/organizations", "/management/users",
				} {
					ask(http.MethodPost, path, strings.ReplaceAll(body, "%s", odd))
				}
			}
		}
	}
}
