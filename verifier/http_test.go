package verifier_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// ask sends a request through a handler and gives the answer.
func ask(t *testing.T, handler http.Handler, method, path string, authorization ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://shop.example"+path, nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// whoami answers with who the handler thinks is calling.
func whoami(w http.ResponseWriter, r *http.Request) {
	if token, is := verifier.FromContext(r.Context()); is {
		_, _ = w.Write([]byte(token.Subject()))
		return
	}
	_, _ = w.Write([]byte("guest"))
}

func TestAnswersAreThoseOfRFC6750(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	dana := verifytest.User("dana", "clerk")
	dana.Scope = "orders.read"
	good, revoked := server.Issue(dana), server.Issue(dana)
	server.Revoke(revoked)
	server.Wait(v)
	invalid := func(description string) string {
		return `Bearer realm="writ", error="invalid_token", error_description="` + description + `"`
	}
	for name, test := range map[string]struct {
		header       []string
		requirements []verifier.Requirement
		status       int
		challenge    string
		code         string
	}{
		"good":                 {[]string{"Bearer " + good}, nil, 200, "", ""},
		"scheme in capitals":   {[]string{"BEARER " + good}, nil, 200, "", ""},
		"more spaces":          {[]string{"bearer   " + good}, nil, 200, "", ""},
		"no credentials":       {nil, nil, 401, `Bearer realm="writ"`, "unauthorized"},
		"revoked":              {[]string{"Bearer " + revoked}, nil, 401, invalid("the token has been revoked"), "invalid_token"},
		"garbage":              {[]string{"Bearer garbage"}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"empty":                {[]string{""}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"Bearer alone":         {[]string{"Bearer"}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"Bearer and a space":   {[]string{"Bearer "}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"without scheme":       {[]string{good}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"Basic":                {[]string{"Basic ZGFuYTpx"}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"two headers":          {[]string{"Bearer " + good, "Bearer " + good}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"two tokens":           {[]string{"Bearer " + good + " " + good}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"a list":               {[]string{"Bearer " + good + ", Bearer " + good}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"tab":                  {[]string{"Bearer\t" + good}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"quoted":               {[]string{`Bearer "` + good + `"`}, nil, 401, invalid("the token is malformed"), "invalid_token"},
		"level":                {[]string{"Bearer " + good}, []verifier.Requirement{verifier.RequireLevel(claims.Application)}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="the token is of another level"`, "insufficient_scope"},
		"scope":                {[]string{"Bearer " + good}, []verifier.Requirement{verifier.RequireScope("orders.read", "orders.write")}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="a scope is missing", scope="orders.read orders.write"`, "insufficient_scope"},
		"rules without policy": {[]string{"Bearer " + good}, []verifier.Requirement{verifier.RequirePermission()}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="no rule permits this"`, "insufficient_scope"},
		"first of two":         {[]string{"Bearer " + good}, []verifier.Requirement{verifier.RequireRole("boss"), verifier.RequireRole("clerk")}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="a role is missing"`, "insufficient_scope"},
		"second of two":        {[]string{"Bearer " + good}, []verifier.Requirement{verifier.RequireRole("clerk"), verifier.RequireRole("boss")}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="a role is missing"`, "insufficient_scope"},
		"zero requirement":     {[]string{"Bearer " + good}, []verifier.Requirement{{}}, 403, `Bearer realm="writ", error="insufficient_scope", error_description="no rule permits this"`, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, v.Handler(http.HandlerFunc(whoami), test.requirements...), "GET", "/orders", test.header...)
			if answer.Code != test.status || answer.Header().Get("WWW-Authenticate") != test.challenge {
				t.Errorf("got %d %s", answer.Code, answer.Header().Get("WWW-Authenticate"))
			}
			if test.status == 200 {
				return
			}
			var body map[string]string
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body["error"] != test.code || body["error_description"] == "" {
				t.Errorf("body %v, %v", body, err)
			}
			if answer.Header().Get("Cache-Control") != "no-store" || answer.Header().Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", answer.Header())
			}
		})
	}
}

func TestTokensAreTakenFromTheHeaderOnly(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	handler := server.Verifier().Handler(http.HandlerFunc(whoami))
	raw := server.Issue(verifytest.User("dana"))
	if answer := ask(t, handler, "GET", "/?access_token="+raw); answer.Code != 401 {
		t.Errorf("query: %d", answer.Code)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("access_token="+raw))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("form: %d", w.Code)
	}
}

// Too little knowledge is not the caller's fault: 503, and when to ask again.
func TestStaleKnowledgeIsServiceUnavailable(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	now := newClock()
	v := server.Verifier(func(c *verifier.Config) { c.Now = now.now })
	handler := v.Middleware(verifier.AllowGuest())(http.HandlerFunc(whoami))
	server.SetPolicy(revocation.Policy{Guest: []string{"get:/catalogue"}})
	server.Wait(v)
	eventually(t, func() bool { return ask(t, handler, "GET", "/catalogue").Code == 200 })
	raw := server.Issue(verifytest.User("dana"))
	server.Down()
	now.advance(31 * time.Minute)
	for name, header := range map[string][]string{"token": {"Bearer " + raw}, "guest": nil} {
		answer := ask(t, handler, "GET", "/catalogue", header...)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "5" || answer.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %v", name, answer.Code, answer.Header())
		}
	}
}

// eventually waits for what the feed brings.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
		<-time.After(time.Millisecond)
	}
}

func testPolicy(sub string) revocation.Policy {
	return revocation.Policy{
		Roles: map[string][]string{
			"default": {"get,put:/users/${user}/**"}, "clerk": {"get,post:/orders/**"}, "reader": {"get:/orders/*"}, "writer": {"post:/orders/*"},
		},
		Groups: map[string][]string{"staff": {"get:/reports/*"}, "staff/north": {"put:/reports/north"}},
		Users:  map[revocation.ID][]string{revocation.Hash(sub): {"delete:/orders/17"}},
		Guest:  []string{"get:/catalogue/**", "post:/baskets"},
	}
}

func TestRulesOfThePolicyDecide(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	dana, erik := verifytest.User("dana", "clerk", "default"), verifytest.User("erik", "default", "reader", "writer")
	erik.Groups = []string{"staff/north"}
	server.SetPolicy(testPolicy(dana.Subject))
	server.Wait(v)
	permission := v.Handler(http.HandlerFunc(whoami), verifier.RequirePermission(), verifier.AllowGuest())
	eventually(t, func() bool { return ask(t, permission, "GET", "/catalogue").Code == 200 })
	bearer := map[string][]string{
		"dana": {"Bearer " + server.Issue(dana)}, "erik": {"Bearer " + server.Issue(erik)}, "guest": nil,
		"application": {"Bearer " + server.Issue(verifytest.Application())}, "organization": {"Bearer " + server.Issue(verifytest.Organization())},
		"admin": {"Bearer " + server.Issue(verifytest.Admin("olga", verifytest.OrganizationName))}, "nobody": {"Bearer " + server.Issue(verifytest.User("nobody"))},
	}
	for _, test := range []struct {
		who, method, path string
		want              int
	}{
		{"dana", "GET", "/orders/17", 200},
		{"dana", "HEAD", "/orders/17", 200},
		{"dana", "POST", "/orders", 200},
		{"dana", "DELETE", "/orders/17", 200}, // her own rule
		{"dana", "DELETE", "/orders/18", 403},
		{"dana", "PUT", "/orders/17", 403},
		{"dana", "PATCH", "/orders/17", 403},
		{"dana", "GET", "/users/dana/orders", 200},
		{"dana", "GET", "/users/" + dana.Subject, 200},
		{"dana", "GET", "/users/erik/orders", 403},
		{"dana", "GET", "/catalogue", 403}, // guests' rules are guests'
		{"dana", "GET", "/reports/north", 403},
		{"erik", "DELETE", "/orders/17", 403},
		{"erik", "GET", "/reports/north", 200}, // of the group above
		{"erik", "PUT", "/reports/north", 200},
		{"erik", "PUT", "/reports/south", 403},
		{"nobody", "GET", "/orders/17", 403},
		{"nobody", "GET", "/users/" + verifytest.User("nobody").Subject, 200},
		{"guest", "GET", "/catalogue/shoes/1", 200},
		{"guest", "POST", "/baskets", 200},
		{"guest", "GET", "/baskets", 401},
		{"guest", "GET", "/orders/17", 401},
		{"guest", "GET", "/users/", 401},
		{"application", "DELETE", "/orders/17", 200},
		{"organization", "PUT", "/anything", 200},
		{"admin", "GET", "/reports/north", 200},
		{"admin", "BREW", "/reports/north", 403},
		{"dana", "GET", "/orders/../users/erik", 400},
		{"dana", "GET", "/orders/%2e%2e/users/erik", 400},
		{"dana", "GET", "/orders/%2E./users/erik", 400},
		{"dana", "GET", "/orders/..%2fusers%2ferik", 400},
		{"dana", "GET", "/orders//17", 400},
		{"dana", "GET", "//orders/17", 400},
		{"dana", "GET", "/orders/./17", 400},
		{"dana", "GET", "/orders/a%5C..%5Cb", 400},
		{"dana", "GET", "/orders/%252e%252e/users", 400},
		{"dana", "GET", "/orders/a%252fb", 400},
		{"dana", "GET", "/orders/%00", 400},
		{"dana", "GET", "/orders/%ff", 400},
		{"dana", "GET", "/orders/%0d%0a", 400},
		{"guest", "GET", "/catalogue/../orders", 400},
		{"application", "GET", "/orders/../users/erik", 400},
		{"dana", "GET", "/orders/100%25", 200},
		{"dana", "GET", "/orders/sch%C3%B6n", 200},
		{"dana", "GET", "/%6frders/17", 200},
		{"dana", "GET", "/ORDERS/17", 200}, // rules ignore case
	} {
		if answer := ask(t, permission, test.method, test.path, bearer[test.who]...); answer.Code != test.want {
			t.Errorf("%s %s %s: got %d, want %d", test.who, test.method, test.path, answer.Code, test.want)
		}
	}

	for _, test := range []struct {
		who, rule string
		want      int
	}{
		{"dana", "get:/orders/**", 200},
		{"dana", "get:/orders/*", 200},
		{"dana", "get,post:/orders/17", 200},
		{"dana", "get,put:/orders/17", 403},
		{"dana", "get:/**", 403},
		{"dana", "get:/users/**", 403},
		{"dana", "get:/orders/**,/users/**", 403},
		{"erik", "get,post:/orders/*", 200}, // two roles together
		{"erik", "get:/orders/**", 403},
		{"erik", "get:/reports/*", 200},
		{"nobody", "get:/orders/*", 403},
		{"guest", "get:/catalogue/**", 200},
		{"guest", "get:/orders/*", 401},
		{"application", "/**", 200},
		{"admin", "/**", 200},
	} {
		handler := v.Handler(http.HandlerFunc(whoami), verifier.AllowGuest(), verifier.Require(test.rule))
		if answer := ask(t, handler, "GET", "/anything", bearer[test.who]...); answer.Code != test.want {
			t.Errorf("%s %s: got %d, want %d", test.who, test.rule, answer.Code, test.want)
		}
	}
}

func TestARuleThatCannotBeReadIsAMistakeOfTheProgram(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	verifier.Require("fetch:/orders")
}

// A change of the policy and of roles holds for tokens that were seen long ago.
func TestPolicyChangesReachKnownTokens(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	handler := v.Handler(http.HandlerFunc(whoami), verifier.RequirePermission())
	dana := verifytest.User("dana", "clerk")
	raw := "Bearer " + server.Issue(dana)
	status := func(path string) int { return ask(t, handler, "GET", path, raw).Code }
	for i, path := range []string{"/a", "/b", "/c"} {
		server.SetPolicy(revocation.Policy{Roles: map[string][]string{"clerk": {"get:" + path}}})
		eventually(t, func() bool { return status(path) == 200 })
		if i > 0 && status("/a") != 403 {
			t.Errorf("the old rule still holds after change %d", i)
		}
	}
	server.SetRoles(dana.Subject, []string{"other"})
	server.Wait(v)
	if got := status("/c"); got != 403 {
		t.Errorf("a role that was taken away: %d", got)
	}
}

func TestRulesInTokensServeWithoutAPolicy(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier(func(c *verifier.Config) { c.ClientID, c.ClientSecret = "", "" })
	handler := v.Handler(http.HandlerFunc(whoami), verifier.RequirePermission(), verifier.AllowGuest())
	dana := verifytest.User("dana", "clerk")
	if answer := ask(t, handler, "GET", "/orders", "Bearer "+server.Issue(dana)); answer.Code != 500 {
		t.Errorf("without rules: %d", answer.Code)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+server.Issue(dana))
	if _, err := v.Check(r, verifier.Require("get:/orders")); !is(err, verifier.ErrNoPolicy) {
		t.Errorf("got %v", err)
	}
	dana.Permissions = []string{"get:/orders"}
	raw := "Bearer " + server.Issue(dana)
	for path, want := range map[string]int{"/orders": 200, "/users": 403, "/users/" + dana.Subject: 200} {
		if answer := ask(t, handler, "GET", path, raw); answer.Code != want {
			t.Errorf("%s: got %d, want %d", path, answer.Code, want)
		}
	}
	if answer := ask(t, handler, "GET", "/catalogue"); answer.Code != 401 {
		t.Errorf("a guest without a policy: %d", answer.Code)
	}
	if answer := ask(t, handler, "GET", "/", "Bearer "+server.Issue(verifytest.Application())); answer.Code != 200 {
		t.Errorf("an application: %d", answer.Code)
	}
}

// A guest has no credentials; bad ones never make a guest.
func TestGuests(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	server.SetPolicy(testPolicy(""))
	server.Wait(v)
	guests := v.Handler(http.HandlerFunc(whoami), verifier.AllowGuest())
	eventually(t, func() bool { return ask(t, guests, "GET", "/catalogue").Code == 200 })
	expired := verifytest.User("dana")
	expired.Expires = new(time.Now().Unix() - 1)
	for name, header := range map[string]string{
		"garbage": "Bearer x", "expired": "Bearer " + server.Issue(expired), "Basic": "Basic ZGFuYTpx", "empty": "",
	} {
		if answer := ask(t, guests, "GET", "/catalogue", header); answer.Code != 401 {
			t.Errorf("%s: %d", name, answer.Code)
		}
	}
	for name, test := range map[string]struct {
		requirements []verifier.Requirement
		path         string
		want         int
	}{
		"open":                 {[]verifier.Requirement{verifier.AllowGuest()}, "/catalogue", 200},
		"closed":               {[]verifier.Requirement{verifier.AllowGuest()}, "/orders", 401},
		"not allowed here":     {[]verifier.Requirement{verifier.RequirePermission()}, "/catalogue", 401},
		"a level besides":      {[]verifier.Requirement{verifier.AllowGuest(), verifier.RequireLevel(claims.ApplicationUser)}, "/catalogue", 401},
		"the level of guests":  {[]verifier.Requirement{verifier.AllowGuest(), verifier.RequireLevel(claims.Guest)}, "/catalogue", 401},
		"a role besides":       {[]verifier.Requirement{verifier.AllowGuest(), verifier.RequireRole("guest")}, "/catalogue", 401},
		"a scope besides":      {[]verifier.Requirement{verifier.AllowGuest(), verifier.RequireScope("x")}, "/catalogue", 401},
		"a zero one besides":   {[]verifier.Requirement{verifier.AllowGuest(), {}}, "/catalogue", 401},
		"no rules in Require":  {[]verifier.Requirement{verifier.AllowGuest(), verifier.Require()}, "/catalogue", 401},
		"ambiguous path":       {[]verifier.Requirement{verifier.AllowGuest()}, "/catalogue//x", 400},
		"nothing else allowed": {nil, "/catalogue", 401},
	} {
		if answer := ask(t, v.Handler(http.HandlerFunc(whoami), test.requirements...), "GET", test.path); answer.Code != test.want {
			t.Errorf("%s: got %d, want %d", name, answer.Code, test.want)
		}
	}
	server.SetPolicy(revocation.Policy{})
	eventually(t, func() bool { return ask(t, guests, "GET", "/catalogue").Code == 401 })
}

// A prefix that a handler takes off is off for the rules, too.
func TestRulesSeeThePathOfTheHandler(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	dana := verifytest.User("dana")
	dana.Permissions = []string{"get:/orders/*"}
	v := server.Verifier(func(c *verifier.Config) { c.ClientID, c.ClientSecret = "", "" })
	handler := http.StripPrefix("/api", v.Handler(http.HandlerFunc(whoami), verifier.RequirePermission()))
	raw := "Bearer " + server.Issue(dana)
	for path, want := range map[string]int{"/api/orders/17": 200, "/api/users": 403, "/orders/17": 404, "/api/orders/a%2Fb": 400} {
		if answer := ask(t, handler, "GET", path, raw); answer.Code != want {
			t.Errorf("%s: got %d, want %d", path, answer.Code, want)
		}
	}
}
