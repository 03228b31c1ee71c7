package portal

import (
	"net/http"
	"testing"
	"time"
)

// SEC-72
func TestOnesOwnNameAndAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	other := w.as(t, "olga")
	const at = "/portal/account/profile"
	want(t, b.open(t, "/portal/account"), http.StatusOK, `value="olga@example.com"`, "a link for a forgotten password goes there")
	w.clock.advance(provenLife + time.Second)
	entered := []string{"username", "olga-h", "name", "Olga Holm", "email", "olga@holm.example"}
	want(t, b.submit(t, at, entered...), http.StatusForbidden, "Confirm that it is you", `value="olga@holm.example"`)
	want(t, b.submit(t, at, append(entered, passwordField, "wrong-one-77")...), http.StatusBadRequest)
	if w.olga.Email != w.admin(t, w.olga.ID.String()).Email {
		t.Error("changed without the password")
	}
	want(t, b.submit(t, at, append(entered, passwordField, adminPassword)...), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "Your profile was changed.", `value="olga-h"`, `value="Olga Holm"`)
	want(t, other.open(t, "/portal/account"), http.StatusOK, "olga-h") // no password has changed
	if !w.signsIn(t, "olga@holm.example", adminPassword) || !w.signsIn(t, "olga-h", adminPassword) || w.signsIn(t, "olga", adminPassword) {
		t.Error("one signs in with what was entered, and with nothing else")
	}

	for name, test := range map[string]struct {
		fields []string
		text   string
	}{
		"somebody else's address":               {[]string{"email", "rita@example.com"}, "Somebody else has the e-mail address “rita@example.com”"},
		"somebody else's username":              {[]string{"username", "RITA"}, "Somebody else has the username “RITA”"},
		"somebody else's address as a username": {[]string{"username", "rita@example.com"}, "Somebody else has"},
		"no address":                            {[]string{"email", "nowhere"}, "“nowhere” is no e-mail address."},
		"no username":                           {[]string{"username", "!!"}, "“!!” cannot be a username"},
		"empty address":                         {[]string{"email", " "}, "cannot be empty"},
		"empty name":                            {[]string{"name", ""}, "cannot be empty"},
	} {
		r := b.submit(t, at, test.fields...)
		if r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
		want(t, r, r.StatusCode, test.text, `id="problem"`)
	}
	if now := w.admin(t, w.olga.ID.String()); now.Email != "olga@holm.example" || now.Username != "olga-h" || now.Name != "Olga Holm" {
		t.Errorf("now %+v", now)
	}
	want(t, b.submit(t, at, "superuser", "true", "activated", "false", "name", "Olga"), http.StatusSeeOther)
	if now := w.admin(t, "olga-h"); now.Superuser || !now.Activated || now.Name != "Olga" {
		t.Errorf("now %+v", now)
	}
}

func TestTheSuperusersNameIsTheConfigurations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "superuser")
	want(t, b.open(t, "/portal/account"), http.StatusOK, "It comes from the server's configuration", `!name="username" value="superuser" maxlength`)
	want(t, b.submit(t, "/portal/account/profile", "username", "root", "name", "Root", "email", "root@example.com"), http.StatusBadRequest)
	want(t, b.submit(t, "/portal/account/profile", "name", "Root", "email", "root@example.com"), http.StatusSeeOther)
	if now := w.admin(t, "superuser"); now.Email != "root@example.com" || !w.signsIn(t, "root@example.com", rootPassword) {
		t.Errorf("now %+v", now)
	}
}
