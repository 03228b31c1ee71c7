package portal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// post sends a form to the API, as a program does, and gives back the answer.
func (w *world) post(t *testing.T, path string, form url.Values, headers ...string) *reply {
	t.Helper()
	headers = append([]string{"Sec-Fetch-Site: "}, headers...)
	return w.browser(t).send(t, http.MethodPost, path, form.Encode(), headers...)
}

// clientForm asks for a token of shop's client, with more names and values.
func (w *world) clientForm(more ...string) url.Values {
	return clientForm(models.ClientID(models.ApplicationClient, w.shop.ID), w.shopSecret, more...)
}

func clientForm(id, secret string, more ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

var cell = regexp.MustCompile(`<th scope="row"><span class="swatch c\d"></span> ([^<]*)</th><td>(\d+)</td><td>(\d+)</td>`)

// figuresIn are the numbers of a page by their names: "in the window/since the start".
func figuresIn(r *reply) map[string]string {
	all := map[string]string{}
	for _, found := range cell.FindAllStringSubmatch(r.text, -1) {
		all[found[1]] = found[2] + "/" + found[3]
	}
	return all
}

func wantFigures(t *testing.T, r *reply, want map[string]string) {
	t.Helper()
	if got := figuresIn(r); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s shows %v\nwant %v", r.Request.URL, got, want)
	}
}

const (
	acmeInsight = "/portal/organizations/acme/insight"
	shopInsight = "/portal/organizations/acme/applications/shop/insight"
)

// bustle does a little of everything in acme and its shop.
func (w *world) bustle(t *testing.T) {
	t.Helper()
	dana := w.newUser(t, "dana")
	for range 3 {
		want(t, w.post(t, "/acme/shop/token", w.clientForm()), http.StatusOK)
	}
	want(t, w.post(t, "/management/token", w.clientForm()), http.StatusOK) // the same client elsewhere
	want(t, w.post(t, "/management/token", clientForm(models.ClientID(models.OrganizationClient, w.acme.ID), w.acmeSecret)), http.StatusOK)
	want(t, w.post(t, "/acme/shop/token", w.clientForm("client_secret", "wrong")), http.StatusUnauthorized)
	login := url.Values{"grant_type": {"password"}, "username": {"dana"}, "password": {userPassword}}
	r := w.post(t, "/acme/shop/token", login)
	want(t, r, http.StatusOK)
	login.Set("password", "wrong-one-77")
	want(t, w.post(t, "/acme/shop/token", login), http.StatusBadRequest)
	want(t, w.post(t, "/acme/shop/token", url.Values{"grant_type": {"nonsense"}}), http.StatusBadRequest)
	_, token, _ := strings.Cut(r.text, `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	want(t, w.browser(t).send(t, http.MethodGet, "/acme/shop/users/me?access_token="+token, ""), http.StatusOK)
	want(t, w.browser(t).send(t, http.MethodGet, "/acme/shop/users/me", "", "Authorization: Bearer nonsense"), http.StatusUnauthorized)
	want(t, w.post(t, "/acme/shop/revoke", url.Values{"token": {token}}), http.StatusOK)
	olga := w.as(t, "olga")
	olga.open(t, "/portal")
	want(t, olga.submit(t, "/portal/organizations/acme/applications/shop/users/"+dana.ID.String()+"/revoke"), http.StatusSeeOther)
}

// shopFigures are what bustle leaves behind in shop.
func shopFigures() map[string]string {
	return map[string]string{
		"Users": "1/1", "Applications (clients)": "4/4", "Client credentials": "4/4", "Password": "1/1",
		"Wrong password, PIN or refresh token": "1/1", "Wrong client credentials": "1/1", "Request that was not understood or not allowed": "1/1",
		"Other token or credentials refused": "1/1", "One token": "1/1", "All of a user": "1/1", "Token in the address": "1/1", "Password grant": "2/2",
	}
}

// The figures are what happened, and each sees those of his own.
//
// SEC-70
func TestFiguresAreTrueAndOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.bustle(t)
	olga, rita, root := w.as(t, "olga"), w.as(t, "rita"), w.as(t, "superuser")
	shop := shopFigures()
	acme := shopFigures()
	acme["Organizations (clients)"], acme["Client credentials"] = "1/1", "5/5"
	wantFigures(t, olga.open(t, shopInsight), shop)
	wantFigures(t, olga.open(t, shopInsight+"?window=day"), shop)
	wantFigures(t, olga.open(t, acmeInsight), acme)
	want(t, olga.last, http.StatusOK, `shop</a></th><td>5</td><td>4</td><td>2</td><td>3</td>`, "!stall")
	wantFigures(t, root.open(t, "/portal/insight"), acme)
	wantFigures(t, root.open(t, acmeInsight), acme)

	wantFigures(t, rita.open(t, "/portal/organizations/rival/insight"), map[string]string{})
	want(t, rita.last, http.StatusOK, `stall</a></th><td>0</td><td>0</td><td>0</td><td>0</td>`, "!shop", "No token was issued in this time")
	for _, path := range []string{shopInsight, acmeInsight, "/portal/insight", "/portal/organizations/acme/review"} {
		want(t, rita.open(t, path), http.StatusNotFound, "!Client credentials")
	}
	want(t, olga.open(t, "/portal/insight"), http.StatusNotFound)

	w.clock.advance(2 * time.Hour)
	olga = w.as(t, "olga")
	for name := range shop {
		shop[name] = "0" + shop[name][1:]
	}
	wantFigures(t, olga.open(t, shopInsight), shop)
	want(t, olga.last, http.StatusOK, "No token was issued in this time", "Getting started")
	wantFigures(t, olga.open(t, shopInsight+"?window=day"), shopFigures())
}

// What is drawn is what the table says.
func TestChartsAreTheirNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, n := range []int{2, 4} {
		for range n {
			want(t, w.post(t, "/acme/shop/token", w.clientForm()), http.StatusOK)
		}
		w.as(t, "olga").open(t, shopInsight) // which samples
		w.clock.advance(10 * time.Minute)
	}
	b := w.as(t, "olga")
	r := b.open(t, shopInsight)
	want(t, r, http.StatusOK, "At most 4 in 2 minutes", `role="img"`, "<desc ", "Not counted", "! style=")
	_, bars, _ := strings.Cut(r.text, `<path class="c2" d="`)
	bars, _, _ = strings.Cut(bars, `"`)
	heights := regexp.MustCompile(`v-([0-9.]+)`).FindAllStringSubmatch(bars, -1)
	if len(heights) != 2 || heights[0][1] != "50.0" || heights[1][1] != "100.0" {
		t.Errorf("bars %q", bars)
	}
	_, table, _ := strings.Cut(r.text, "<details")
	table, _, _ = strings.Cut(table, "</details>")
	sum := 0
	for _, found := range regexp.MustCompile(`<td>(\d+)</td>`).FindAllStringSubmatch(table, -1) {
		n, err := strconv.Atoi(found[1])
		must(t, err)
		sum += n
	}
	if sum != 6 {
		t.Errorf("the table has %d tokens", sum)
	}
}

func TestFollowersOfTheFeedAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	olga, root := w.as(t, "olga"), w.as(t, "superuser")
	want(t, olga.open(t, shopInsight), http.StatusOK, "Nobody follows the feed")
	follow(t, w, "/acme/shop/revocations")
	for _, page := range []struct {
		b    *browser
		path string
	}{{olga, shopInsight}, {olga, acmeInsight}, {root, "/portal/insight"}} {
		want(t, page.b.open(t, page.path), http.StatusOK, "!Nobody follows the feed")
	}
	want(t, w.as(t, "rita").open(t, "/portal/organizations/rival/insight"), http.StatusOK, "Nobody follows the feed")
}

// follow connects to a feed until the test ends.
func follow(t *testing.T, w *world, path string) {
	t.Helper()
	complete := w.browser(t).send(t, http.MethodGet, path, "")
	want(t, complete, http.StatusOK)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(complete.text, ".")[1])
	must(t, err)
	var position struct {
		Epoch string `json:"epoch"`
		Seq   int64  `json:"seq"`
	}
	must(t, json.Unmarshal(payload, &position))
	at := fmt.Sprintf("%s%s?after=%d&epoch=%s", w.URL, path, position.Seq, position.Epoch)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
	must(t, err)
	request.Header.Set("Accept", "text/event-stream")
	response, err := w.Client().Do(request)
	must(t, err)
	t.Cleanup(func() { must(t, response.Body.Close()) })
	if _, err := response.Body.Read(make([]byte, 1)); err != nil { // it is counted before anything is written
		t.Fatal(err)
	}
}
