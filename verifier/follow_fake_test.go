package verifier

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

// fakeFeed is an issuer as docs/feed.md has it, of which tests can ask for any misbehaviour. Its clock is a number that rises with every
// change, so that as_of is exact: everything that happened at an earlier number must be known.
type fakeFeed struct {
	t      testing.TB
	server *httptest.Server

	mu       sync.Mutex
	name     string // iss
	epoch    string
	clock    int64
	log      []fakeChange
	dropped  []string
	ended    bool
	floor    int64 // positions below it cannot be continued
	policy   *revocation.Policy
	keys     map[string]*ecdsa.PrivateKey
	signer   string
	pageSize int
	changed  chan struct{} // closed and made anew at every change
	requests []*http.Request

	heartbeat time.Duration
	client    string // id:secret that is known
	closed    bool   // feed-access=client
	// answer, if set, may answer a request itself.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// meddle, if set, stands between: what it gives is sent in the place of a document.
	meddle func(document string) []string
	// buffering proxies give away what streams bring only when they end.
	buffering bool
	via       string // the address of a proxy
}

type fakeChange struct {
	at      int64
	token   *revocation.Token
	subject *revocation.Subject
	claims  *revocation.Change
}

func newFakeFeed(t testing.TB) *fakeFeed {
	t.Helper()
	f := &fakeFeed{
		t: t, epoch: "epoch-1", clock: time.Now().Unix(), keys: map[string]*ecdsa.PrivateKey{}, pageSize: 1000,
		changed: make(chan struct{}), heartbeat: 20 * time.Millisecond, client: "app:s:cret+1",
	}
	f.newKey("key-1")
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	f.name = f.server.URL + "/acme/shop"
	t.Cleanup(func() {
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

func (f *fakeFeed) newKey(kid string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[kid], f.signer = key, kid
}

// now is the clock of the issuer and of those who follow it.
func (f *fakeFeed) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Unix(f.clock, 0)
}

// change does something and tells those who wait.
func (f *fakeFeed) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.clock++
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeFeed) denyToken(jti string) {
	f.change(func() {
		f.log = append(f.log, fakeChange{at: f.clock, token: &revocation.Token{ID: revocation.Hash(jti)}})
	})
}

func (f *fakeFeed) denySubject(sub string, gen int64) {
	f.change(func() {
		f.log = append(f.log, fakeChange{at: f.clock, subject: &revocation.Subject{ID: revocation.Hash(sub), Generation: gen}})
	})
}

func (f *fakeFeed) changeRoles(sub string, roles ...string) {
	f.change(func() {
		f.log = append(f.log, fakeChange{at: f.clock, claims: &revocation.Change{ID: revocation.Hash(sub), Roles: roles}})
	})
}

func (f *fakeFeed) setPolicy(roles map[string][]string) {
	f.change(func() {
		f.log = append(f.log, fakeChange{at: f.clock})
		f.policy = &revocation.Policy{Seq: int64(len(f.log)), Roles: roles}
	})
}

// sign makes a compact JWS.
func (f *fakeFeed) sign(typ, kid string, payload any) string {
	return signWith(f.keys[kid], typ, kid, payload)
}

func signWith(key *ecdsa.PrivateKey, typ, kid string, payload any) string {
	header, _ := json.Marshal(map[string]string{"typ": typ, "alg": "ES256", "kid": kid})
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(text)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}

func (f *fakeFeed) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	answer := f.answer
	f.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	switch r.URL.Path {
	case "/jwks":
		_, _ = w.Write(f.jwks())
	case "/acme/shop/revocations":
		if member, ok := f.allowed(w, r); ok {
			f.serveFeed(w, r, member)
		}
	case "/acme/shop/policy":
		if member, ok := f.allowed(w, r); !ok || !member {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.servePolicy(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *fakeFeed) allowed(w http.ResponseWriter, r *http.Request) (member, ok bool) {
	if r.Header.Get("Authorization") == "" {
		if f.closed {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return false, !f.closed
	}
	id, secret, _ := r.BasicAuth()
	wantID, wantSecret, _ := strings.Cut(f.client, ":")
	if id != wantID || secret != urlEncoded(wantSecret) {
		w.WriteHeader(http.StatusUnauthorized)
		return false, false
	}
	return true, true
}

func urlEncoded(text string) string {
	return strings.NewReplacer(":", "%3A", "+", "%2B").Replace(text)
}

func (f *fakeFeed) jwks() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for kid, key := range f.keys {
		if slices.Contains(f.dropped, kid) {
			continue
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		set.Keys = append(set.Keys, map[string]string{
			"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
		})
	}
	text, _ := json.Marshal(set)
	return text
}

func (f *fakeFeed) seq() int64 { return int64(len(f.log)) }

// document makes a document of the changes after from up to the position to. The lock is held.
func (f *fakeFeed) document(from, to int64, member bool) *revocation.Document {
	d := &revocation.Document{
		Issuer: f.name, IssuedAt: f.clock, Epoch: f.epoch, From: from, Seq: to, AsOf: f.clock, Keys: f.dropped, Ended: f.ended,
	}
	for _, change := range f.log[from:to] {
		switch {
		case change.token != nil:
			d.Tokens = append(d.Tokens, *change.token)
		case change.subject != nil:
			d.Subjects = append(d.Subjects, *change.subject)
		case change.claims != nil && member:
			d.Claims = append(d.Claims, *change.claims)
		}
	}
	if member && f.policy != nil {
		d.Policy = f.policy.Seq
	}
	return d
}

// page makes one page of the complete list at a position, of pageSize changes each.
func (f *fakeFeed) page(number int, seq int64, member bool) *revocation.Document {
	pages := max(1, int(seq+int64(f.pageSize)-1)/f.pageSize)
	first := int64((number - 1) * f.pageSize)
	d := f.document(first, min(first+int64(f.pageSize), seq), member)
	d.Complete, d.Page, d.Pages, d.From, d.Seq = true, number, pages, 0, seq
	if seq < f.seq() {
		d.AsOf = f.log[seq].at
	}
	return d
}

// send gives a document away, or what stands in its place.
func (f *fakeFeed) send(d *revocation.Document) []string {
	f.mu.Lock()
	text, meddle := f.sign(revocation.Type, f.signer, d), f.meddle
	f.mu.Unlock()
	if meddle != nil {
		return meddle(text)
	}
	return []string{text}
}

func (f *fakeFeed) serveFeed(w http.ResponseWriter, r *http.Request, member bool) {
	query := r.URL.Query()
	after, err := strconv.ParseInt(query.Get("after"), 10, 64)
	number, _ := strconv.Atoi(query.Get("page"))
	f.mu.Lock()
	can := err == nil && query.Get("epoch") == f.epoch && after <= f.seq() && after >= f.floor
	f.mu.Unlock()
	switch {
	case r.Header.Get("Accept") == eventStream:
		f.serveStream(w, r, after, can, member)
	case can:
		f.wait(r.Context(), after)
		f.mu.Lock()
		d := f.document(after, f.seq(), member)
		f.mu.Unlock()
		f.serveDocument(w, d)
	default:
		f.mu.Lock()
		seq := f.seq()
		if number > 0 {
			seq, _ = strconv.ParseInt(query.Get("seq"), 10, 64)
		}
		d := f.page(max(number, 1), seq, member)
		f.mu.Unlock()
		f.serveDocument(w, d)
	}
}

func (f *fakeFeed) serveDocument(w http.ResponseWriter, d *revocation.Document) {
	w.Header().Set("Content-Type", revocation.MediaType)
	for _, text := range f.send(d)[:1] {
		_, _ = io.WriteString(w, text)
	}
}

// wait returns when there is something after a position, or after some heartbeats.
func (f *fakeFeed) wait(ctx context.Context, after int64) {
	patience := time.After(5 * f.heartbeat)
	for {
		f.mu.Lock()
		changed, seq := f.changed, f.seq()
		f.mu.Unlock()
		if seq > after {
			return
		}
		select {
		case <-changed:
		case <-patience:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *fakeFeed) serveStream(w http.ResponseWriter, r *http.Request, after int64, can, member bool) {
	w.Header().Set("Content-Type", eventStream)
	if !can {
		_, _ = io.WriteString(w, "event: gone\ndata:\n\n")
		return
	}
	for r.Context().Err() == nil {
		f.mu.Lock()
		d, changed, epoch := f.document(after, f.seq(), member), f.changed, f.epoch
		buffering := f.buffering
		f.mu.Unlock()
		texts := f.send(d)
		if buffering {
			texts = nil // kept until the stream ends, which it does not
		}
		for _, text := range texts {
			if _, err := fmt.Fprintf(w, "id: %s:%d\nevent: revocations\ndata: %s\n\n", epoch, d.Seq, text); err != nil {
				return
			}
		}
		_ = http.NewResponseController(w).Flush()
		after = d.Seq
		select {
		case <-changed:
		case <-time.After(f.heartbeat):
		case <-r.Context().Done():
			return
		}
		f.mu.Lock()
		can = f.epoch == epoch && after >= f.floor && after <= f.seq()
		f.mu.Unlock()
		if !can {
			_, _ = io.WriteString(w, "event: gone\ndata:\n\n")
			return
		}
	}
}

func (f *fakeFeed) servePolicy(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.policy == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	tag := fmt.Sprintf(`"%d"`, f.policy.Seq)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	p := *f.policy
	p.Issuer, p.IssuedAt, p.Epoch, p.AsOf = f.name, f.clock, f.epoch, f.clock
	w.Header().Set("ETag", tag)
	_, _ = io.WriteString(w, f.sign(revocation.PolicyType, f.signer, p))
}

// quickPace has no patience; the proportions are those of production.
func quickPace() pace {
	return pace{
		first: 400 * time.Millisecond, probe: 200 * time.Millisecond, silence: 500 * time.Millisecond,
		wait: 200 * time.Millisecond, slack: 500 * time.Millisecond, page: 2 * time.Second,
		polls: 600 * time.Millisecond, pollsMax: time.Second,
		backOff: time.Millisecond, backOffMax: 20 * time.Millisecond,
		ended: 20 * time.Millisecond, forgetEvery: time.Hour, looseMin: 1 << 14,
	}
}

// config is what a follower of this issuer needs, with a key set of its own.
func (f *fakeFeed) config(t testing.TB) followerConfig {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if f.via != "" {
			address = f.via
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client := ownClient(&http.Client{Transport: transport})
	logger := slog.New(slog.DiscardHandler)
	keys := &keySet{
		issuer: f.name, address: f.server.URL + "/jwks", client: client, algorithms: []string{es256}, now: f.now, logger: logger,
		unknown: map[string]time.Time{},
	}
	return followerConfig{
		issuer: f.name, revocations: f.name + "/revocations", client: client, now: f.now, logger: logger,
		verify: func(ctx context.Context, raw []byte, typ string) ([]byte, error) {
			// The clock stands between changes: the pause that wrong kids cost would never be over.
			keys.mutex.Lock()
			keys.tried = time.Time{}
			keys.mutex.Unlock()
			return keys.verify(ctx, raw, typ, nil)
		},
	}
}

// withClient adds credentials.
func (f *fakeFeed) withClient(c followerConfig) followerConfig {
	c.clientID, c.clientSecret, _ = strings.Cut(f.client, ":")
	c.policy = f.name + "/policy"
	return c
}

// follow runs a follower until the test ends, which waits for it.
func follow(t testing.TB, c followerConfig) *follower {
	t.Helper()
	f := newFollower(c)
	f.pace = quickPace()
	f.pollNext = f.pace.polls
	runFollower(t, f)
	return f
}

func runFollower(t testing.TB, f *follower) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f.run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil && f.setUp == nil {
				t.Errorf("the follower ends with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the follower goes on after the end of its context")
		}
	})
}

func mustBeReady(t testing.TB, f *follower) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.ready(ctx); err != nil {
		t.Fatalf("not ready: %v", err)
	}
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// right tells whether a follower holds exactly what the issuer denies, and knows that it is up to date.
func (f *fakeFeed) right(k *knowledge, list interface{ Len() int }) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k == nil {
		return fmt.Errorf("nothing is known")
	}
	if k.epoch != f.epoch || k.seq != f.seq() || k.ended != f.ended || len(k.keys) != len(f.dropped) {
		return fmt.Errorf("position %s:%d, want %s:%d", k.epoch, k.seq, f.epoch, f.seq())
	}
	entries := map[any]bool{}
	for _, change := range f.log {
		if change.token != nil {
			entries[change.token.ID] = true
		}
		if change.subject != nil {
			entries["sub"+fmt.Sprint(change.subject.ID)] = true
		}
	}
	if list.Len() != len(entries) {
		return fmt.Errorf("%d entries, want %d", list.Len(), len(entries))
	}
	return f.nothingMissing(k, f.clock)
}

// nothingMissing tells whether everything that happened before a time is in the knowledge. The lock is held.
func (f *fakeFeed) nothingMissing(k *knowledge, asOf int64) error {
	if known := f.knownUpTo(k); known < len(f.log) && f.log[known].at < asOf {
		return fmt.Errorf("change %d is missing at as_of %d", known+1, asOf)
	}
	return nil
}

// knownUpTo gives the first change that is not in the knowledge. The lock is held.
func (f *fakeFeed) knownUpTo(k *knowledge) int {
	var other revocation.ID
	for i, change := range f.log {
		if change.token != nil && !k.denied.Denies(change.token.ID, other, 1) ||
			change.subject != nil && !k.denied.Denies(other, change.subject.ID, change.subject.Generation-1) {
			return i
		}
	}
	return len(f.log)
}
