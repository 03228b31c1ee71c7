package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

func TestPropertiesOfUsersAreEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	dana := w.newUser(t, "dana")
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, at), http.StatusOK, "Custom properties", "None yet", "!gravatar")
	for name, value := range map[string]string{
		"plan": "gold", "seats": "7", "code": `"7"`, "address": `{"city":"Bern","floors":[1,2]}`, "<b>x</b>": "<script>alert(1)</script>",
	} {
		want(t, b.submit(t, at+"/properties", "property", name, "value", value), http.StatusSeeOther)
	}
	kept := w.user(t, dana.ID).Properties
	if kept["plan"] != "gold" || kept["code"] != "7" || kept["<b>x</b>"] != "<script>alert(1)</script>" {
		t.Errorf("properties %v", kept)
	}
	if _, text := kept["seats"].(string); text {
		t.Errorf("seats are a text: %v", kept)
	}
	want(t, b.open(t, at), http.StatusOK, ">gold<", ">7<", `>"7"<`, `"city": "Bern"`, "!<script>alert", "!<b>x</b>")
	// Saved as it is shown, it stays what it is.
	for _, value := range []string{`"gold"`, `7`, `"7"`, `{"city":"Bern","floors":[1,2]}`, `" x "`, `"true"`, `""`} {
		again, err := edited(editable(json.RawMessage(value)))
		must(t, err)
		var compact bytes.Buffer
		must(t, json.Compact(&compact, again))
		if compact.String() != value {
			t.Errorf("%s becomes %s", value, again)
		}
	}
	want(t, b.submit(t, at+"/properties", "property", "plan", "remove", "yes"), http.StatusSeeOther)
	if _, there := w.user(t, dana.ID).Properties["plan"]; there {
		t.Error("the property was not removed")
	}
	want(t, b.submit(t, at+"/properties", "property", "twice", "value", `{"a":1,"a":2}`), http.StatusBadRequest, `{"a":1,"a":2}`)
	want(t, b.submit(t, at+"/properties", "property", "big", "value", strings.Repeat("x", 63<<10)), http.StatusSeeOther)
	want(t, b.submit(t, at+"/properties", "property", "bigger", "value", strings.Repeat("x", 2<<10)), http.StatusBadRequest, "exceed")
	r := b.submit(t, usersAt+"/create", "username", "erik", "property", "plan", "value", "silver")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, ">silver<")
	want(t, b.submit(t, usersAt+"/create", "username", "finn", "property", "uuid", "value", "silver"), http.StatusBadRequest, "cannot be the name", `value="finn"`)
	want(t, w.as(t, "rita").submit(t, at+"/properties", "property", "plan", "value", "evil"), http.StatusNotFound)
}

// What is no custom property cannot be set by its form.
//
// SEC-70
func TestPropertiesCannotBecomeStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	dana := w.newUser(t, "dana")
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	b.open(t, at)
	for _, name := range append(strings.Fields(membersOfUsers), "", " disabled ", "Disabled") {
		want(t, b.submit(t, at+"/properties", "property", name, "value", "true"), http.StatusBadRequest, "cannot be the name")
	}
	after := w.user(t, dana.ID)
	if after.Disabled || after.ID != dana.ID || after.Username != "dana" || len(after.Properties) != 0 {
		t.Errorf("%+v", after)
	}
}

func TestLoginsOfAUserAreListedAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	dana, erik := w.newUser(t, "dana"), w.newUser(t, "erik")
	at := usersAt + "/" + dana.ID.String()
	b := w.as(t, "olga")
	want(t, b.open(t, at), http.StatusOK, "/logins", "activity?whom="+dana.ID.String())
	want(t, b.open(t, at+"/logins"), http.StatusOK, "gives no refresh tokens")
	_, err := w.store.UpdateApplication(t.Context(), w.shop.ID, func(a *models.Application) error {
		a.Settings.RefreshTokens = true
		return nil
	})
	must(t, err)
	want(t, b.open(t, at+"/logins"), http.StatusOK, "dana has no login")
	for range 3 {
		w.login(t, "dana")
	}
	w.login(t, "erik")
	want(t, b.open(t, at+"/logins"), http.StatusOK, "Last used just now", "End all logins")
	if count := strings.Count(b.last.text, `name="login"`); count != 3 {
		t.Errorf("%d logins", count)
	}
	_, id, _ := strings.Cut(b.last.text, `name="login" value="`)
	id, _, _ = strings.Cut(id, `"`)
	want(t, b.submit(t, at+"/logins/end", "login", "x"), http.StatusBadRequest)
	want(t, b.submit(t, usersAt+"/"+erik.ID.String()+"/logins/end", "login", id), http.StatusSeeOther) // not his: nothing is ended
	r := b.submit(t, at+"/logins/end", "login", id)
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The login has ended", "!"+id)
	if count := strings.Count(b.last.text, `name="login"`); count != 2 {
		t.Errorf("%d logins are left", count)
	}
	rita := w.as(t, "rita")
	want(t, rita.open(t, at+"/logins"), http.StatusNotFound)
	want(t, rita.submit(t, at+"/logins/end"), http.StatusNotFound)
	want(t, b.submit(t, at+"/logins/end"), http.StatusSeeOther)
	want(t, b.open(t, at+"/logins"), http.StatusOK, "dana has no login")
	if left, err := w.store.Logins(t.Context(), erik.ID); err != nil || len(left) != 1 {
		t.Errorf("another user's logins: %v, %v", left, err)
	}
	if events := w.events(t, "login.end"); len(events) < 1 || events[0].ActorName != "olga" || events[0].TargetName != "dana" {
		t.Errorf("trail %+v", events)
	}
	if events := w.events(t, "logins.end"); len(events) != 1 || events[0].TargetID != dana.ID.String() {
		t.Errorf("trail %+v", events)
	}
	if _, err := uuid.Parse(id); err != nil {
		t.Error(err)
	}
}

// login logs a user in.
func (w *world) login(t *testing.T, username string) {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {userPassword}}
	want(t, w.browser(t).send(t, http.MethodPost, "/acme/shop/token", form.Encode()), http.StatusOK, "refresh_token")
}
