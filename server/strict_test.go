package server

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// §2.7: what compat=strict switches off, and that each use counts once per request in both modes. SEC-01 SEC-06
func TestLegacyFeatures(t *testing.T) {
	t.Parallel()
	const pw = "grant_type=password&username=dana&password=quiet-harbor-7"
	usergrid, strict := newServer(t, options{}), newServer(t, options{strict: true})
	for _, f := range []*fixture{usergrid, strict} {
		allowed := true
		f.settings(t, func(s *models.Settings) { s.PasswordGrant = &allowed })
	}
	for _, tc := range []struct {
		name         string
		feature      string // its counter rises by one
		request      func(f *fixture) *answer
		status       int
		strictStatus int
		strictCode   string
		plain        bool // an ordinary error
	}{
		{"token in the query", "query_token", func(f *fixture) *answer {
			return f.do(t, "GET", "/acme/shop/users/dana/tokens?access_token="+bare(f.asDana(t)), "")
		}, 200, 400, "invalid_request", true},
		{"token in a form", "query_token", func(f *fixture) *answer {
			return f.do(t, "POST", "/acme/shop/users/dana/revoketokens", "access_token="+bare(f.asDana(t)))
		}, 200, 400, "invalid_request", true},
		{"client in the query", "query_client", func(f *fixture) *answer {
			return f.do(t, "GET", "/acme/shop/tokens?client_id="+f.shopID+"&client_secret="+f.shopSecret, "")
		}, 200, 400, "invalid_request", true},
		{"client in a form", "", func(f *fixture) *answer {
			return f.do(t, "DELETE", "/acme/shop/tokens", "client_id="+f.shopID+"&client_secret="+f.shopSecret)
		}, 200, 200, "", false},
		{"GET", "get_token", func(f *fixture) *answer { return f.do(t, "GET", "/acme/shop/token?"+pw, "") }, 200, 400, "invalid_request", true},
		{"GET with a client", "query_client", func(f *fixture) *answer {
			return f.do(t, "GET", "/acme/shop/token?"+clientForm(f.shopID, f.shopSecret), "")
		}, 200, 400, "invalid_request", true},
		{"password, where it is asked for", "password_grant", func(f *fixture) *answer { return f.do(t, "POST", "/acme/shop/token", pw) }, 200, 200, "", false},
		{"password, where it is not", "password_grant", func(f *fixture) *answer {
			f.newUser(t, f.sandbox, "dana", "Dana")
			return f.do(t, "POST", "/acme/sandbox/token", pw)
		}, 200, 400, "unauthorized_client", false},
		{"password at management", "password_grant", func(f *fixture) *answer {
			return f.do(t, "POST", "/management/token", strings.NewReplacer("dana", "olga", userPassword, adminPassword).Replace(pw))
		}, 200, 400, "unauthorized_client", false},
		{"pin", "pin_grant", func(f *fixture) *answer {
			return f.do(t, "POST", "/acme/shop/token", "grant_type=pin&username=dana&pin=8123")
		}, 200, 400, "unsupported_grant_type", false},
		{"JSON", "json_token", func(f *fixture) *answer {
			return f.do(t, "POST", "/acme/shop/token", `{"grant_type":"client_credentials","client_id":"`+f.shopID+`","client_secret":"`+f.shopSecret+`"}`)
		}, 200, 200, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, f := range []*fixture{usergrid, strict} {
				status, code := tc.status, ""
				if f == strict {
					status, code = tc.strictStatus, tc.strictCode
				}
				if f.asDana(t) == "" {
					return
				}
				before := f.counter(t, "writ_legacy_requests_total", tc.feature)
				a := tc.request(f)
				if a.Code != status {
					t.Errorf("strict %v: %d %s", f == strict, a.Code, a.text)
				}
				if got, _ := a.body["error"].(string); got != code {
					t.Errorf("strict %v: error %q, want %q", f == strict, got, code)
				}
				if _, ordinary := a.body["exception"]; code != "" && ordinary != tc.plain {
					t.Errorf("strict %v: shape %s", f == strict, a.text)
				}
				if tc.feature != "" && f.counter(t, "writ_legacy_requests_total", tc.feature) != before+1 {
					t.Errorf("strict %v: not counted once", f == strict)
				}
			}
		})
	}
}

// counter reads one counter by its label's value.
func (f *fixture) counter(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := f.Registry().Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, pair := range metric.GetLabel() {
				if pair.GetValue() == label {
					return metric.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}
