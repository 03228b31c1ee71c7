package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

const (
	usersAt      = "/portal/organizations/acme/applications/shop/users"
	userPassword = "quiet-harbor-7"
)

// newUser makes a user of shop.
func (w *world) newUser(t *testing.T, username string) models.User {
	t.Helper()
	user, err := models.NewUser(w.shop.ID, username, username+"@example.com", "", w.clock.now())
	must(t, err)
	user.PasswordHash, err = w.passwords.HashUnchecked(t.Context(), userPassword)
	must(t, err)
	must(t, w.store.CreateUsers(t.Context(), []models.User{user}))
	return user
}

func (w *world) user(t *testing.T, id uuid.UUID) models.User {
	t.Helper()
	row, err := w.store.User(t.Context(), w.shop.ID, id.String())
	must(t, err)
	return row
}

// logsIn tells the status of a login of a user.
func (w *world) logsIn(t *testing.T, username, password string) int {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	return w.browser(t).send(t, http.MethodPost, "/acme/shop/token", form.Encode()).StatusCode
}

func TestUsersAreListedAndFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	want(t, b.open(t, usersAt), http.StatusOK, "No user yet", "<details class=\"card\" open>")
	for i := range 30 {
		w.clock.advance(time.Millisecond)
		w.newUser(t, "clerk-"+strconv.Itoa(10+i))
	}
	w.newUser(t, "dana")
	want(t, b.open(t, usersAt), http.StatusOK, "clerk-10", "clerk-34", "!clerk-35", "Next page")
	_, next, _ := strings.Cut(b.last.text, `<p class="pages"><a href="`)
	next, _, _ = strings.Cut(next, `"`)
	want(t, b.open(t, strings.ReplaceAll(next, "&amp;", "&")), http.StatusOK, "clerk-35", "dana", "First page", "!clerk-34")
	want(t, b.open(t, usersAt+"?search=DAN"), http.StatusOK, ">dana<", "!clerk-", "!There may be more")
	want(t, b.open(t, usersAt+"?search=clerk"), http.StatusOK, "clerk-34", "!clerk-35", "There may be more")
	want(t, b.open(t, usersAt+"?search=ana"), http.StatusOK, "Nobody has a username")
	want(t, b.open(t, usersAt+"?search=%00%25"), http.StatusOK, "Nobody has a username")
}

func TestUsersAreCreatedAndChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	w.newUser(t, "dana")
	want(t, b.submit(t, usersAt+"/create", "username", "dana", "name", "Second", "password", userPassword), http.StatusBadRequest,
		"Somebody else has the username “dana”", `value="Second"`, "!"+userPassword)
	want(t, b.submit(t, usersAt+"/create", "username", "erik", "password", "password"), http.StatusBadRequest, "commonly used")
	want(t, b.submit(t, usersAt+"/create"), http.StatusBadRequest)
	r := b.submit(t, usersAt+"/create", "username", "erik", "email", "erik@example.com", "password", userPassword)
	want(t, r, http.StatusSeeOther)
	at, _, _ := strings.Cut(r.Header.Get("Location"), "?")
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The user was created", "erik@example.com", "The user can log in")
	if status := w.logsIn(t, "erik", userPassword); status != http.StatusOK {
		t.Errorf("login: %d", status)
	}
	want(t, b.submit(t, at+"/profile", "username", "dana", "name", "Erik", "email", "e@example.com"), http.StatusBadRequest,
		"Somebody else has the username “dana”", `value="e@example.com"`)
	want(t, b.submit(t, at+"/profile", "username", "erik2", "name", "Erik Holm", "email", "e@example.com"), http.StatusSeeOther)
	want(t, b.open(t, at), http.StatusOK, "erik2", "Erik Holm", "e@example.com")

	want(t, b.submit(t, at+"/password", "newpassword", "short"), http.StatusBadRequest, "at least 8 characters", `value="erik2"`)
	want(t, b.submit(t, at+"/password", "newpassword", "amber-lantern-5"), http.StatusSeeOther)
	if w.logsIn(t, "erik2", userPassword) == http.StatusOK || w.logsIn(t, "erik2", "amber-lantern-5") != http.StatusOK {
		t.Error("the password was not changed")
	}
	if events := w.events(t, "user.password"); len(events) != 1 || events[0].ActorName != "olga" || events[0].TargetName != "erik2" {
		t.Errorf("trail %+v", events)
	}
}

func TestUsersAreShutOutAndLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	dana := w.newUser(t, "dana")
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, at), http.StatusOK, "Shut out", "Send a link")
	want(t, b.submit(t, at+"/state", "to", "disabled"), http.StatusSeeOther)
	want(t, b.open(t, at), http.StatusOK, "Let in", "disabled")
	if row := w.user(t, dana.ID); !row.Disabled || row.Generation <= dana.Generation || w.logsIn(t, "dana", userPassword) == http.StatusOK {
		t.Errorf("%+v", row)
	}
	want(t, b.submit(t, at+"/state", "to", "active"), http.StatusSeeOther)
	if status := w.logsIn(t, "dana", userPassword); status != http.StatusOK {
		t.Errorf("login: %d", status)
	}
	want(t, b.submit(t, at+"/state", "to", "admin"), http.StatusBadRequest)
	before := w.user(t, dana.ID).Generation
	want(t, b.submit(t, at+"/revoke"), http.StatusSeeOther)
	if after := w.user(t, dana.ID).Generation; after != before+1 {
		t.Errorf("generation %d after %d", after, before)
	}
	want(t, b.submit(t, at+"/link"), http.StatusSeeOther)
	want(t, b.open(t, at+"/tokens"), http.StatusOK, "dana")

	_, err := w.store.UpdateUser(t.Context(), w.shop.ID, dana.ID, func(u *models.User) error {
		u.Activated, u.Confirmed = false, false
		return nil
	})
	must(t, err)
	want(t, b.open(t, at), http.StatusOK, "has not confirmed the e-mail address", "Let in")
	want(t, b.submit(t, at+"/state", "to", "active"), http.StatusSeeOther)
	want(t, b.open(t, at), http.StatusOK, "The user can log in", "Shut out")
}

func TestUsersGetRolesAndGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	dana := w.newUser(t, "dana")
	group, err := models.NewGroup(w.shop.ID, "staff/north", "", "", w.clock.now())
	must(t, err)
	must(t, w.store.CreateGroup(t.Context(), group))
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, at), http.StatusOK, "None of his own", "<option>admin</option>", "In no group", "<option>staff/north</option>")
	want(t, b.submit(t, at+"/roles", "name", "admin"), http.StatusSeeOther)
	want(t, b.submit(t, at+"/groups", "name", "staff/north"), http.StatusSeeOther)
	want(t, b.open(t, at), http.StatusOK, "!<option>admin</option>", "Take away the role admin", "Remove from the group staff/north", "There is no other group")
	want(t, b.submit(t, at+"/roles", "name", "nothing"), http.StatusNotFound)
	want(t, b.submit(t, at+"/roles", "name", "admin", "remove", "yes"), http.StatusSeeOther)
	want(t, b.submit(t, at+"/groups", "name", "staff/north", "remove", "yes"), http.StatusSeeOther)
	want(t, b.open(t, at), http.StatusOK, "None of his own", "In no group")
	if events := w.events(t, "role."); len(events) != 2 || events[0].Detail != `{"by":"portal","role":"admin"}` {
		t.Errorf("trail %+v", events)
	}
}

// SEC-72
func TestUsersAreDeletedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	dana := w.newUser(t, "dana")
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	w.clock.advance(provenLife + time.Second)
	want(t, b.open(t, at+"/delete"), http.StatusOK, "Type dana to confirm")
	want(t, b.submit(t, at+"/delete", "name", "dana"), http.StatusForbidden, "Confirm that it is you")
	want(t, b.submit(t, at+"/delete", "name", "Dana", passwordField, adminPassword), http.StatusBadRequest, "Type dana")
	r := b.submit(t, at+"/delete", "name", "dana")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The user was deleted", "No user yet")
	want(t, b.open(t, at), http.StatusNotFound)
}

// SEC-22, SEC-69, SEC-70
func TestUsersOfOthersAreOutOfReachAndTheirNamesAreText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	w := newWorld(t, options{mail: true})
	dana := w.newUser(t, "dana")
	_, err := w.store.UpdateUser(t.Context(), w.shop.ID, dana.ID, func(u *models.User) error {
		u.Name, u.Properties = evil, models.Properties{"picture": evil}
		return nil
	})
	must(t, err)
	at := usersAt + "/" + dana.ID.String()
	olga, rita := w.as(t, "olga"), w.as(t, "rita")
	for _, path := range []string{usersAt, usersAt + "?search=" + url.QueryEscape(evil), at, at + "/delete", at + "/tokens"} {
		r := olga.open(t, path)
		want(t, r, http.StatusOK, "!<script>alert", "!<img src=x", "!ZgotmplZ", "!<no value>")
		want(t, rita.open(t, path), http.StatusNotFound)
	}
	for _, path := range []string{"/profile", "/state", "/password", "/link", "/roles", "/groups", "/revoke", "/delete"} {
		rita.open(t, "/portal")
		for _, place := range []string{at, strings.Replace(at, "acme/applications/shop", "rival/applications/stall", 1)} {
			r := rita.submit(t, place+path, "username", "evil", "to", "disabled", "newpassword", "amber-lantern-5", "name", "dana")
			want(t, r, http.StatusNotFound)
		}
	}
	row := w.user(t, dana.ID)
	if row.Username != "dana" || row.Disabled || row.Generation != dana.Generation || w.logsIn(t, "dana", userPassword) != http.StatusOK {
		t.Errorf("%+v", row)
	}
	want(t, olga.submit(t, usersAt+"/create", "username", evil, "email", evil, "name", evil), http.StatusBadRequest, "!<script>alert", "!<img src=x")
	for _, name := range []string{"me", "dana", "%2e%2e", "nobody"} {
		want(t, olga.open(t, usersAt+"/"+name), http.StatusNotFound)
	}
}
