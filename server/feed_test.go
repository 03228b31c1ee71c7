package server

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/models"
)

// feedDocumentOf reads the payload of an answer, without the signature.
func feedDocumentOf(t testing.TB, a *answer) *revocation.Document {
	t.Helper()
	d, err := revocation.Parse([]byte(payloadOf(t, a)))
	must(t, err)
	return d
}

func payloadOf(t testing.TB, a *answer) string {
	t.Helper()
	parts := strings.Split(a.text, ".")
	if a.Code != http.StatusOK || len(parts) != 3 {
		t.Fatalf("no document: %d %s", a.Code, a.text)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	return string(payload)
}

// revokeSome revokes tokens of shop that nobody has.
func (f *fixture) revokeSome(t testing.TB, count int) {
	t.Helper()
	for range count {
		must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: uuid.NewString(), Scope: f.shop.ID.String()}))
	}
}

// docs/feed.md, Requests: every sentence about parameters.
func TestParametersOfTheFeed(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.revokeSome(t, 3)
	complete := feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations", ""))
	position := fmt.Sprintf("after=%d&epoch=%s", complete.Seq, complete.Epoch)
	for query, description := range map[string]string{
		"after=":                    "",
		"after=x":                   "after is malformed",
		"after=-1":                  "after is malformed",
		"after=%2B1":                "after is malformed",
		"after=1.0":                 "after is malformed",
		"after=9223372036854775808": "after is malformed",
		"after=1&after=1":           "duplicate parameter: after",
		"epoch=x":                   "epoch needs after",
		"after=1&epoch=" + strings.Repeat("x", 65): "epoch is malformed",
		"wait=1":                      "wait needs after",
		"after=1&wait=31":             "wait must be a number of seconds, at most 30",
		"after=1&wait=1m":             "wait must be a number of seconds, at most 30",
		"after=1&wait=-1":             "wait must be a number of seconds, at most 30",
		"page=1":                      "page and seq need each other",
		"seq=1":                       "page and seq need each other",
		"page=0&seq=1":                "page is malformed",
		"page=x&seq=1":                "page is malformed",
		"page=1&seq=x":                "seq is malformed",
		"page=1&seq=1&after=1":        "a page is a document of its own",
		"access_token=x":              "unknown parameter: access_token",
		"client_id=x&client_secret=y": "unknown parameter: client_id",
		"x=1":                         "unknown parameter: x",
		"%zz":                         "parameters are not well-formed",
	} {
		a := f.do(t, "GET", "/acme/shop/revocations?"+query, "")
		if description == "" {
			feedDocumentOf(t, a)
			continue
		}
		a.check(t, scenario{wantStatus: 400, wantBody: fails("illegal_argument", description), wantHeader: map[string]string{"Cache-Control": "no-store"}})
	}
	for query, isComplete := range map[string]bool{
		"":                                    true,
		position:                              false,
		position + "&wait=0":                  false,
		fmt.Sprintf("after=%d", complete.Seq): false,
		fmt.Sprintf("page=1&seq=%d", complete.Seq):                       true,
		fmt.Sprintf("after=%d&epoch=other", complete.Seq):                true,
		fmt.Sprintf("after=%d&epoch=%s", 1_000_000, complete.Epoch):      true, // restored from a backup: nobody knows it any more
		fmt.Sprintf("after=%d&epoch=other&wait=30", complete.Seq):        true,
		fmt.Sprintf("after=%d&epoch=%s", complete.Seq-2, complete.Epoch): false,
	} {
		if d := feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations?"+query, "")); d.Complete != isComplete {
			t.Errorf("%s: complete %t", query, d.Complete)
		}
	}
	for _, query := range []string{fmt.Sprintf("page=2&seq=%d", complete.Seq), "page=1&seq=1", "page=1&seq=0"} {
		a := f.do(t, "GET", "/acme/shop/revocations?"+query, "")
		a.check(t, scenario{wantStatus: 410, wantBody: map[string]any{"error": "snapshot_gone"}})
	}
}

// docs/feed.md, Caching.
func TestHeadersOfTheFeed(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{origins: []string{"https://a.example"}})
	f.revokeSome(t, 60)
	seq := feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations", "")).Seq
	after := fmt.Sprintf("/acme/shop/revocations?after=%d", seq-50)
	const vary, media = "Accept, Accept-Encoding, Authorization", "application/writ-revocations+jwt"
	for _, c := range []struct {
		target, caching, origin, credentials string
		tagged                               bool
	}{
		{"/acme/shop/revocations", "public, max-age=30", "*", "", true},
		{"/management/revocations", "public, max-age=30", "*", "", true},
		{after, "public, max-age=1", "*", "", true},
		{after + "&epoch=other", "public, max-age=1", "*", "", true},
		{after + "&wait=1", "no-store", "*", "", false},
		{"/acme/shop/revocations", "private, no-store", "https://a.example", basic(f.shopID, f.shopSecret), false},
		{after, "private, no-store", "https://a.example", basic(f.shopID, f.shopSecret), false},
	} {
		headers := []string{"Origin: https://a.example"}
		if c.credentials != "" {
			headers = append(headers, c.credentials)
		}
		a := f.do(t, "GET", c.target, "", headers...)
		a.check(t, scenario{wantStatus: 200, wantHeader: map[string]string{
			"Cache-Control": c.caching, "Access-Control-Allow-Origin": c.origin, "Content-Type": media, "Vary": vary, "Content-Encoding": "",
			"X-Content-Type-Options": "nosniff",
		}})
		tag := a.Header().Get("ETag")
		if c.tagged != strings.HasPrefix(tag, `W/"`) {
			t.Errorf("%s: ETag %q", c.target, tag)
		}
		if c.tagged {
			again := f.do(t, "GET", c.target, "", "If-None-Match: "+tag)
			if again.Code != 304 || again.text != "" || again.Header().Get("ETag") != tag || again.Header().Get("Cache-Control") != c.caching {
				t.Errorf("%s: %d with its tag", c.target, again.Code)
			}
		}
		head := f.do(t, "HEAD", c.target, "", headers...)
		if head.Code != 200 || head.text != "" || head.Header().Get("Content-Length") == "0" {
			t.Errorf("HEAD %s: %d %v", c.target, head.Code, head.Header())
		}
	}
	plain := f.do(t, "GET", "/acme/shop/revocations", "")
	for accepted, packed := range map[string]bool{
		"gzip": true, "GZIP;q=0.5, br": true, "*": true, "gzip;q=0": false, "gzip;q=0, *": false, "br": false, "identity": false, "gzip;q=x": false,
	} {
		a := f.do(t, "GET", "/acme/shop/revocations", "", "Accept-Encoding: "+accepted)
		if (a.Header().Get("Content-Encoding") == "gzip") != packed {
			t.Errorf("Accept-Encoding %s: %v", accepted, a.Header())
		}
		if !packed {
			continue
		}
		reader, err := gzip.NewReader(strings.NewReader(a.text))
		must(t, err)
		text, err := io.ReadAll(reader)
		must(t, err)
		if string(text) != plain.text || len(a.text) >= len(text) {
			t.Errorf("%d bytes of %d, the same %t", len(a.text), len(text), string(text) == plain.text)
		}
	}
	preflight := f.do(t, "OPTIONS", "/acme/shop/revocations", "", "Origin: https://b.example", "Access-Control-Request-Method: GET")
	preflight.check(t, scenario{wantStatus: 204, wantHeader: map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization, content-type",
	}})
}

func TestEveryNameOfAnIssuerHasItsFeed(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.revokeSome(t, 1)
	for _, path := range []string{
		"/acme/shop", "/ACME/Shop", "/acme/shop/", "/acme/applications/shop", "/acme/apps/shop", "/acme/a/shop", "/organizations/acme/shop",
		"/orgs/acme/apps/shop", "/o/acme/a/shop", "/" + f.shop.ID.String(), "/applications/" + f.shop.ID.String(), "/a/" + f.shop.ID.String(),
		"/acme/" + f.shop.ID.String(), "/" + f.acme.ID.String() + "/shop",
	} {
		d := feedDocumentOf(t, f.do(t, "GET", strings.TrimSuffix(path, "/")+"/revocations", ""))
		if d.Issuer != publicURL+"/acme/shop" || len(d.Tokens) != 1 {
			t.Errorf("%s: %+v", path, d)
		}
		f.do(t, "GET", strings.TrimSuffix(path, "/")+"/policy", "", basic(f.shopID, f.shopSecret)).check(t, scenario{wantStatus: 200})
	}
	if d := feedDocumentOf(t, f.do(t, "GET", "/management/revocations", "")); d.Issuer != publicURL+"/management" || len(d.Tokens) != 0 {
		t.Errorf("management: %+v", d)
	}
	f.run(t, []scenario{
		{name: "unknown", method: "GET", path: "/acme/none/revocations", wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}},
		{name: "of another organization", method: "GET", path: "/rival/shop/revocations", wantStatus: 404},
		{name: "POST", method: "POST", path: "/acme/shop/revocations", wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD"}},
		{name: "DELETE", method: "DELETE", path: "/management/revocations", wantStatus: 405},
		{name: "PUT policy", method: "PUT", path: "/acme/shop/policy", wantStatus: 405},
		{name: "management has no policy", method: "GET", path: "/management/policy", wantStatus: 404},
		{name: "policy of nobody", method: "GET", path: "/acme/none/policy", wantStatus: 404},
		{name: "policy with a parameter", method: "GET", path: "/acme/shop/policy?access_token=x", wantStatus: 400},
	})
}

func TestThePolicyOfAnApplication(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	client := basic(f.shopID, f.shopSecret)
	a := f.do(t, "GET", "/acme/shop/policy", "", client, "Accept-Encoding: gzip;q=0")
	a.check(t, scenario{wantStatus: 200, wantHeader: map[string]string{
		"Cache-Control": "private, no-cache", "Content-Type": "application/writ-policy+jwt", "Vary": "Accept-Encoding, Authorization",
		"Access-Control-Allow-Origin": "",
	}})
	p, err := revocation.ParsePolicy([]byte(payloadOf(t, a)))
	must(t, err)
	if p.Issuer != publicURL+"/acme/shop" || p.Seq == 0 || strings.Join(p.Guest, " ") != "post:/users" {
		t.Errorf("%+v", p)
	}
	tag := a.Header().Get("ETag")
	if again := f.do(t, "GET", "/acme/shop/policy", "", client, "If-None-Match: "+tag); again.Code != 304 {
		t.Errorf("unchanged: %d", again.Code)
	}
	if again := f.do(t, "GET", "/acme/shop/policy", "", "If-None-Match: "+tag); again.Code != 401 {
		t.Errorf("without credentials: %d", again.Code)
	}
	f.do(t, "POST", "/acme/shop/roles/default/permissions", `{"permission":"get:/new"}`, client).check(t, scenario{wantStatus: 200})
	again := f.do(t, "GET", "/acme/shop/policy", "", client, "If-None-Match: "+tag)
	if !strings.Contains(payloadOf(t, again), "get:/new") {
		t.Errorf("changed: %s", payloadOf(t, again))
	}
	if d := feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations?after="+fmt.Sprint(p.Seq), "", client)); d.Policy <= p.Seq {
		t.Errorf("the feed says %d, the old policy is of %d", d.Policy, p.Seq)
	}
}

// SEC-64
func TestTheFeedNamesNobody(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	raw := bare(f.asDana(t))
	f.do(t, "POST", "/acme/shop/revoke", "token="+raw).check(t, scenario{wantStatus: 200})
	f.do(t, "PUT", "/acme/shop/users/dana/revoketokens", "", f.asShop(t)).check(t, scenario{wantStatus: 200})
	must(t, f.service.RevokeAdminTokens(t.Context(), f.olga.ID))
	set := claimsOf(t, raw)
	for _, path := range []string{"/acme/shop/revocations", "/acme/shop/revocations?after=0", "/management/revocations"} {
		text := payloadOf(t, f.do(t, "GET", path, ""))
		for _, secret := range []string{set.ID, set.Subject, "dana", "olga", f.olga.ID.String(), f.shop.ID.String(), f.shopID} {
			if strings.Contains(text, secret) {
				t.Errorf("%s names %s: %s", path, secret, text)
			}
		}
	}
	var d revocation.Document
	must(t, json.Unmarshal([]byte(payloadOf(t, f.do(t, "GET", "/acme/shop/revocations", ""))), &d))
	if len(d.Tokens) != 1 || d.Tokens[0].ID != revocation.Hash(set.ID) || len(d.Subjects) != 1 || d.Subjects[0].ID != revocation.Hash(set.Subject) {
		t.Errorf("%+v", d)
	}
}

func TestTheFeedIsRateLimited(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for range feedBurst {
		if a := f.do(t, "GET", "/acme/shop/revocations", ""); a.Code != 200 {
			t.Fatalf("%d %s", a.Code, a.text)
		}
	}
	f.do(t, "GET", "/acme/shop/revocations", "").check(t, scenario{
		wantStatus: 429, wantBody: map[string]any{"error": "too_many_requests"}, wantHeader: map[string]string{"Retry-After": "1"},
	})
	f.do(t, "GET", "/acme/shop/policy", "", basic(f.shopID, f.shopSecret)).check(t, scenario{wantStatus: 429})
	f.do(t, "GET", "/acme/shop/revocations", "", "Remote: 192.0.2.2:1").check(t, scenario{wantStatus: 200})
	f.clock.advance(time.Second)
	f.do(t, "GET", "/acme/shop/revocations", "").check(t, scenario{wantStatus: 200})
}

func TestPagesOfTheFeed(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{feed: func(c *feed.Config) { c.PageSize = 8 }})
	f.revokeSome(t, 100)
	r := f.newReader(t, "/acme/shop")
	r.sync(t)
	if len(r.tokens) != 100 {
		t.Errorf("%d tokens", len(r.tokens))
	}
	first := feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations", ""))
	if first.Pages != 16 {
		t.Errorf("%d pages", first.Pages)
	}
	f.clock.advance(10 * time.Minute)
	a := f.do(t, "GET", fmt.Sprintf("/acme/shop/revocations?page=2&seq=%d", first.Seq), "")
	if a.Code != 200 { // it is the newest one still
		t.Errorf("%d %s", a.Code, a.text)
	}
	f.revokeSome(t, 1)
	must(t, f.store.CatchUp(t.Context()))
	feedDocumentOf(t, f.do(t, "GET", "/acme/shop/revocations", ""))
	f.clock.advance(6 * time.Minute)
	f.do(t, "GET", fmt.Sprintf("/acme/shop/revocations?page=2&seq=%d", first.Seq), "").check(t, scenario{wantStatus: 410})
}

func FuzzFeedQuery(f *testing.F) {
	world := newServer(f, options{})
	for _, seed := range []string{"", "after=1&epoch=x&wait=0", "page=1&seq=5", "after=9223372036854775807", "after=1&wait=0s", "%00=&after", "after=0;page=1"} {
		f.Add(seed, "text/event-stream;q=0.5", "x:1")
	}
	f.Fuzz(func(t *testing.T, query, accept, last string) {
		if strings.Contains(query, "wait") && !strings.Contains(query, "wait=0") {
			t.Skip("it would wait")
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "/acme/shop/revocations", bytes.NewReader(nil))
		must(t, err)
		request.URL.RawQuery = query
		request.RemoteAddr = uuid.NewString()
		request.Header = http.Header{"Accept": {accept}, "Last-Event-Id": {last}}
		a := world.serve(request)
		switch a.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusGone:
		default:
			t.Errorf("%q: %d %s", query, a.Code, a.text)
		}
	})
}

func TestTheFeedIsCounted(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.do(t, "GET", "/acme/shop/revocations", "").check(t, scenario{wantStatus: 200})
	f.do(t, "GET", "/acme/shop/revocations", "").check(t, scenario{wantStatus: 200})
	follower, err := f.Feed.Follow(t.Context(), feed.View{Scope: f.shop.ID, Issuer: publicURL + "/acme/shop"}, feed.Position{})
	must(t, err)
	defer follower.Close()
	_, err = follower.Next(t.Context())
	must(t, err)
	page := f.do(t, "GET", "/metrics", "", "Remote: 127.0.0.1:1", "Host: localhost").text
	for name, least := range map[string]int64{
		"writ_feed_clients": 1, "writ_feed_documents_signed_total": 2, "writ_feed_events_sent_total": 1, "writ_feed_complete_pages_total": 2,
	} {
		_, line, _ := strings.Cut(page, "\n"+name+" ")
		value, _, _ := strings.Cut(line, "\n")
		if count, ok := digits(value); !ok || count < least {
			t.Errorf("%s is %q, want at least %d", name, value, least)
		}
	}
}
