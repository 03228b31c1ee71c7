package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// keyNamed finds a key in `writ keys list --json`.
func keyNamed(t *testing.T, w way, purpose, state string) string {
	t.Helper()
	var rows []struct{ KID, Purpose, State string }
	if err := json.Unmarshal([]byte(w.succeed(t, "", "keys", "list", "--json")), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Purpose == purpose && row.State == state {
			return row.KID
		}
	}
	t.Fatalf("no %s key that is %s: %v", purpose, state, rows)
	return ""
}

// A key is named by its beginning; -- lets that begin with a hyphen. The server beside the command follows within two seconds.
//
// SEC-52, SEC-55
func TestKeysAreRetiredAndDropped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	local := way(s.local)
	local.succeed(t, "", "org", "create", "acme", "--owner", "olga@example.com")
	local.succeed(t, "", "app", "create", "acme/shop")
	local.succeed(t, "quiet-harbor-7", "user", "create", "acme/shop", "dana", "--password-stdin")
	login := func(ttl int) string {
		return s.instance.token(t, "/acme/shop/token", fmt.Sprintf(`{"grant_type":"password","username":"dana","password":"quiet-harbor-7","ttl":%d}`, ttl))
	}
	const me = "/acme/shop/users/me"
	forever, short := login(0), login(60000)
	longTerm := keyNamed(t, local, "nonexpiring", "signing")
	if code, _, stderr := local(t, "", "keys", "retire", "--yes", "--", longTerm[:6]); code != exitFailure || !strings.Contains(stderr, "rotate first") {
		t.Errorf("a key that signs: exit code %d, %s", code, stderr)
	}
	local.succeed(t, "", "keys", "rotate", "--long-term", "--now")
	if listed := local.succeed(t, "", "keys", "tokens", "--", longTerm[:6]); strings.Count(listed, "\n") != 2 || !strings.Contains(listed, "acme") {
		t.Errorf("the tokens that would die:\n%s", listed)
	}
	if code, _, stderr := local(t, "", "keys", "retire", "--", longTerm); code != exitConfiguration || !strings.Contains(stderr, "--yes") {
		t.Errorf("nobody to ask: exit code %d, %s", code, stderr)
	}
	if said := local.succeed(t, "", "keys", "retire", "--yes", "--", longTerm); !strings.Contains(said, "registered tokens revoked: 1") {
		t.Errorf("%s", said)
	}
	s.refusedSoon(t, me, forever)
	if a := s.get(t, me, short); a.status != http.StatusOK {
		t.Errorf("a token of another key: %d", a.status)
	}
	// The local command's own token was signed by the key that it drops.
	ordinary := keyNamed(t, local, "ordinary", "signing")
	if said := local.succeed(t, "", "keys", "drop", "--yes", "--", ordinary); !strings.HasPrefix(said, "dropped: key "+ordinary) {
		t.Errorf("%s", said)
	}
	s.refusedSoon(t, me, short)
	if jwks := s.get(t, "/.well-known/jwks.json", ""); strings.Contains(jwks.body, ordinary) {
		t.Errorf("the dropped key is published: %s", jwks.body)
	}
	if a := s.get(t, me, login(60000)); a.status != http.StatusOK {
		t.Errorf("a new token: %d", a.status)
	}
	if code, _, stderr := s.remote(t, "", "keys", "reseal"); code != exitConfiguration || !strings.Contains(stderr, "beside the database") {
		t.Errorf("reseal over the network: exit code %d, %s", code, stderr)
	}
}
