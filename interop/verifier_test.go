package interop

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// promised is the time after which a connected verifier refuses what was revoked. Nothing normal takes a tenth of it.
const promised = 2 * time.Second

// mortal is a Writ that can be killed and started again on the same address with the same data.
type mortal struct {
	folder, address string
	process         *exec.Cmd
	exited          chan error
	stderr          *transcript
}

// newMortal starts one, on an address that was free a moment ago: its issuers have to stay the same.
func newMortal(t *testing.T) *mortal {
	t.Helper()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{folder: filepath.Join(t.TempDir(), "data"), address: free.Addr().String(), stderr: newTranscript()}
	_ = free.Close()
	m.start(t)
	t.Cleanup(func() {
		stop(t, m.process, m.exited)
		if t.Failed() {
			t.Logf("Writ said:\n%s", m.stderr)
		}
	})
	return m
}

func (m *mortal) start(t *testing.T) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	stdout := newTranscript()
	m.process = exec.CommandContext(context.WithoutCancel(t.Context()), path, "serve", "--listen="+m.address, "--data-dir="+m.folder, "--log-level=warn")
	m.process.Stdout, m.process.Stderr = stdout, m.stderr
	m.process.Env = []string{"WRIT_SUPERUSER_PASSWORD=" + superuserPassword}
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	m.exited = exited
	go func(process *exec.Cmd) { exited <- process.Wait() }(m.process)
	if _, up := awaitAddress(t.Context(), stdout); !up {
		t.Fatalf("Writ did not start: %s", m.stderr)
	}
}

// kill ends it without a chance to say anything.
func (m *mortal) kill(t *testing.T) {
	t.Helper()
	if err := m.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-m.exited; err == nil {
		t.Error("Writ had ended by itself")
	}
}

// cable is the network between one resource server and Writ.
type cable struct {
	mu    sync.Mutex
	out   bool
	conns []net.Conn
}

func (c *cable) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: c.dial}}
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		_ = conn.Close()
		return nil, errors.New("the cable is out")
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = false
}

// guards are two resource servers: one that is a client of Writ's, and one that nobody knows.
type guards struct {
	client, public *verifier.Verifier
	cables         [2]*cable
}

func newGuards(t *testing.T, issuer, organization string, as credentials) *guards {
	t.Helper()
	g := &guards{cables: [2]*cable{{}, {}}}
	for i, config := range []verifier.Config{{ClientID: as.ID, ClientSecret: as.Secret}, {}} {
		config.Issuer, config.Organization = issuer, organization
		config.HTTPClient, config.Logger = g.cables[i].client(), slog.New(slog.DiscardHandler)
		v, err := verifier.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		if i == 0 {
			g.client = v
		} else {
			g.public = v
		}
	}
	return g
}

func (g *guards) both() []*verifier.Verifier { return []*verifier.Verifier{g.client, g.public} }

func (g *guards) accept(t *testing.T, what, raw string) {
	t.Helper()
	for i, v := range g.both() {
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Errorf("%s: verifier %d refuses: %v", what, i, err)
		}
	}
}

// refuse waits until both refuse the token, at most that long.
func (g *guards) refuse(t *testing.T, what, raw string, within time.Duration) {
	t.Helper()
	began := time.Now()
	for i, v := range g.both() {
		for {
			_, err := v.Verify(t.Context(), raw)
			if errors.Is(err, verifier.ErrRevoked) {
				break
			}
			if time.Since(began) > within {
				t.Errorf("%s: after %v verifier %d says %v", what, within, i, err)
				break
			}
			<-time.After(time.Millisecond)
		}
	}
	t.Logf("%s: refused after %v", what, time.Since(began).Round(time.Millisecond))
}

// mortalWorld sets up a world on a server that can be killed.
func mortalWorld(t *testing.T) (*world, *mortal) {
	t.Helper()
	m := newMortal(t)
	w := &world{url: "http://" + m.address, client: &http.Client{Timeout: patience}}
	t.Cleanup(w.client.CloseIdleConnections)
	w.root = "Basic " + base64.StdEncoding.EncodeToString([]byte(superuser+":"+superuserPassword))
	w.setUp(t)
	return w, m
}

func (w *world) revoke(t *testing.T, raw string, c credentials) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.issuer()+"/revoke", strings.NewReader(url.Values{"token": {raw}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	answer, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("revoke: %d", answer.StatusCode)
	}
}

func headerOf(t *testing.T, raw string) (kid string) {
	t.Helper()
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header.KeyID
}

// SEC-52
// SEC-61
// SEC-62
//
// Whatever ends a token at a real server ends it at resource servers that only listen to the feed, with and without credentials.
func TestWhatIsRevokedIsRefusedByThoseWhoFollow(t *testing.T) {
	t.Parallel()
	w, _ := mortalWorld(t)
	g := newGuards(t, w.issuer(), "", w.acme)
	const user = "/acme/shop/users/dana"

	one, other := w.userToken(t), w.userToken(t)
	g.accept(t, "fresh tokens", one)
	w.revoke(t, one, w.shop)
	g.refuse(t, "a revoked token", one, promised)
	g.accept(t, "another token of the same user", other)

	w.set(t, "PUT", user+"/revoketokens", "")
	g.refuse(t, "all tokens of a user", other, promised)
	later := w.userToken(t)
	g.accept(t, "a token from after that", later)

	machine := w.clientToken(t, "/acme/shop", w.shop)
	g.accept(t, "a client's token", machine)
	w.set(t, "PUT", "/acme/shop/credentials/revoketokens", "")
	g.refuse(t, "all tokens of a client", machine, promised)

	forEver := w.clientToken(t, "/acme/shop", w.shop, "ttl", "0")
	g.accept(t, "a token that never expires", forEver)
	w.revoke(t, forEver, w.shop)
	g.refuse(t, "a token that never expires", forEver, promised)

	t.Run("roles", func(t *testing.T) { rolesChange(t, w, g) })

	gone := w.userToken(t)
	w.addUser(t, "erin", "Erin")
	w.set(t, "DELETE", user, "")
	g.refuse(t, "a deleted user", gone, promised)

	machine = w.clientToken(t, "/acme/shop", w.shop)
	g.accept(t, "a client's new token", machine)
	w.set(t, "DELETE", "/management/keys/"+headerOf(t, machine), "")
	// What tells of it is signed by a key that nobody has seen, and keys are fetched every five seconds at most.
	g.refuse(t, "a dropped key", machine, promised+5*time.Second)
	next := w.clientToken(t, "/acme/shop", w.shop)
	if headerOf(t, next) == headerOf(t, machine) {
		t.Fatal("a dropped key signs")
	}
	g.accept(t, "a token of the next key", next)

	w.set(t, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "")
	g.refuse(t, "a deleted application", next, promised)
}

func rolesChange(t *testing.T, w *world, g *guards) {
	t.Helper()
	raw := w.userToken(t)
	has := func(v *verifier.Verifier) bool {
		token, err := v.Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		return token.HasRole("clerk")
	}
	if !has(g.client) || !has(g.public) {
		t.Fatal("the token has no role")
	}
	began := time.Now()
	w.set(t, "DELETE", "/acme/shop/roles/clerk/users/dana", "")
	for has(g.client) {
		if time.Since(began) > promised {
			t.Fatal("the role is still there for the client")
		}
		<-time.After(time.Millisecond)
	}
	if !has(g.public) {
		t.Error("the public feed tells who has which role")
	}
}

// SEC-61
// SEC-64
//
// Nothing is lost when the server is killed or the network goes, and what happens meanwhile is known soon after.
func TestRevocationsSurviveKillsAndCuts(t *testing.T) {
	t.Parallel()
	w, m := mortalWorld(t)
	g := newGuards(t, w.issuer(), "", w.shop)
	const soon = 15 * time.Second // the longest pause between two attempts, and some

	var before []string
	for range 3 {
		raw := w.userToken(t)
		w.revoke(t, raw, w.shop)
		m.kill(t) // the revocation was acknowledged
		before = append(before, raw)
		m.start(t)
		w.client.CloseIdleConnections()
		g.refuse(t, "acknowledged before a kill", raw, soon)
	}
	raw := w.userToken(t)
	g.accept(t, "after all that", raw)
	g.cables[0].pull()
	g.cables[1].pull()
	w.revoke(t, raw, w.shop)
	g.accept(t, "while the cable is out", raw)
	m.kill(t)
	m.start(t)
	w.client.CloseIdleConnections()
	g.cables[0].plug()
	g.cables[1].plug()
	g.refuse(t, "revoked while the cable was out", raw, soon)
	for _, old := range before {
		g.refuse(t, "from before", old, promised)
	}
	// A resource server that starts now learns all of it from the complete list.
	fresh := newGuards(t, w.issuer(), "", w.shop)
	for _, old := range append(before, raw) {
		fresh.refuse(t, "from before, to a new verifier", old, promised)
	}
	live := w.userToken(t)
	fresh.accept(t, "a living token", live)
	g.accept(t, "a living token", live)
}

// SEC-61
func TestManagementTokensAreRefusedByThoseWhoFollow(t *testing.T) {
	t.Parallel()
	w, _ := mortalWorld(t)
	g := newGuards(t, w.managementIssuer(), "acme", w.acme)
	admin, organization := w.adminToken(t), w.clientToken(t, "/management", w.acme)
	g.accept(t, "an admin's token", admin)
	g.accept(t, "an organization's token", organization)
	w.set(t, "PUT", "/management/users/olga/revoketokens", "")
	g.refuse(t, "all tokens of an admin", admin, promised)
	g.accept(t, "the organization's token", organization)
	w.set(t, "PUT", "/management/organizations/acme/credentials/revoketokens", "")
	g.refuse(t, "all tokens of an organization's client", organization, promised)
}

// Wrong credentials are refused where everybody else may read.
func TestAVerifierWithWrongCredentialsDoesNotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := verifier.New(t.Context(), verifier.Config{Issuer: w.issuer(), ClientID: w.shop.ID, ClientSecret: "wrong", Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, verifier.ErrFeedCredentials) {
		t.Errorf("error %v", err)
	}
}
