package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

func TestConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example.com/acme/shop"
	for name, test := range map[string]struct {
		config verifier.Config
		want   string
	}{
		"empty":                   {verifier.Config{}, "Issuer is empty"},
		"no URL":                  {verifier.Config{Issuer: "id.example.com/acme/shop"}, "Issuer"},
		"http":                    {verifier.Config{Issuer: "http://id.example.com/acme/shop"}, "not https"},
		"like loopback":           {verifier.Config{Issuer: "http://localhost.example.com/acme/shop"}, "not https"},
		"another scheme":          {verifier.Config{Issuer: "file:///acme/shop"}, "Issuer"},
		"user":                    {verifier.Config{Issuer: "https://user:pw@id.example.com/acme/shop"}, "https://host/path"},
		"slash":                   {verifier.Config{Issuer: issuer + "/"}, "slash"},
		"query":                   {verifier.Config{Issuer: issuer + "?a=b"}, "query"},
		"fragment":                {verifier.Config{Issuer: issuer + "#a"}, "Issuer"},
		"id without secret":       {verifier.Config{Issuer: issuer, ClientID: "YXA6"}, "belong together"},
		"secret without id":       {verifier.Config{Issuer: issuer, ClientSecret: "YXA6"}, "belong together"},
		"negative bound":          {verifier.Config{Issuer: issuer, MaxStale: -1}, "negative"},
		"unknown algorithm":       {verifier.Config{Issuer: issuer, Algorithms: []string{"HS256"}}, "HS256"},
		"none":                    {verifier.Config{Issuer: issuer, Algorithms: []string{"none"}}, "none"},
		"no organization":         {verifier.Config{Issuer: issuer, ManagementIssuer: "https://id.example.com/management"}, "Organization"},
		"management, no org":      {verifier.Config{Issuer: "https://id.example.com/management"}, "Organization"},
		"no management":           {verifier.Config{Issuer: issuer, ManagementIssuer: "https://id.example.com/umbrella/bank", Organization: "acme"}, "/management"},
		"management by http":      {verifier.Config{Issuer: issuer, ManagementIssuer: "http://id.example.com/management", Organization: "acme"}, "not https"},
		"secret to another place": {verifier.Config{Issuer: issuer, ManagementIssuer: "https://evil.example/management", Organization: "acme", ClientID: "b3U6", ClientSecret: "x"}, "another server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.config.HTTPClient = &http.Client{Transport: noNetwork{t}}
			v, err := verifier.New(t.Context(), test.config)
			if err == nil || v != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "pw") {
				t.Errorf("a password is shown: %v", err)
			}
		})
	}
}

type noNetwork struct{ t *testing.T }

func (n noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	n.t.Error("a bad configuration reached the network")
	return nil, errors.New("no network")
}

// metadataServer answers like an issuer whose metadata a test has changed.
func metadataServer(t *testing.T, path string, change func(issuer string, document map[string]any)) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		issuer := server.URL + "/acme/shop"
		document := map[string]any{"issuer": issuer, "jwks_uri": server.URL + "/keys", "writ_revocations_uri": issuer + "/revocations"}
		change(issuer, document)
		_ = json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/acme/shop"
}

// Metadata that is not exactly the issuer's own, or leads elsewhere, is not used. RFC 8414 §3.3, §6.
func TestMetadataThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(issuer string, document map[string]any)
		want   string
	}{
		"another issuer":    {func(issuer string, d map[string]any) { d["issuer"] = issuer + "x" }, "issuer of the document"},
		"slash behind":      {func(issuer string, d map[string]any) { d["issuer"] = issuer + "/" }, "issuer of the document"},
		"no issuer":         {func(_ string, d map[string]any) { delete(d, "issuer") }, "issuer of the document"},
		"keys by http":      {func(_ string, d map[string]any) { d["jwks_uri"] = "http://id.example.com/keys" }, "not https"},
		"keys in a file":    {func(_ string, d map[string]any) { d["jwks_uri"] = "file:///etc/passwd" }, "jwks_uri"},
		"no keys":           {func(_ string, d map[string]any) { delete(d, "jwks_uri") }, "jwks_uri"},
		"feed elsewhere":    {func(_ string, d map[string]any) { d["writ_revocations_uri"] = "https://evil.example/revocations" }, "another server"},
		"policy elsewhere":  {func(_ string, d map[string]any) { d["writ_policy_uri"] = "https://evil.example/policy" }, "another server"},
		"issuer in letters": {func(issuer string, d map[string]any) { d["ISSUER"] = issuer; delete(d, "issuer") }, "issuer"},
		"large":             {func(_ string, d map[string]any) { d["x"] = strings.Repeat("x", 300<<10) }, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := metadataServer(t, "/.well-known/oauth-authorization-server/acme/shop", test.change)
			_, err := verifier.New(t.Context(), verifier.Config{Issuer: issuer})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// RFC 8414 §3.1 puts the metadata between host and path, many put it behind the path.
func TestBothPlacesOfMetadataAreTried(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/.well-known/oauth-authorization-server/acme/shop", "/acme/shop/.well-known/oauth-authorization-server"} {
		issuer := metadataServer(t, path, func(string, map[string]any) {})
		_, err := verifier.New(t.Context(), verifier.Config{Issuer: issuer})
		if err == nil || !strings.Contains(err.Error(), "keys of") { // there are none: the metadata was found
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(evil.Close)
	server := httptest.NewServer(http.RedirectHandler(evil.URL, http.StatusFound))
	t.Cleanup(server.Close)
	// Not even if the client of the configuration would.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	if _, err := verifier.New(t.Context(), verifier.Config{Issuer: server.URL + "/acme/shop", HTTPClient: client}); err == nil || reached.Load() {
		t.Errorf("got %v; reached %v", err, reached.Load())
	}
}

func TestAnIssuerWithoutFeedMustBeAllowed(t *testing.T) {
	t.Parallel()
	writ := verifytest.New(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issuer := "http://" + r.Host + "/acme/shop"
		if strings.Contains(r.URL.Path, "well-known/oauth") {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": issuer, "jwks_uri": "http://" + r.Host + "/keys"})
			return
		}
		_, _ = w.Write(writ.KeySet())
	}))
	t.Cleanup(proxy.Close)
	config := verifier.Config{Issuer: proxy.URL + "/acme/shop"}
	if _, err := verifier.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "WithoutFeed") {
		t.Errorf("got %v", err)
	}
	config.WithoutFeed = true
	v, err := verifier.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	dana := verifytest.User("dana")
	dana.Issuer = config.Issuer
	accepted(t, v, writ.Issue(dana))
	refused(t, v, writ.IssueNonExpiring(dana), verifier.ErrNonExpiring)
	if _, known := v.Age(); known || v.Ready() != nil {
		t.Error("something is known about revocations")
	}
}

func TestStartingOffline(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	server.Down()
	raw := server.Issue(verifytest.User("dana"))
	config := server.Config()
	if v, err := verifier.New(t.Context(), config); err == nil || v != nil {
		t.Fatalf("got %v, %v", v, err)
	}
	config.StartOffline = true
	v, err := verifier.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	refused(t, v, raw, verifier.ErrUnavailable)
	refused(t, v, "garbage", verifier.ErrMalformed)
	if !errors.Is(v.Ready(), verifier.ErrUnavailable) {
		t.Errorf("ready: %v", v.Ready())
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	if _, err := v.Check(r, verifier.AllowGuest()); !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("a guest: %v", err)
	}
	server.Up()
	eventually(t, func() bool { return v.Ready() == nil })
	accepted(t, v, raw)
}

// New gives up when its context ends, and leaves nothing behind.
func TestStartingIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(gate) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := verifier.New(ctx, verifier.Config{Issuer: server.URL + "/acme/shop"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

// The context of New is for the start: its end does not end the loop.
func TestTheLoopOutlivesTheContextOfNew(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	v, err := verifier.New(ctx, server.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	cancel()
	raw := server.Issue(verifytest.User("dana"))
	accepted(t, v, raw)
	server.Revoke(raw)
	server.Wait(v)
	refused(t, v, raw, verifier.ErrRevoked)
}

// SEC-46: no secret and no token in what a verifier logs, whatever happens.
func TestLogsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	out := &lockedBuilder{}
	v := server.Verifier(func(c *verifier.Config) {
		c.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	raw := server.Issue(verifytest.User("dana"))
	accepted(t, v, raw)
	server.Revoke(raw)
	server.Wait(v)
	_, _ = v.Verify(t.Context(), raw+"x")
	server.Down()
	server.Up()
	server.Lag(time.Hour)
	server.Wait(v)
	v.Close()
	for _, secret := range []string{verifytest.ClientSecret, strings.Split(raw, ".")[2], "Basic ", "dana"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, out)
		}
	}
}

func TestMetricsAreTold(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	var mine seen
	v := server.Verifier(func(c *verifier.Config) { c.Metrics = mine.metrics() })
	raw := server.Issue(verifytest.User("dana"))
	accepted(t, v, raw)
	accepted(t, v, raw)
	refused(t, v, "garbage", verifier.ErrMalformed)
	want := map[string]int64{"/false": 1, "/true": 1, "malformed/false": 1}
	for key, n := range want {
		if got := mine.count(key); got != n {
			t.Errorf("%q: %d, want %d", key, got, n)
		}
	}
	if mine.count("keys") != 1 || mine.count(string(verifier.FeedConnected)) == 0 || mine.count(string(verifier.FeedComplete)) == 0 {
		t.Errorf("got %v", &mine)
	}
}
