package server

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/writ-auth/writ/claims"
)

// lastingToken gives a token that does not expire, by form.
func (f *fixture) lastingToken(t *testing.T, path, form string) (string, claims.StatusListEntry) {
	t.Helper()
	token := f.tokenOf(t, path, form+"&ttl=0")
	return token, *claimsOf(t, token).Status.List
}

// invalid reads a token's entry as a foreign reader does: draft-ietf-oauth-status-list-21 §8.3.
func (f *fixture) invalid(t *testing.T, entry claims.StatusListEntry) bool {
	t.Helper()
	a := f.do(t, "GET", strings.TrimPrefix(entry.URI, publicURL), "", "Accept: application/statuslist+jwt")
	if a.Code != 200 || a.Header().Get("Content-Type") != "application/statuslist+jwt" {
		t.Fatalf("%s: %d %s", entry.URI, a.Code, a.text)
	}
	parts := strings.Split(a.text, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var set struct {
		Subject string `json:"sub"`
		List    struct {
			Bits int    `json:"bits"`
			List string `json:"lst"`
		} `json:"status_list"`
	}
	must(t, json.Unmarshal(payload, &set))
	packed, err := base64.RawURLEncoding.DecodeString(set.List.List)
	must(t, err)
	unpacked, err := zlib.NewReader(bytes.NewReader(packed))
	must(t, err)
	bits, err := io.ReadAll(unpacked)
	must(t, err)
	if set.Subject != entry.URI || set.List.Bits != 1 || len(bits) != 8192 {
		t.Errorf("sub %s, %d bits, %d bytes", set.Subject, set.List.Bits, len(bits))
	}
	return bits[entry.Index/8]>>(entry.Index%8)&1 == 1
}

// Whatever revokes a token shows in the very next document.
func TestEveryRevocationShowsInTheStatusList(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	user := "grant_type=password&username=dana&password=" + userPassword
	admin := "grant_type=password&username=olga&password=" + adminPassword
	const shop, management = "/acme/shop/token", "/management/token"
	for _, c := range []struct {
		name, path, form string
		revoke           func(token string) *answer
	}{
		{"by the token's holder", shop, user, func(token string) *answer { return f.do(t, "POST", "/acme/shop/revoke", "token="+token) }},
		{"by Usergrid's path", shop, user, func(token string) *answer {
			return f.do(t, "PUT", "/acme/shop/users/dana/revoketoken?token="+token, "")
		}},
		{"all of a user", shop, user, func(string) *answer { return f.do(t, "POST", "/acme/shop/users/dana/revoketokens", "", f.asAcme(t)) }},
		{"from the list", shop, user, func(token string) *answer {
			return f.do(t, "DELETE", "/acme/shop/tokens/"+claimsOf(t, token).ID, "", f.asAcme(t))
		}},
		{"the whole list", shop, clientForm(f.shopID, f.shopSecret), func(string) *answer { return f.do(t, "DELETE", "/acme/shop/tokens", "", f.asAcme(t)) }},
		{"all of a client", shop, clientForm(f.shopID, f.shopSecret), func(string) *answer {
			return f.do(t, "POST", "/acme/shop/credentials/revoketokens", "", f.asAcme(t))
		}},
		{"an organization's", management, clientForm(f.acmeID, f.acmeSecret), func(token string) *answer {
			return f.do(t, "DELETE", "/management/orgs/acme/tokens/"+claimsOf(t, token).ID, "", f.asOlga(t))
		}},
		{"an admin's", management, admin, func(token string) *answer { return f.do(t, "POST", "/management/revoke", "token="+token) }},
		{"of a disabled user", shop, user, func(string) *answer {
			return f.do(t, "PUT", "/acme/shop/users/dana", `{"disabled":true}`, f.asAcme(t))
		}},
		{"of a deleted application", shop, clientForm(f.shopID, f.shopSecret), func(string) *answer {
			return f.do(t, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "", f.asAcme(t))
		}},
	} {
		token, entry := f.lastingToken(t, c.path, c.form)
		other, others := f.lastingToken(t, "/rival/stall/token", clientForm(f.stallID, f.stallSecret))
		if f.invalid(t, entry) {
			t.Errorf("%s: revoked before", c.name)
		}
		if a := c.revoke(token); a.Code != 200 {
			t.Fatalf("%s: %d %s", c.name, a.Code, a.text)
		}
		if !f.invalid(t, entry) || f.invalid(t, others) || other == "" {
			t.Errorf("%s: invalid %t, somebody else's %t", c.name, f.invalid(t, entry), f.invalid(t, others))
		}
	}
}

func TestStatusListsAreCacheableDocumentsForEverybody(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.do(t, "GET", "/acme/shop/statuslists", "").check(t, scenario{wantStatus: 200})
	if a := f.do(t, "GET", "/acme/shop/statuslists", ""); a.text != `{"status_lists":[]}` {
		t.Errorf("before the first token: %s", a.text)
	}
	metadata := func(path string) any {
		t.Helper()
		return f.do(t, "GET", path+"/.well-known/oauth-authorization-server", "").get("status_list_aggregation_endpoint")
	}
	if found := metadata("/acme/shop"); found != nil {
		t.Errorf("announced before the first token: %v", found)
	}
	_, entry := f.lastingToken(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
	f.lastingToken(t, "/management/token", clientForm(f.acmeID, f.acmeSecret))
	for path, issuer := range map[string]string{
		"/acme/shop": publicURL + "/acme/shop", "/management": publicURL + "/management", "/o/ACME/a/shop": publicURL + "/acme/shop",
		"/" + f.shop.ID.String(): publicURL + "/acme/shop",
	} {
		if found := metadata(path); found != issuer+"/statuslists" {
			t.Errorf("%s announces %v", path, found)
		}
		public := map[string]string{"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "Vary": ""}
		list := f.do(t, "GET", path+"/statuslists", "", "Origin: https://anybody.example", "Authorization: Bearer x")
		list.check(t, scenario{wantStatus: 200, wantHeader: public})
		if want := `{"status_lists":["` + issuer + `/statuslists/1"]}`; list.text != want {
			t.Errorf("%s lists %s", path, list.text)
		}
		one := f.do(t, "GET", path+"/statuslists/1/?access_token=x", "", "Origin: https://anybody.example")
		public["Content-Type"] = "application/statuslist+jwt"
		one.check(t, scenario{wantStatus: 200, wantHeader: public})
		for _, document := range []*answer{list, one} {
			target := path + "/statuslists"
			if document == one {
				target += "/1"
			}
			again := f.do(t, "GET", target, "", "If-None-Match: "+document.Header().Get("ETag"))
			if again.Code != 304 || again.text != "" || again.Header().Get("Cache-Control") != "public, max-age=60" {
				t.Errorf("%s: %d %q for who has it", target, again.Code, again.text)
			}
		}
		head := f.do(t, "HEAD", path+"/statuslists/1", "")
		if head.Code != 200 || head.text != "" || head.Header().Get("ETag") != one.Header().Get("ETag") {
			t.Errorf("HEAD: %d %q", head.Code, head.text)
		}
	}
	tag := f.do(t, "GET", "/acme/shop/statuslists/1", "").Header().Get("ETag")
	f.status(t, 200, "DELETE", "/acme/shop/tokens", "", f.asAcme(t))
	if a := f.do(t, "GET", "/acme/shop/statuslists/1", "", "If-None-Match: "+tag); a.Code != 200 || !f.invalid(t, entry) {
		t.Errorf("after a revocation the old tag is answered by %d", a.Code)
	}
	// SEC-45
	document := f.do(t, "GET", "/acme/shop/statuslists/1", "").text
	f.do(t, "GET", "/acme/shop/tokens", "", "Authorization: Bearer "+document).check(t, scenario{
		wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"},
	})
}

func TestUnknownStatusListsAre404(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.lastingToken(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
	for _, name := range []string{"0", "2", "-1", "01", "+1", "1.0", "x", "9223372036854775807", "9223372036854775808", "%00"} {
		f.do(t, "GET", "/acme/shop/statuslists/"+name, "").check(t, scenario{
			wantStatus: 404, wantBody: map[string]any{"error": "entity_not_found"}, wantHeader: map[string]string{"Cache-Control": "no-store"},
		})
	}
	for path, code := range map[string]string{
		"/acme/void/statuslists/1": "organization_application_not_found", "/acme/void/statuslists": "organization_application_not_found",
		"/management/statuslists/1": "entity_not_found",
	} {
		f.do(t, "GET", path, "").check(t, scenario{wantStatus: 404, wantBody: map[string]any{"error": code}})
	}
	f.status(t, 405, "DELETE", "/acme/shop/statuslists/1", "")
}
