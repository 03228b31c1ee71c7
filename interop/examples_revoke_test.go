package interop

import (
	"net/http"
	"testing"
	"time"
)

// wantRevoked ends tokens in every way there is. Each is refused within the time that is promised.
func (e example) wantRevoked(t *testing.T, w *world, m *mortal, s *service) {
	t.Helper()
	const dana = "/acme/shop/users/dana"
	refused := func(what, token string) { t.Helper(); s.becomes(t, what, "GET", order, token, 401, promised) }
	accepted := func(what, token string) { t.Helper(); s.want(t, what, "GET", order, token, 200) }

	one, other := w.userToken(t), w.userToken(t)
	accepted("a token", one)
	for _, again := range spellings(t, one) {
		s.ask(t, "GET", order, again) // may be remembered under its own text
	}
	w.revoke(t, one, w.shop)
	refused("a revoked token", one)
	for name, again := range spellings(t, one) {
		s.want(t, "a revoked token: "+name, "GET", order, again, 401)
	}
	accepted("another token of the same user", other)
	w.set(t, "PUT", dana+"/revoketokens", "")
	refused("all tokens of a user", other)

	later := w.userToken(t)
	accepted("a token from after that", later)
	w.set(t, "DELETE", "/acme/shop/roles/reader/users/dana", "")
	s.becomes(t, "a role that was taken away", "GET", order, later, 403, promised)
	w.set(t, "POST", "/acme/shop/roles/reader/users/dana", "")
	s.becomes(t, "a role that was given", "GET", order, later, 200, promised)

	machine, forEver := w.clientToken(t, "/acme/shop", w.shop), w.clientToken(t, "/acme/shop", w.shop, "ttl", "0")
	w.revoke(t, forEver, w.shop)
	refused("a token that never expires", forEver)
	accepted("a client's token", machine)
	w.set(t, "PUT", "/acme/shop/credentials/revoketokens", "")
	refused("all tokens of a client", machine)
	admin := w.adminToken(t)
	accepted("an admin's token", admin)
	w.set(t, "PUT", "/management/users/olga/revoketokens", "")
	refused("all tokens of an admin", admin)

	dead := []string{one, other, forEver, machine, admin}
	e.wantRememberedOverAKill(t, w, m, s, later, dead)

	// What tells of a dropped key is signed by one that nobody has seen.
	w.set(t, "DELETE", "/management/keys/"+headerOf(t, later), "")
	s.becomes(t, "a dropped key", "GET", order, later, 401, promised+e.keyed)
	next := w.userToken(t)
	s.becomes(t, "a token of the next key", "GET", order, next, 200, promised+e.keyed)

	w.set(t, "DELETE", dana, "")
	refused("a deleted user", next)
	last := w.clientToken(t, "/acme/shop", w.shop)
	accepted("a client's last token", last)
	w.set(t, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "")
	gone := http.StatusUnauthorized
	if e.proxy {
		gone = http.StatusInternalServerError // there is nobody to ask: nginx lets nothing pass
	}
	s.becomes(t, "a deleted application", "GET", order, last, gone, promised)
	for _, token := range append(dead, later, next) {
		s.want(t, "a dead token after all that", "GET", order, token, gone)
	}
}

// wantRememberedOverAKill kills the server and starts it again: no moment accepts a dead token.
func (e example) wantRememberedOverAKill(t *testing.T, w *world, m *mortal, s *service, live string, dead []string) {
	t.Helper()
	never := func(when string) {
		t.Helper()
		for _, token := range dead {
			if got := s.ask(t, "GET", order, token); got.status == http.StatusOK {
				t.Errorf("a dead token is accepted %s", when)
			}
		}
	}
	last := w.userToken(t)
	w.revoke(t, last, w.shop)
	m.kill(t) // the revocation was acknowledged
	never("while the server is down")
	m.start(t)
	w.client.CloseIdleConnections()
	never("when the server is back")
	const soon = 15 * time.Second // the longest pause between two attempts, and some
	s.becomes(t, "revoked in the last moment", "GET", order, last, 401, soon)
	s.becomes(t, "a living token", "GET", order, live, 200, soon)
	never("later")
}

// TestExamplesFailClosed cuts the feed: what is known grows old, and first tokens without an end are refused, then all.
//
// SEC-46
func TestExamplesFailClosed(t *testing.T) {
	t.Parallel()
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := e.prepare(t)
			w, m := orderWorld(t)
			// Of tokens without an end there is proof every ten seconds that nothing has happened.
			s := start(t, "WRIT_ISSUER="+w.issuer(), "WRIT_MAX_STALE=12", "WRIT_MAX_STALE_ALL=20")
			user, forEver, dead := w.userToken(t), w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"), w.userToken(t)
			w.revoke(t, dead, w.shop)
			s.becomes(t, "a revoked token", "GET", order, dead, 401, promised)
			s.want(t, "a token", "GET", order, user, 200)
			s.want(t, "a token without an end", "GET", order, forEver, 200)
			if e.rules && !e.proxy {
				// It is no client, so it has no rules: a mistake of the set-up, which opens nothing.
				s.want(t, "a rule", "GET", "/reports/may", user, 500)
				s.want(t, "a rule", "POST", "/orders", user, 500)
				s.want(t, "a guest", "GET", "/catalogue/tea", "", 401)
			}
			m.kill(t)
			if e.proxy {
				s.want(t, "a token", "GET", order, user, 500)
				s.want(t, "a guest", "GET", "/catalogue/tea", "", 500)
			} else {
				s.becomes(t, "a token without an end", "GET", order, forEver, 503, 14*time.Second)
				s.want(t, "a token that expires, for some time", "GET", order, user, 200)
				s.becomes(t, "a token that expires", "GET", order, user, 503, 10*time.Second)
			}
			if got := s.ask(t, "GET", order, dead); got.status == http.StatusOK {
				t.Error("a revoked token is accepted")
			}
			m.start(t)
			w.client.CloseIdleConnections()
			const soon = 20 * time.Second
			s.becomes(t, "a token when the server is back", "GET", order, user, 200, soon)
			s.becomes(t, "a token without an end when the server is back", "GET", order, forEver, 200, soon)
			s.want(t, "a revoked token when the server is back", "GET", order, dead, 401)
			// A service that starts now knows at once what happened before.
			fresh := start(t, "WRIT_ISSUER="+w.issuer())
			fresh.want(t, "a revoked token at a new service", "GET", order, dead, 401)
			fresh.want(t, "a token at a new service", "GET", order, user, 200)
		})
	}
}
