package server

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/keys"
)

// keyOf is the key of a purpose in a state, as the list tells it.
func (f *fixture) keyOf(t *testing.T, root string, purpose keys.Purpose, state string) string {
	t.Helper()
	list := f.status(t, 200, "GET", "/management/keys?all=true", "", root)
	data, _ := list.body["data"].([]any)
	for _, one := range data {
		key, _ := one.(map[string]any)
		if key["purpose"] == string(purpose) && key["state"] == state {
			return key["kid"].(string) //nolint:forcetypeassert // a test
		}
	}
	t.Fatalf("no %s key that is %s: %s", purpose, state, list.text)
	return ""
}

func TestKeysAreListedAndRotated(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	root := f.asSuperuser(t)
	f.run(t, []scenario{
		{name: "list", method: "GET", path: "/management/keys", headers: []string{root}, wantStatus: 200, wantBody: map[string]any{
			"count": 2, "data.0.alg": "ES256", "data.0.purpose": "ordinary", "data.0.state": "signing", "data.0.tokens": nil,
			"data.0.next": nil,
		}, wantNotBody: []string{"ealed", `"d"`, `"x"`}},
		{name: "no purpose", method: "POST", path: "/management/keys/rotate", body: `{"purpose":"feed"}`, headers: []string{root}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "no flag", method: "POST", path: "/management/keys/rotate", body: `{"now":"perhaps"}`, headers: []string{root}, wantStatus: 400},
		{name: "rotate", method: "POST", path: "/management/keys/rotate", headers: []string{root}, wantStatus: 200, wantBody: map[string]any{
			"action": "rotated", "data.state": "announced", "data.next": "signing", "data.purpose": "ordinary",
		}},
		{name: "again", method: "POST", path: "/management/keys/rotate", body: `{"purpose":"ordinary","now":true}`, headers: []string{root}, wantStatus: 200, wantBody: map[string]any{
			"data.state": "signing",
		}},
		{name: "list again", method: "GET", path: "/management/keys", headers: []string{root}, wantStatus: 200, wantBody: map[string]any{
			"count": 3, "data.0.state": "retiring", "data.0.next": "removed",
		}},
		{name: "retire what retires by itself", method: "POST", path: "/management/keys/" + f.keyOf(t, root, keys.Ordinary, "signing") + "/retire", headers: []string{root}, wantStatus: 400},
	})
	longTerm := f.keyOf(t, root, keys.NonExpiring, "signing")
	f.do(t, "GET", "/management/keys/"+longTerm, "", root).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"data.purpose": "nonexpiring", "data.tokens": 0, "data.next": nil,
	}})
	kid := f.keyOf(t, root, keys.Ordinary, "signing")
	f.status(t, 200, "GET", "/management/audit?action=key.rotate&target="+kid, "", root).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"count": 2, "data.0.actor.level": "superuser", "data.0.target.kind": "key",
	}})
}

// SEC-52: whatever the key signed is refused from the answer on, and the register says so.
func TestADroppedKeyTakesItsTokensWithIt(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	root := f.asSuperuser(t)
	forEver := "Authorization: Bearer " + f.tokenOf(t, "/acme/shop/token?ttl=0", clientForm(f.shopID, f.shopSecret))
	short := f.asShop(t)
	f.status(t, 200, "GET", "/acme/shop/tokens", "", forEver)

	longTerm := f.keyOf(t, root, keys.NonExpiring, "signing")
	f.run(t, []scenario{
		{name: "what depends on it", method: "GET", path: "/management/keys/" + longTerm, headers: []string{root}, wantStatus: 200, wantBody: map[string]any{"data.tokens": 1}},
		{name: "which", method: "GET", path: "/management/keys/" + longTerm + "/tokens", headers: []string{root}, wantStatus: 200, wantBody: map[string]any{"count": 1, "data.0.organization": "acme"}},
		{name: "drop", method: "DELETE", path: "/management/keys/" + longTerm, headers: []string{root}, wantStatus: 200, wantBody: map[string]any{
			"action": "dropped", "data.state": "dropped", "data.tokens": 1, "data.next": nil,
		}},
		{name: "twice", method: "DELETE", path: "/management/keys/" + longTerm, headers: []string{root}, wantStatus: 400},
		{name: "its token", method: "GET", path: "/acme/shop/tokens", headers: []string{forEver}, wantStatus: 401},
		{name: "another token", method: "GET", path: "/acme/shop/tokens", headers: []string{short}, wantStatus: 200, wantBody: map[string]any{"count": 1}},
		{name: "nothing depends on it now", method: "GET", path: "/management/keys/" + longTerm + "/tokens", headers: []string{root}, wantStatus: 200, wantBody: map[string]any{"count": 0}},
	})
	ordinary := f.keyOf(t, root, keys.Ordinary, "signing")
	f.status(t, 200, "DELETE", "/management/keys/"+ordinary, "", root)
	f.status(t, 401, "GET", "/acme/shop/tokens", "", short)
	f.status(t, 401, "GET", "/management/keys", "", root) // the superuser's own token was signed by it
	if jwks := f.do(t, "GET", "/.well-known/jwks.json", "").text; strings.Contains(jwks, ordinary) || strings.Contains(jwks, longTerm) {
		t.Errorf("a dropped key is published: %s", jwks)
	}
	f.do(t, "GET", "/readyz", "").check(t, scenario{wantStatus: 200})
	f.status(t, 200, "GET", "/acme/shop/tokens", "", "Authorization: Bearer "+f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret)))
}

func TestTheLongTermKeyRetiresOnAnOperatorsWord(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	root := f.asSuperuser(t)
	token := func() string {
		return "Authorization: Bearer " + f.tokenOf(t, "/acme/shop/token?ttl=0", clientForm(f.shopID, f.shopSecret))
	}
	old := token()
	longTerm := f.keyOf(t, root, keys.NonExpiring, "signing")
	f.status(t, 400, "POST", "/management/keys/"+longTerm+"/retire", "", root)
	f.status(t, 200, "POST", "/management/keys/rotate", `{"purpose":"nonexpiring","now":true}`, root)
	renewed := token()
	f.status(t, 200, "GET", "/acme/shop/tokens", "", old)
	f.do(t, "POST", "/management/keys/"+longTerm+"/retire", "", root).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"action": "retired", "data.state": "removed", "data.tokens": 1,
	}})
	f.status(t, 401, "GET", "/acme/shop/tokens", "", old)
	f.status(t, 200, "GET", "/acme/shop/tokens", "", renewed)
	f.status(t, 200, "GET", "/management/audit?action=key.retire&target="+longTerm, "", root).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"count": 1}})
}
