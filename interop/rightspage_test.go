package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// nothingHeading is over the page of whatever is not there, or not for who asks.
const nothingHeading = "Nothing here"

// TestPagesGiveNobodyMoreThanHeHas looks in Chromium for what a form or an address could give away: pages of another organization, members of a
// body that no form has, searches that are no text, and an organization without administrators.
//
// SEC-70, SEC-71, SEC-73
func TestPagesGiveNobodyMoreThanHeHas(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	w.set(t, "POST", "/management/orgs",
		`{"organization":"brine","username":"nora","email":"nora@example.com","name":"Nora Lund","password":"`+adminPassword+`"}`)
	t.Run("pages of others", w.hidesFromOthers)
	t.Run("members that no form has", w.takesOnlyWhatFormsHave)
	t.Run("searches", w.searchesForText)
	t.Run("the last administrator", w.keepsTheLastAdministrator)
}

func (w *portalWorld) hidesFromOthers(t *testing.T) {
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signIn(t, "nora", "Organizations")
	shop := "/portal/organizations/acme/applications/shop"
	for _, path := range []string{
		"/portal/organizations/acme", "/portal/organizations/acme/administrators", "/portal/organizations/acme/insight", "/portal/organizations/acme/activity",
		shop, shop + "/users", shop + "/users/" + w.dana, shop + "/users/" + w.dana + "/logins", shop + "/users/import", shop + "/roles/" + w.clerk,
		shop + "/groups/" + w.staff, shop + "/may", shop + "/review", shop + "/insight", "/portal/organizations/brine/applications/shop",
		"/portal/keys", "/portal/administrators", "/portal/administrators/" + w.olga, "/portal/activity", "/portal/insight", "/portal/review",
	} {
		p.open(t, w.url+path, http.StatusNotFound, nothingHeading)
		if shown := p.text(t, "main"); strings.Contains(shown, "dana") || strings.Contains(shown, "clerk") {
			t.Errorf("%s: %s", path, shown)
		}
	}
}

// takesOnlyWhatFormsHave adds fields to a form in the page, as whoever sits before it can.
func (w *portalWorld) takesOnlyWhatFormsHave(t *testing.T) {
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal/organizations/acme/applications/shop/users/"+w.dana, http.StatusOK, "Sign in")
	p.signIn(t, "olga", "dana")
	before := w.user(t)
	p.do(t, chromedp.Evaluate[chromedp.Void](`(() => {
		const form = document.querySelector('form[action$="/profile"]');
		for (const [name, value] of Object.entries({
			uuid: '00000000-0000-0000-0000-000000000000', disabled: 'true', activated: 'false', admin: 'true', superuser: 'true', level: 'admin_user',
			roles: 'admin', permissions: 'get,put,post,delete:/**', hash: 'x', password: 'other-password-1', gen: '0', created: '1',
		})) {
			const field = document.createElement('input');
			[field.type, field.name, field.value] = ['hidden', name, value];
			form.append(field);
		}
	})()`))
	p.enter(t, "#name", "!")
	p.click(t, `form[action$="/profile"] button`, http.StatusOK, "dana")
	after := w.user(t)
	if name := after["name"]; name == before["name"] {
		t.Fatalf("the form was not taken: %v", name)
	}
	for _, known := range []string{"name", "modified", "picture"} {
		delete(before, known)
		delete(after, known)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before %v\nafter %v", before, after)
	}
	w.token(t, "/acme/shop", map[string][]string{"grant_type": {"password"}, "username": {"dana"}, "password": {userPassword}})
}

// user is dana as the API shows her, with her roles.
func (w *portalWorld) user(t *testing.T) map[string]any {
	t.Helper()
	entity, is := w.set(t, "GET", "/acme/shop/users/dana", "")["entities"].([]any)[0].(map[string]any)
	if !is {
		t.Fatal("no entity")
	}
	roles, err := json.Marshal(w.set(t, "GET", "/acme/shop/users/dana/roles", "")["entities"])
	if err != nil {
		t.Fatal(err)
	}
	entity["roles"] = string(roles)
	return entity
}

func (w *portalWorld) searchesForText(t *testing.T) {
	p := newTab(t, w.browser)
	users := w.url + "/portal/organizations/acme/applications/shop/users"
	p.open(t, users, http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Users")
	p.enter(t, `input[name="search"]`, "da")
	p.click(t, `form[role="search"] button`, http.StatusOK, "Users")
	if shown := p.text(t, "main"); !strings.Contains(shown, "dana") {
		t.Fatalf("the search finds nobody: %s", shown)
	}
	for _, text := range []string{"' OR '1'='1", "dana' --", "%", "_ana", "*", `"; DROP TABLE users; --`, "dana') UNION SELECT 1--", `d\%`} {
		p.open(t, users, http.StatusOK, "Users")
		p.enter(t, `input[name="search"]`, text)
		p.click(t, `form[role="search"] button`, http.StatusOK, "Users")
		if found := asked[int](t, p, `document.querySelectorAll("main a.name").length`); found != 0 {
			t.Errorf("%s finds %d", text, found)
		}
	}
	p.open(t, users, http.StatusOK, "Users")
	if shown := p.text(t, "main"); !strings.Contains(shown, "dana") {
		t.Errorf("the users afterwards: %s", shown)
	}
}

func (w *portalWorld) keepsTheLastAdministrator(t *testing.T) {
	p := newTab(t, w.browser)
	p.open(t, fmt.Sprintf("%s/portal/organizations/acme/administrators/%s/remove", w.url, w.olga), http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Remove olga")
	p.enter(t, "#name", "olga")
	p.click(t, "main button.bad", http.StatusBadRequest, "Remove olga")
	if problem := p.text(t, "#problem"); !strings.Contains(problem, "at least one administrator") {
		t.Errorf("problem %q", problem)
	}
	p.open(t, w.url+"/portal/organizations/acme", http.StatusOK, "acme")
	members, is := w.set(t, "GET", "/management/orgs/acme/users", "")["data"].([]any)
	if !is || len(members) != 1 {
		t.Errorf("members: %v", members)
	}
}
