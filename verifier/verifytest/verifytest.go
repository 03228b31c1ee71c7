// Package verifytest gives a resource server's own tests an issuer: it has keys, metadata, a revocation feed and a policy like a Writ
// server, on a loopback address, and does at once what a test says. Tokens are made as the test wants them, good ones and bad ones.
//
// It is for tests only: whoever can reach it gets whatever he asks for.
package verifytest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
)

// Credentials of the organization's client, which may read policy and claim changes of both issuers, and of the application's.
const (
	ClientID          = "b3U6P8tLcPeaT_ynG5WSJE7Oyg"
	ClientSecret      = "b3U6verifytest-organization-xx" //nolint:gosec // of a fake server
	ApplicationID     = "YXA6KkOPKjFyREK7zhSrJh2x1A"
	ApplicationSecret = "YXA6verifytest-application-xxx" //nolint:gosec // of a fake server
	OrganizationName  = "acme"
	ApplicationName   = "shop"
	organizationUUID  = "3fcb4b70-f79a-4ffc-a71b-9592244ececa"
	applicationUUID   = "2a438f2a-3172-4442-bbce-14ab261db1d4"
	applicationPath   = "/" + OrganizationName + "/" + ApplicationName
	managementPath    = "/management"
	keysPath          = "/.well-known/jwks.json"
	wellKnown         = "/.well-known/oauth-authorization-server"
	defaultHeartbeat  = time.Second
	defaultLifetime   = time.Hour
	maxAge            = "public, max-age=300"
	waitTimeout       = 10 * time.Second
	waitInterval      = time.Millisecond
	generationAtStart = 1
	clientOfAdmins    = "management"
)

// Server is an issuer for an application and for the management of its organization.
type Server struct {
	t    testing.TB
	http *httptest.Server
	now  func() time.Time

	algorithm string
	heartbeat time.Duration

	mutex       sync.Mutex
	keys        []*key // the last but one signs, the last one is announced
	dropped     []string
	epoch       string
	seq         int64
	generations map[string]int64
	application *feed
	management  *feed
	news        chan struct{} // closed when something changed
	cut         chan struct{} // closed when connections are to be cut
	lag         time.Duration

	down     atomic.Bool
	keysDown atomic.Bool
	fetches  atomic.Int64
}

// Option changes a Server before it starts.
type Option func(*Server)

// Algorithm chooses the algorithm of the keys: ES256 (the default), RS256, PS256 or EdDSA.
func Algorithm(name string) Option { return func(s *Server) { s.algorithm = name } }

// Now gives the server another clock; verifiers of Verifier have it, too.
func Now(now func() time.Time) Option { return func(s *Server) { s.now = now } }

// Heartbeat is how often the feed says that nothing happened; a second unless it is set.
func Heartbeat(every time.Duration) Option { return func(s *Server) { s.heartbeat = every } }

// New starts a server that ends with the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{
		t: t, now: time.Now, algorithm: "ES256", heartbeat: defaultHeartbeat, epoch: "verifytest", seq: 1,
		generations: map[string]int64{}, news: make(chan struct{}), cut: make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	s.keys = []*key{newKey(t, s.algorithm), newKey(t, s.algorithm)}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.application, s.management = &feed{issuer: s.Issuer()}, &feed{issuer: s.ManagementIssuer()}
	s.application.policy = &revocation.Policy{Issuer: s.Issuer(), Epoch: s.epoch, Seq: s.seq, Roles: map[string][]string{}}
	t.Cleanup(func() {
		s.Cut()
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Issuer is the iss of the application's tokens.
func (s *Server) Issuer() string { return s.http.URL + applicationPath }

// ManagementIssuer is the iss of the tokens of the organization and of admins.
func (s *Server) ManagementIssuer() string { return s.http.URL + managementPath }

// Config trusts both issuers, with the organization's credentials.
func (s *Server) Config() verifier.Config {
	return verifier.Config{
		Issuer: s.Issuer(), ManagementIssuer: s.ManagementIssuer(), Organization: OrganizationName,
		ClientID: ClientID, ClientSecret: ClientSecret, Now: s.now,
	}
}

// Verifier gives a verifier with that Config, changed as the test likes, that has everything and ends with the test.
func (s *Server) Verifier(changes ...func(*verifier.Config)) *verifier.Verifier {
	s.t.Helper()
	config := s.Config()
	for _, change := range changes {
		change(&config)
	}
	v, err := verifier.New(s.t.Context(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(v.Close)
	return v
}

// Wait returns when the verifier has seen everything that this server has done.
func (s *Server) Wait(v *verifier.Verifier) {
	s.t.Helper()
	for _, f := range []*feed{s.application, s.management} {
		s.wait(v, f)
	}
}

func (s *Server) wait(v *verifier.Verifier, f *feed) {
	s.t.Helper()
	tooLate := time.NewTimer(waitTimeout)
	defer tooLate.Stop()
	poll := time.NewTicker(waitInterval)
	defer poll.Stop()
	for {
		at, known := v.Position(f.issuer)
		s.mutex.Lock()
		ready := at.Epoch == s.epoch && at.Seq >= s.seq && (f.policy == nil || at.Policy == 0 || at.Policy >= f.policy.Seq)
		s.mutex.Unlock()
		// A verifier that does not follow this issuer knows nothing of it, and one without credentials has no policy.
		if ready || !known {
			return
		}
		select {
		case <-poll.C:
		case <-tooLate.C:
			s.t.Fatalf("verifytest: the verifier stays at %+v of %s", at, f.issuer)
		}
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.down.Load() {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.URL.Path {
	case keysPath:
		s.serveKeys(w)
	case wellKnown + applicationPath, applicationPath + wellKnown:
		s.serveMetadata(w, s.application.issuer, true)
	case wellKnown + managementPath, managementPath + wellKnown:
		s.serveMetadata(w, s.management.issuer, false)
	case applicationPath + "/revocations":
		s.serveFeed(w, r, s.application)
	case managementPath + "/revocations":
		s.serveFeed(w, r, s.management)
	case applicationPath + "/policy":
		s.servePolicy(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serveMetadata(w http.ResponseWriter, issuer string, policy bool) {
	document := map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token", "jwks_uri": s.http.URL + keysPath,
		"writ_revocations_uri": issuer + "/revocations",
	}
	if policy {
		document["writ_policy_uri"] = issuer + "/policy"
	}
	w.Header().Set("Cache-Control", maxAge)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

func (s *Server) serveKeys(w http.ResponseWriter) {
	s.fetches.Add(1)
	if s.keysDown.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", maxAge)
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(s.KeySet())
}

// KeyFetches is how often the key set was asked for.
func (s *Server) KeyFetches() int64 { return s.fetches.Load() }

// Cut closes every connection that waits for news; they may come back at once.
func (s *Server) Cut() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

// Down takes the server off the network until Up. Connections are cut.
func (s *Server) Down() {
	s.down.Store(true)
	s.Cut()
	s.http.CloseClientConnections()
}

// Up ends Down.
func (s *Server) Up() { s.down.Store(false) }

// KeysDown lets requests for the key set fail, or ends that.
func (s *Server) KeysDown(down bool) { s.keysDown.Store(down) }

// Lag makes the documents of the feed older than they are, as if this server had lost touch with what the others know.
func (s *Server) Lag(age time.Duration) { s.change(func() { s.lag = age }) }

// change does something under the lock, gives it a number, and tells everybody.
func (s *Server) change(what func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.seq++
	what()
	close(s.news)
	s.news = make(chan struct{})
}

// Revoke denies this one token.
func (s *Server) Revoke(raw string) {
	c := s.read(raw)
	s.change(func() {
		f := s.feedOf(c.Issuer)
		f.tokens = append(f.tokens, at[revocation.Token]{s.seq, revocation.Token{ID: revocation.Hash(c.ID), Expires: c.Expires}})
	})
}

// RevokeSubject denies every token that the subject has, at both issuers. Those that are issued later are good.
func (s *Server) RevokeSubject(sub string) {
	s.change(func() {
		generation := s.generation(sub) + 1
		s.generations[sub] = generation
		entry := revocation.Subject{ID: revocation.Hash(sub), Generation: generation}
		for _, f := range []*feed{s.application, s.management} {
			f.subjects = append(f.subjects, at[revocation.Subject]{s.seq, entry})
		}
	})
}

// End deletes the application: every token of it is denied.
func (s *Server) End() { s.change(func() { s.application.ended = true }) }

// SetRoles says which roles and groups a user has now; no groups: none.
func (s *Server) SetRoles(sub string, roles []string, groups ...string) {
	s.change(func() {
		entry := revocation.Change{ID: revocation.Hash(sub), Roles: append([]string{}, roles...), Groups: append([]string{}, groups...)}
		s.application.changes = append(s.application.changes, at[revocation.Change]{s.seq, entry})
	})
}

// SetMember says whether an admin is a member of the organization.
func (s *Server) SetMember(sub string, member bool) {
	s.change(func() {
		entry := revocation.Change{ID: revocation.Hash(sub), Member: &member}
		s.management.changes = append(s.management.changes, at[revocation.Change]{s.seq, entry})
	})
}

// SetPolicy gives the application other rules: of roles, groups, users (by hashed sub) and guests. The rest is filled in.
func (s *Server) SetPolicy(policy revocation.Policy) {
	s.change(func() {
		policy.Issuer, policy.Epoch, policy.Seq = s.application.issuer, s.epoch, s.seq
		s.application.policy = &policy
	})
}

// Rotate signs with the next key from now on, which was announced before, and announces another one. The old ones stay published.
func (s *Server) Rotate() {
	next := newKey(s.t, s.algorithm)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.keys = append(s.keys, next)
}

// signing is the key that signs. The lock is held.
func (s *Server) signing() *key { return s.keys[len(s.keys)-2] }

// Withdraw takes a key out of the set without a word, as at the end of its life. It must not be the one that signs.
func (s *Server) Withdraw(kid string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.keys = slices.DeleteFunc(s.keys, func(k *key) bool { return k.id == kid })
}

// DropKey takes a key out of the set in an emergency and says so in the feed. If it was the one that signs, the next one does from now on.
func (s *Server) DropKey(kid string) {
	next := newKey(s.t, s.algorithm)
	s.change(func() {
		var left []*key
		for _, k := range s.keys {
			if k.id != kid {
				left = append(left, k)
			}
		}
		if s.signing().id == kid || s.keys[len(s.keys)-1].id == kid {
			left = append(left, next)
		}
		s.keys, s.dropped = left, append(s.dropped, kid)
	})
}
