package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The faults of docs/operations.md: real processes, a real PostgreSQL, and what users see.

// bound is longer than any answer may take, whatever is broken: ten seconds and what a busy machine adds.
const bound = 13 * time.Second

// scene is a demo on replicas, with credentials of every kind.
type scene struct {
	*cluster

	user, client login
	root         string // the superuser's token
}

// open makes the demo at a replica.
func (c *cluster) open(t *testing.T, first *instance) *scene {
	t.Helper()
	s := &scene{cluster: c, user: first.printed(t, "app user of demo/app"), client: first.printed(t, "client of demo/app")}
	s.root = first.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword))
	return s
}

func clusterOn(database string) *cluster {
	return &cluster{
		environ: []string{"WRIT_DATABASE=" + database, "WRIT_MASTER_KEY=" + masterKey("k"), "WRIT_SUPERUSER_PASSWORD=" + rootPassword},
		flags:   []string{"serve", "--listen=127.0.0.1:0", "--public-url=https://id.example.test"},
	}
}

const form = "application/x-www-form-urlencoded"

// outcome is an answer and how long it took. Status 0: there was none.
type outcome struct {
	answer

	took time.Duration
}

// try asks without ending the test, for servers that may be gone.
func try(ctx context.Context, client *http.Client, method, address, body string, header ...string) outcome {
	began := time.Now()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return outcome{answer{body: err.Error()}, 0}
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		return outcome{answer{body: err.Error()}, time.Since(began)}
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return outcome{answer{body: err.Error()}, time.Since(began)}
	}
	return outcome{answer{response.StatusCode, response.Header, string(text)}, time.Since(began)}
}

func (s *scene) asClient(t *testing.T, in *instance) outcome {
	t.Helper()
	return s.withSecret(t, in, s.client.password)
}

func (s *scene) withSecret(t *testing.T, in *instance, secret string) outcome {
	t.Helper()
	body := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.client.name}, "client_secret": {secret}}.Encode()
	return try(t.Context(), patient(), http.MethodPost, in.url+"/demo/app/token", body, "Content-Type", form)
}

func patient() *http.Client { return &http.Client{Timeout: patience} }

func tokenIn(t *testing.T, o outcome) string {
	t.Helper()
	found := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(o.body)
	if o.status != http.StatusOK || found == nil {
		t.Fatalf("no token: %d %s", o.status, o.body)
	}
	return found[1]
}

// active asks a replica about a token by introspection: 1 is active, 0 is not, anything else is the status of the refusal to tell.
func (s *scene) active(t *testing.T, in *instance, token string) int {
	t.Helper()
	body := url.Values{"token": {token}, "client_id": {s.client.name}, "client_secret": {s.client.password}}.Encode()
	o := try(t.Context(), patient(), http.MethodPost, in.url+"/demo/app/introspect", body, "Content-Type", form)
	switch {
	case o.status != http.StatusOK:
		return o.status
	case strings.Contains(o.body, `"active":true`):
		return 1
	}
	return 0
}

// revoke is the revocation endpoint, as a client.
func (s *scene) revoke(t *testing.T, in *instance, token string) int {
	t.Helper()
	body := url.Values{"token": {token}, "client_id": {s.client.name}, "client_secret": {s.client.password}}.Encode()
	return try(t.Context(), patient(), http.MethodPost, in.url+"/demo/app/revoke", body, "Content-Type", form).status
}

func (s *scene) login(t *testing.T, in *instance) string {
	t.Helper()
	return in.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, s.user.name, s.user.password))
}

// feedAge is how old a replica says that its feed is, behind the newest position.
func feedAge(t *testing.T, in *instance) time.Duration {
	t.Helper()
	read := func(query string) (document struct {
		Epoch string `json:"epoch"`
		Seq   int64  `json:"seq"`
		AsOf  int64  `json:"as_of"`
	},
	) {
		a := in.get(t, "/demo/app/revocations"+query, "")
		parts := strings.Split(a.body, ".")
		if a.status != http.StatusOK || len(parts) != 3 {
			t.Fatalf("the feed: %d %s", a.status, a.body)
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	list := read("")
	increment := read(fmt.Sprintf("?after=%d&epoch=%s", list.Seq, list.Epoch))
	return time.Since(time.Unix(increment.AsOf, 0))
}

// probe is something that a user does.
type probe struct {
	name, method, path, body string
	header                   []string
	without                  int // the status while the database is away
}

// probes is one of every kind. What needs the database answers 503.
func (s *scene) probes(user, client string) []probe {
	asUser, asClient := []string{"Authorization", "Bearer " + user}, []string{"Authorization", "Bearer " + client}
	asRoot := []string{"Authorization", "Bearer " + s.root}
	formed := []string{"Content-Type", form}
	own := url.Values{"client_id": {s.client.name}, "client_secret": {s.client.password}}
	with := func(name, value string) string {
		body := url.Values{name: {value}}
		maps.Copy(body, own)
		return body.Encode()
	}
	return []probe{
		{"keys", "GET", "/.well-known/jwks.json", "", nil, 200},
		{"metadata", "GET", "/.well-known/oauth-authorization-server/demo/app", "", nil, 200},
		{"the management's metadata", "GET", "/.well-known/oauth-authorization-server/management", "", nil, 200},
		{"the feed", "GET", "/demo/app/revocations", "", nil, 200},
		{"health", "GET", "/healthz", "", nil, 200},
		{"status", "GET", "/status", "", nil, 200},
		{"a token for a client", "POST", "/demo/app/token", with("grant_type", "client_credentials"), formed, 200},
		{"readiness", "GET", "/readyz", "", nil, 503},
		{"a token for a user", "POST", "/demo/app/token", fmt.Sprintf(passwordLogin, s.user.name, s.user.password), nil, 503},
		{"a refresh token", "POST", "/demo/app/token", "grant_type=refresh_token&refresh_token=x", formed, 503},
		{"a token for an admin", "POST", "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword), nil, 503},
		{"introspection", "POST", "/demo/app/introspect", with("token", client), formed, 503},
		{"revocation", "POST", "/demo/app/revoke", with("token", client), formed, 503},
		{"forward auth of a user", "GET", "/demo/app/authorize?method=GET&path=/users", "", asUser, 503},
		{"forward auth of a client", "GET", "/demo/app/authorize?method=GET&path=/users", "", asClient, 503},
		{"oneself", "GET", "/demo/app/users/me", "", asUser, 503},
		{"users", "GET", "/demo/app/users", "", asClient, 503},
		{"a change", "POST", "/demo/app/roles", `{"name":"absent","title":"Absent"}`, asClient, 503},
		{"all of somebody's tokens", "POST", "/demo/app/users/" + s.user.name + "/revoketokens", "", asRoot, 503},
		{"the policy", "GET", "/demo/app/policy", "", asClient, 503},
		{"status lists", "GET", "/demo/app/statuslists", "", nil, 503},
		{"a forgotten password", "POST", "/demo/app/users/resetpw", `{"email":"nobody@example.com"}`, nil, 503},
	}
}

// outage asks everything at once and holds the answers against what is promised without a database. The pause behind it keeps whoever repeats it far
// below what one address may ask of the feed, however quick the machine is.
func outage(t *testing.T, in *instance, probes []probe) {
	t.Helper()
	var all sync.WaitGroup
	for _, p := range probes {
		all.Go(func() {
			o := try(t.Context(), patient(), p.method, in.url+p.path, p.body, p.header...)
			switch {
			case o.status != p.without:
				t.Errorf("%s: %d %s, want %d", p.name, o.status, o.body, p.without)
			case o.status == http.StatusServiceUnavailable && o.header.Get("Retry-After") == "":
				t.Errorf("%s: nobody says when to come back", p.name)
			case o.took > bound:
				t.Errorf("%s took %v", p.name, o.took)
			}
		})
	}
	all.Wait()
	pause(t, 50*time.Millisecond)
}

// recovered waits until a replica does everything again.
func (s *scene) recovered(t *testing.T, in *instance) {
	t.Helper()
	took := promptly(t, "it is ready again", patience, func() bool {
		return try(t.Context(), patient(), http.MethodGet, in.url+"/readyz", "").status == http.StatusOK
	})
	began := time.Now()
	token := s.login(t, in)
	if status := s.active(t, in, token); status != 1 {
		t.Errorf("a new token: %d", status)
	}
	if status := s.revoke(t, in, token); status != http.StatusOK {
		t.Errorf("its revocation: %d", status)
	}
	t.Logf("ready %v after the recovery, a login and a revocation took %v", took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	select {
	case <-in.exited:
		t.Error("it has ended")
	default:
	}
}
