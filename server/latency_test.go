package server

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// scrape gives every sample of /metrics, by name and labels.
func (f *fixture) scrape(t testing.TB) map[string]float64 {
	t.Helper()
	recorder := httptest.NewRecorder()
	f.MetricsHandler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	samples := map[string]float64{}
	for line := range strings.Lines(recorder.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		must(t, err)
		samples[line[:at]] = value
	}
	return samples
}

// What callers invent is in no label, however many paths, grants, users and methods they try.
func TestMetricsStayFewWhateverCallersSend(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for _, word := range []string{"canaryone", "canarytwo", "canarythree"} {
		f.do(t, "POST", "/acme/shop/token", "grant_type="+word)
		f.do(t, "POST", "/acme/shop/token", "grant_type=password&username="+word+"&password="+word)
		f.do(t, "POST", "/"+word+"/shop/token", "grant_type=client_credentials&client_id="+word)
		f.do(t, "GET", "/"+word, "")
		f.do(t, "GET", "/acme/shop/"+word+"/x/y", "", "Authorization: Bearer "+word)
		f.do(t, "GET", "/management/"+word, "", "Authorization: "+word)
		f.do(t, word, "/status", "")
		f.do(t, "POST", "/acme/shop/users/"+word+"/revoketoken?token="+word, "")
	}
	series := 0
	for sample := range f.scrape(t) {
		if strings.HasPrefix(sample, "writ_") && !strings.Contains(sample, "_bucket{") {
			series++
		}
		if strings.Contains(sample, "canary") {
			t.Error(sample)
		}
	}
	if series > 150 {
		t.Errorf("%d series", series)
	}
}

func TestTokenRequestsAreCountedByGrantLevelAndResult(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.asShop(t)
	f.asDana(t)
	olga := f.asOlga(t)
	f.do(t, "POST", "/management/token", "", olga)
	f.do(t, "GET", "/acme/shop/users/dana/token", "", f.asShop(t))
	f.do(t, "POST", "/acme/shop/token", "grant_type=password&username=dana&password=wrong")
	f.do(t, "POST", "/acme/shop/token", "grant_type=magic")
	f.do(t, "POST", "/acme/shop/token", "")
	got := f.scrape(t)
	for _, want := range []string{
		`writ_token_requests_total{grant="client_credentials",level="application",result="issued"}`,
		`writ_token_requests_total{grant="password",level="application_user",result="issued"}`,
		`writ_token_requests_total{grant="password",level="admin_user",result="issued"}`,
		`writ_token_requests_total{grant="reissue",level="admin_user",result="issued"}`,
		`writ_token_requests_total{grant="impersonation",level="application_user",result="issued"}`,
		`writ_token_requests_total{grant="password",level="none",result="invalid_grant"}`,
		`writ_token_requests_total{grant="unknown",level="none",result="unsupported_grant_type"}`,
	} {
		if got[want] != 1 {
			t.Errorf("%s: %v", want, got[want])
		}
	}
}

func TestRequestsAreMeasuredByGroupOfRoutes(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for path, group := range map[string]string{
		"/acme/shop/token": "token", "/management/me": "token", "/acme/shop/users/dana/token": "token", "/acme/shop/introspect": "introspect",
		"/acme/shop/revoke": "revoke", "/acme/shop/users/x/revoketokens": "revoke", "/.well-known/jwks.json": "keys",
		"/acme/shop/.well-known/oauth-authorization-server": "keys", "/management/organizations": "management", "/acme/shop": "application",
		"/acme/shop/users": "application", "/status": "system", "/": "system", "/metrics": "system", "/nothing": "unknown", "/management/x/y/z": "management",
	} {
		before := f.measured(t, group)
		f.do(t, http.MethodGet, path, "")
		if after := f.measured(t, group); after != before+1 {
			t.Errorf("%s: group %s has %v, had %v", path, group, after, before)
		}
	}
	for _, rt := range f.routes {
		if rt.path != "/*" && routeGroup(rt.path) == "unknown" {
			t.Errorf("%s has no group", rt.path)
		}
	}
}

func (f *fixture) measured(t testing.TB, group string) (n float64) {
	t.Helper()
	for sample, value := range f.scrape(t) {
		if strings.HasPrefix(sample, `writ_request_duration_seconds_count{group="`+group+`"`) {
			n += value
		}
	}
	return n
}

// Gauges look at the thing itself.
func TestGaugesFollowWhatTheyShow(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.MaxConnections = 7 }})
	value := func(name string) float64 { return f.scrape(t)[name] }
	before := value("writ_denylist_entries")
	f.do(t, "POST", "/acme/shop/users/dana/revoketokens", "", f.asShop(t))
	if got := value("writ_denylist_entries"); got != before+1 {
		t.Errorf("denylist %v, was %v", got, before)
	}
	lag := value("writ_change_log_lag_seconds")
	f.clock.advance(3 * 1000 * 1000 * 1000)
	if got := value("writ_change_log_lag_seconds"); got != lag+3 {
		t.Errorf("lag %v, was %v", got, lag)
	}
	if value("writ_connections_max") != 7 || value("writ_hash_workers") != 1 || value(`writ_build_info{go_version="`+runtime.Version()+`",version="test"}`) != 1 {
		t.Error("what is configured is not shown")
	}
	const key = `writ_signing_keys{purpose="ordinary",state="signing"}`
	if value(key) != 1 {
		t.Errorf("signing keys: %v", value(key))
	}
	must(t, f.store.Close())
	if _, shown := f.scrape(t)[key]; shown {
		t.Error("without the database the keys are invented")
	}
}
