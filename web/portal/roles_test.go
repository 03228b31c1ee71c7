package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// created follows the redirect behind a form that has made something, and gives its page.
func created(t *testing.T, b *browser, r *reply, texts ...string) (page string) {
	t.Helper()
	want(t, r, http.StatusSeeOther)
	page, _, _ = strings.Cut(r.Header.Get("Location"), "?")
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, texts...)
	return page
}

func TestRolesAreCreatedAndGetRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	want(t, b.open(t, rolesAt), http.StatusOK, ">admin<", ">default<", "every caller without credentials", "!Next page")
	want(t, b.submit(t, rolesAt+"/create", "name", "a/b", "title", "Kept"), http.StatusBadRequest, "Illegal role name", `value="Kept"`)
	want(t, b.submit(t, rolesAt+"/create", "name", "Admin"), http.StatusBadRequest, "be unique")
	page := created(t, b, b.submit(t, rolesAt+"/create", "name", "Clerk", "title", "Order clerks"), "The role was created", "clerk", "the role permits nothing yet",
		`value="Order clerks"`)

	want(t, b.submit(t, page+"/rules", "rule", "patch:/orders", "do", "add"), http.StatusBadRequest, "This is no rule: unknown operation 'patch'.",
		`value="patch:/orders"`, "the collection and everything below")
	want(t, b.submit(t, page+"/rules", "rule", "get:/orders/*", "do", "look"), http.StatusOK, "GET on /orders and one level below.", `value="get:/orders/*"`,
		"the role permits nothing yet")
	created(t, b, b.submit(t, page+"/rules", "rule", " GET:/Orders/* ", "do", "add"), "The rule was added", "get:/orders/*", "GET on /orders and one level below.")
	want(t, b.submit(t, page+"/rules", "rule", "", "do", "add"), http.StatusBadRequest, "empty path")
	created(t, b, b.submit(t, page+"/rules", "rule", "get:/orders/*", "do", "remove"), "The rule was removed", "the role permits nothing yet")
	if events := w.events(t, "permission."); len(events) != 2 || !strings.Contains(events[0].Detail, `"by":"portal"`) {
		t.Errorf("trail %+v", events)
	}

	created(t, b, b.submit(t, page+"/profile", "title", "Clerks", "inactivity", "5", "inactivity_unit", "minute"), "Saved", `value="Clerks"`, `value="5"`)
	if role := w.role(t, "clerk"); role.Inactivity != 300_000 || role.Title != "Clerks" {
		t.Errorf("%+v", role)
	}
	want(t, b.submit(t, page+"/profile", "title", "Kept", "inactivity", "x", "inactivity_unit", "minute"), http.StatusBadRequest, "whole number", `value="Kept"`)
	created(t, b, b.submit(t, page+"/profile", "title", "Clerks", "inactivity", "", "inactivity_unit", "minute"), "Saved", "!value=\"5\"")
}

func TestRolesAreGivenAndTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	clerk, dana := w.newRole(t, "clerk", "get:/orders"), w.newUser(t, "dana")
	group := w.newGroup(t, "staff/north")
	page := rolesAt + "/" + clerk.ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, page), http.StatusOK, "No user has it himself", "No group has it")
	created(t, b, b.submit(t, page+"/users", "name", "dana@example.com"), "was changed", `href="`+usersAt+"/"+dana.ID.String()+`">dana<`, "Take away from dana")
	created(t, b, b.submit(t, page+"/groups", "name", "staff/north"), "was changed", `href="`+groupsAt+"/"+group.ID.String()+`">staff/north<`)
	want(t, b.submit(t, page+"/users", "name", "nobody"), http.StatusBadRequest, "No user of this application has the name or address “nobody”", `value="nobody"`)
	want(t, b.submit(t, page+"/users", "name", ""), http.StatusBadRequest, "No user of this application")
	want(t, b.submit(t, page+"/groups", "name", "none"), http.StatusBadRequest, "No group of this application")
	created(t, b, b.submit(t, page+"/users", "name", dana.ID.String(), "remove", "yes"), "No user has it himself")
	created(t, b, b.submit(t, page+"/groups", "name", group.ID.String(), "remove", "yes"), "No group has it")

	w.clock.advance(provenLife + time.Second)
	want(t, b.open(t, page+"/delete"), http.StatusOK, "lose what it permits")
	want(t, b.submit(t, page+"/delete", "name", "clerk"), http.StatusForbidden, "Confirm that it is you")
	want(t, b.submit(t, page+"/delete", "name", "clerks", passwordField, adminPassword), http.StatusBadRequest, "Type clerk")
	created(t, b, b.submit(t, page+"/delete", "name", "clerk"), "The role was deleted", "!>clerk<")
	want(t, b.open(t, page), http.StatusNotFound)
	want(t, b.open(t, rolesAt+"/"+w.role(t, "guest").ID.String()+"/delete"), http.StatusOK, "callers without credentials are refused everything")
	want(t, b.open(t, rolesAt+"/"+w.role(t, "default").ID.String()+"/delete"), http.StatusOK, "users may do no more than")
}

// Lists come in pieces, and so does a page that has three of them.
func TestLongListsOfRolesAndRulesArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	clerk := w.newRole(t, "clerk")
	for i := range 30 {
		w.clock.advance(time.Millisecond)
		w.rule(t, models.HolderRole, clerk.ID, fmt.Sprintf("get:/place-%02d/**,/other-%02d/*", i, i))
		user, group := w.newUser(t, fmt.Sprintf("user-%02d", i)), w.newGroup(t, fmt.Sprintf("group-%02d", i))
		must(t, w.store.AssignRole(t.Context(), w.shop.ID, clerk.ID, models.HolderUser, user.ID))
		must(t, w.store.AssignRole(t.Context(), w.shop.ID, clerk.ID, models.HolderGroup, group.ID))
		w.newRole(t, fmt.Sprintf("role-%02d", i))
	}
	b := w.as(t, "olga")
	page := rolesAt + "/" + clerk.ID.String()
	r := b.open(t, page)
	want(t, r, http.StatusOK, "place-24", "!place-25", "user-24", "!user-25", "group-24", "!group-25", "?rules=25#rules")
	if len(r.text) > 70<<10 {
		t.Errorf("the page weighs %d bytes", len(r.text))
	}
	want(t, b.open(t, page+"?rules=25"), http.StatusOK, "place-25", "!place-24", "First page")
	want(t, b.open(t, page+"?rules=-1"), http.StatusOK, "place-00")
	for _, kind := range []string{"users", "groups"} {
		_, next, _ := strings.Cut(b.open(t, page).text, `<a href="`+page+"?"+kind+"=")
		next, _, _ = strings.Cut(next, `"`)
		one := strings.TrimSuffix(kind, "s")
		want(t, b.open(t, page+"?"+kind+"="+next), http.StatusOK, one+"-25", "!"+one+"-24", "First page")
	}
	want(t, b.open(t, rolesAt), http.StatusOK, "role-10", "!role-29", "Next page")
	want(t, b.open(t, groupsAt), http.StatusOK, "group-24", "!group-25", "Next page")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	clerk, dana := w.newRole(t, "clerk"), w.newUser(t, "dana")
	b := w.as(t, "olga")
	want(t, b.open(t, groupsAt), http.StatusOK, "No group yet", "<details class=\"card\" open>")
	want(t, b.submit(t, groupsAt+"/create", "path", "a b", "title", "Kept"), http.StatusBadRequest, "Illegal characters", `value="Kept"`)
	page := created(t, b, b.submit(t, groupsAt+"/create", "path", "/staff/north/", "title", "In the north"), "The group was created", "staff/north", "Nobody is in this group",
		"The rules and roles of staff hold")
	created(t, b, b.submit(t, page+"/users", "name", "dana"), "The members were changed", `href="`+usersAt+"/"+dana.ID.String()+`"`, "Remove dana from the group")
	created(t, b, b.submit(t, page+"/roles", "name", "clerk"), `href="`+rolesAt+"/"+clerk.ID.String()+`"`, "!<option>clerk</option>")
	created(t, b, b.submit(t, page+"/rules", "rule", "get:/news/**", "do", "add"), "GET on /news and everything below.")
	if rights, err := w.store.Rights(t.Context(), w.shop.ID, dana.ID); err != nil || strings.Join(rights.Roles, ",") != "clerk,default" || rights.Groups[0] != "staff/north" {
		t.Errorf("%+v %v", rights, err)
	}
	want(t, b.submit(t, page+"/users", "name", "nobody"), http.StatusBadRequest, "No user of this application", `value="nobody"`)
	want(t, b.submit(t, page+"/roles", "name", "nothing"), http.StatusBadRequest, "No role of this application")
	want(t, b.submit(t, page+"/rules", "rule", "get", "do", "look"), http.StatusOK, "/get exactly")
	created(t, b, b.submit(t, page+"/profile", "title", "Northern staff"), "Saved", `value="Northern staff"`)
	created(t, b, b.submit(t, page+"/users", "name", dana.ID.String(), "remove", "yes"), "Nobody is in this group")
	created(t, b, b.submit(t, page+"/roles", "name", clerk.ID.String(), "remove", "yes"), "<option>clerk</option>")
	want(t, b.submit(t, page+"/delete", "name", "staff"), http.StatusBadRequest, "Type staff/north")
	created(t, b, b.submit(t, page+"/delete", "name", "staff/north"), "The group was deleted", "No group yet")
	want(t, b.open(t, page), http.StatusNotFound)
}

func TestRulesOfAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	page := usersAt + "/" + w.newUser(t, "dana").ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, page), http.StatusOK, "No rule of his own", "as=user&who=dana")
	created(t, b, b.submit(t, page+"/rules", "rule", "get:/orders/7", "do", "add"), "GET on /orders/7 exactly.")
	want(t, b.submit(t, page+"/rules", "rule", "x:/y", "do", "add"), http.StatusBadRequest, "This is no rule", `value="x:/y"`, `value="dana"`)
	created(t, b, b.submit(t, page+"/rules", "rule", "get:/orders/7", "do", "remove"), "No rule of his own")
}

// SEC-22, SEC-67, SEC-69, SEC-70
func TestRolesAndGroupsOfOthersAreOutOfReachAndTheirNamesAreText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	w := newWorld(t, options{})
	dana := w.newUser(t, "dana")
	clerk, group := w.newRole(t, "clerk", "get:/"+evil), w.newGroup(t, "staff", "get:/"+evil)
	w.rule(t, models.HolderUser, dana.ID, "get:/"+evil)
	_, err := w.store.UpdateRole(t.Context(), w.shop.ID, clerk.ID, func(r *models.Role) error { r.Title = evil; return nil })
	must(t, err)
	_, err = w.store.UpdateGroup(t.Context(), w.shop.ID, group.ID, func(g *models.Group) error { g.Title, g.Path = evil, evil; return nil })
	must(t, err)
	must(t, w.store.AssignRole(t.Context(), w.shop.ID, clerk.ID, models.HolderGroup, group.ID))
	must(t, w.store.AddGroupMember(t.Context(), w.shop.ID, group.ID, dana.ID))
	role, at, user := rolesAt+"/"+clerk.ID.String(), groupsAt+"/"+group.ID.String(), usersAt+"/"+dana.ID.String()
	olga, rita := w.as(t, "olga"), w.as(t, "rita")
	nothing := rita.open(t, "/portal/organizations/nowhere").text
	query := url.QueryEscape(evil)
	for _, path := range []string{
		rolesAt, groupsAt, mayAt, role, at, user, role + "/delete", at + "/delete", mayAt + "?rule=get:/" + query, mayAt + "?part=rule&rule=" + query,
		tried(mayAt, evil, evil, evil, evil), tried(mayAt, "GET", "/"+evil, "role", evil), tried(role, "GET", "/"+evil, "role", "clerk"),
		tried(mayAt, "GET", "/x", "user", "dana") + "&part=answer",
	} {
		want(t, olga.open(t, path), http.StatusOK, "!<script>alert", "!<img src=x", "!ZgotmplZ", "!<no value>")
		if r := rita.open(t, path); r.StatusCode != http.StatusNotFound || r.text != nothing {
			t.Errorf("%s answers other than for what does not exist: %d", path, r.StatusCode)
		}
	}
	forms := []string{
		rolesAt + "/create", role + "/profile", role + "/rules", role + "/users", role + "/groups", role + "/delete", groupsAt + "/create", at + "/profile",
		at + "/rules", at + "/users", at + "/roles", at + "/delete", user + "/rules",
	}
	before := len(w.events(t, ""))
	for _, path := range forms {
		rita.open(t, "/portal")
		for _, place := range []string{path, strings.Replace(path, "acme/applications/shop", "rival/applications/stall", 1)} {
			if strings.HasSuffix(path, "/create") && place != path {
				continue // her own
			}
			r := rita.submit(t, place, "name", "evil", "path", "evil", "title", "evil", "rule", "*:/**", "do", "add", passwordField, adminPassword)
			want(t, r, http.StatusNotFound)
		}
		form := url.Values{"name": {"evil"}, "path": {"evil"}, "title": {"evil"}, "rule": {"*:/**"}, "do": {"add"}, formName: {"x"}}
		want(t, olga.send(t, http.MethodPost, path, form.Encode()), http.StatusForbidden, "from an earlier session")
		form.Set(formName, olga.form)
		want(t, olga.send(t, http.MethodPost, path, form.Encode(), "Sec-Fetch-Site: cross-site"), http.StatusForbidden, "not sent by a page of the portal")
	}
	for _, event := range w.events(t, "")[:len(w.events(t, ""))-before] {
		if event.Result == models.AuditOK && event.ActorName != "rita" {
			t.Errorf("something was changed: %+v", event)
		}
	}
	if rules, err := w.store.Rules(t.Context(), w.shop.ID, models.HolderRole, clerk.ID); err != nil || len(rules) != 1 {
		t.Errorf("%q %v", rules, err)
	}
	for _, path := range forms {
		olga.open(t, "/portal")
		r := olga.submit(t, path, "name", evil, "path", evil, "title", evil, "rule", "get:put:"+evil, "do", "add", "inactivity", evil)
		want(t, r, r.StatusCode, "!<script>alert", "!<img src=x")
		if r.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	for _, name := range []string{"clerk", "%2e%2e", "nobody", w.acme.ID.String()} {
		want(t, olga.open(t, rolesAt+"/"+name), http.StatusNotFound)
		want(t, olga.open(t, groupsAt+"/"+name), http.StatusNotFound)
	}
}
