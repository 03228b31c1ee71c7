package portal

import (
	"crypto/tls"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/grants/userimport"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/store"
)

const (
	adminPassword = "slow-river-92"
	rootPassword  = "tall-cedar-4711"
)

// clock is a clock that tests move by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// options change the fixture; the zero value is a server on plain HTTP on this machine that sends no mail.
type options struct {
	tls, mail, once, denyNonExpiring bool
}

// world is a whole server with pages on a port of this machine: organization acme with the application shop and the admin olga, organization
// rival with the application stall and the admin rita, and the superuser.
type world struct {
	*httptest.Server

	store      *store.Store
	database   string // file
	service    *grants.Service
	clock      *clock
	passwords  *grants.Passwords
	secrets    *grants.Secrets
	audit      *grants.Recorder
	imports    *userimport.Service
	log        *strings.Builder
	acme       models.Organization
	shop       models.Application
	shopSecret string
	acmeSecret string
	olga, rita models.Admin
}

func newWorld(t *testing.T, opts options) *world {
	t.Helper()
	w := &world{database: filepath.Join(t.TempDir(), "writ.db"), clock: &clock{at: time.UnixMilli(1_795_000_000_250)}, log: &strings.Builder{}}
	logger := slog.New(slog.NewTextHandler(&locked{out: w.log}, nil))
	var err error
	w.store, err = store.Open(t.Context(), store.Config{
		Database: "sqlite:" + w.database, TokenTTL: 86_400_000, Now: w.clock.now, Logger: logger,
	})
	must(t, err)
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	ring, err := keys.Open(t.Context(), keys.Config{Store: w.store, Sealer: sealer, Algorithm: "ES256", Now: w.clock.now, Logger: logger})
	must(t, err)
	cheap := grants.Cost{Memory: 64, Time: 1, Threads: 1} // microseconds, with the code of production
	w.passwords = grants.NewPasswords(grants.Policy{MinLength: 8, Cost: cheap}, 1)
	w.secrets = grants.NewSecrets(sealer, !opts.once)
	w.audit = grants.NewRecorder(w.store, w.clock.now, logger)

	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	publicURL := "http://" + listener.Addr().String()
	if opts.tls {
		publicURL = "https://" + listener.Addr().String()
	}
	w.service, err = grants.New(t.Context(), grants.Config{
		PublicURL: publicURL, TokenTTL: 86_400_000, NonExpiring: !opts.denyNonExpiring, Superuser: "superuser", Store: w.store, Keys: ring,
		Passwords: w.passwords, Secrets: w.secrets, Now: w.clock.now, Logger: logger, Audit: w.audit,
	})
	must(t, err)
	w.store.Subscribe(w.service.Apply)
	hub, err := feed.New(t.Context(), feed.Config{Store: w.store, Signer: ring, Now: w.clock.now, Logger: logger})
	must(t, err)
	var tlsConfig *tls.Config
	if opts.tls {
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS13}
	}
	handler := server.New(server.Config{
		TLS:       tlsConfig,
		PublicURL: publicURL, Version: "test", Now: w.clock.now, Logger: logger, Grants: w.service, Store: w.store, Keys: ring,
		Passwords: w.passwords, Secrets: w.secrets, Audit: w.audit, Feed: hub,
	})
	w.imports = userimport.New(userimport.Config{Store: w.store, Sealer: sealer, Now: w.clock.now, Logger: logger})
	handler.Portal = New(Config{
		PublicURL: publicURL, TokenTTL: 86_400_000, NonExpiring: !opts.denyNonExpiring, SendsMail: opts.mail, MinPassword: 8,
		API: handler, Insight: handler, Auth: w.service, Store: w.store, Imports: w.imports, Now: w.clock.now, Logger: logger,
	})
	w.Server = httptest.NewUnstartedServer(handler)
	must(t, w.Listener.Close())
	w.Listener = listener
	if opts.tls {
		w.StartTLS()
	} else {
		w.Start()
	}
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			t.Log(w.log)
		}
		hub.Close()
		must(t, w.store.Close())
	})
	w.seed(t)
	return w
}

// locked lets several requests log at once.
type locked struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (w *world) seed(t *testing.T) {
	t.Helper()
	root := w.newAdmin(t, "superuser", rootPassword)
	root.Superuser = true
	must(t, w.store.CreateAdmin(t.Context(), root))
	w.olga, w.rita = w.newAdmin(t, "olga", adminPassword), w.newAdmin(t, "rita", adminPassword)
	w.acme, w.acmeSecret = w.newOrganization(t, "acme", &w.olga)
	rival, _ := w.newOrganization(t, "rival", &w.rita)
	w.shop, w.shopSecret = w.newApplication(t, w.acme, "shop")
	w.newApplication(t, rival, "stall")
}

func (w *world) newAdmin(t *testing.T, username, password string) models.Admin {
	t.Helper()
	admin, err := models.NewAdmin(username, username+"@example.com", "", w.clock.now())
	must(t, err)
	admin.PasswordHash, err = w.passwords.HashUnchecked(t.Context(), password)
	must(t, err)
	return admin
}

func (w *world) newOrganization(t *testing.T, name string, owner *models.Admin) (models.Organization, string) {
	t.Helper()
	o, err := models.NewOrganization(name, w.clock.now())
	must(t, err)
	client, secret, err := w.secrets.NewClient(models.OrganizationClient, o.ID, w.clock.now())
	must(t, err)
	must(t, w.store.CreateOrganization(t.Context(), store.NewOrganization{Organization: o, Client: client, Owner: owner}))
	return o, secret
}

func (w *world) newApplication(t *testing.T, owner models.Organization, name string) (models.Application, string) {
	t.Helper()
	a, err := models.NewApplication(owner.ID, name, w.clock.now())
	must(t, err)
	client, secret, err := w.secrets.NewClient(models.ApplicationClient, a.ID, w.clock.now())
	must(t, err)
	must(t, w.store.CreateApplication(t.Context(), store.NewApplication{
		Application: a, Client: client, Roles: models.DefaultRoles(a.ID, false, w.clock.now()),
	}))
	return a, secret
}

// events are the entries of the audit trail with this action, newest first.
func (w *world) events(t *testing.T, action string) []models.AuditEvent {
	t.Helper()
	must(t, w.audit.Flush(t.Context()))
	rows, _, err := w.store.Audit(t.Context(), models.AuditFilter{Action: action}, models.Page{Limit: 100})
	must(t, err)
	return rows
}

// browser is one that keeps cookies and says where its requests come from, as browsers do. It does not follow redirects.
type browser struct {
	world  *world
	client *http.Client
	last   *reply
	form   string // token of the forms of the page shown last
}

// reply is an answer with its body read.
type reply struct {
	*http.Response

	text string
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{world: w, client: &http.Client{
		Transport: w.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send makes a request; headers are "Name: value", an empty value removes one.
func (b *browser) send(t *testing.T, method, path, body string, headers ...string) *reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.world.URL+path, strings.NewReader(body))
	must(t, err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if request.Header.Del(name); value != "" {
			request.Header.Set(name, value)
		}
		if name == "Host" {
			request.Host = value
		}
	}
	response, err := b.client.Do(request)
	must(t, err)
	text, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	b.last = &reply{response, string(text)}
	if found := hiddenToken.FindStringSubmatch(b.last.text); found != nil {
		b.form = html.UnescapeString(found[1])
	}
	return b.last
}

// open follows a link, and the redirects behind it.
func (b *browser) open(t *testing.T, path string) *reply {
	t.Helper()
	for range 5 {
		r := b.send(t, http.MethodGet, path, "")
		if r.StatusCode != http.StatusSeeOther {
			return r
		}
		path = r.Header.Get("Location")
	}
	t.Fatalf("%s: redirects without end", path)
	return nil
}

// submit sends a form of the page shown last, with its token; fields are names and values.
func (b *browser) submit(t *testing.T, path string, fields ...string) *reply {
	t.Helper()
	form := url.Values{formName: {b.form}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.send(t, http.MethodPost, path, form.Encode())
}

var hiddenToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn signs in and opens the first page.
func (b *browser) signIn(t *testing.T, username, password string) *browser {
	t.Helper()
	b.open(t, "/portal/sign-in")
	r := b.submit(t, "/portal/sign-in", "username", username, "password", password)
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK)
	return b
}

func (w *world) as(t *testing.T, username string) *browser {
	t.Helper()
	if username == "superuser" {
		return w.browser(t).signIn(t, username, rootPassword)
	}
	return w.browser(t).signIn(t, username, adminPassword)
}

// session is the value of the browser's cookie.
func (b *browser) session(t *testing.T) string {
	t.Helper()
	at, err := url.Parse(b.world.URL + "/portal")
	must(t, err)
	for _, cookie := range b.client.Jar.Cookies(at) {
		if strings.HasSuffix(cookie.Name, "writ-portal") {
			return cookie.Value
		}
	}
	return ""
}

// want checks the status and texts that the body has; one that begins with ! it must not have.
func want(t *testing.T, r *reply, status int, texts ...string) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d\n%s", r.Request.Method, r.Request.URL, r.StatusCode, status, r.shown())
	}
	for _, text := range texts {
		if unwanted, is := strings.CutPrefix(text, "!"); is {
			if strings.Contains(r.text, unwanted) {
				t.Errorf("%s %s has %q\n%s", r.Request.Method, r.Request.URL, unwanted, r.shown())
			}
		} else if !strings.Contains(html.UnescapeString(r.text), text) {
			t.Errorf("%s %s has no %q\n%s", r.Request.Method, r.Request.URL, text, r.shown())
		}
	}
}

// shown is what stands in the frame of a page.
func (r *reply) shown() string {
	_, content, found := strings.Cut(r.text, "<main")
	if !found {
		return r.text
	}
	return content
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
