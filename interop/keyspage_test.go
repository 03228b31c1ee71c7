package interop

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestKeysInABrowser rotates a signing key and then drops one that has leaked, as the superuser, with scripts and without.
//
// SEC-72
func TestKeysInABrowser(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			way := &journey{world: w, tab: newTab(t, w.browser), issuer: w.issuer()}
			if !scripts {
				way.withoutScripts(t)
			}
			way.open(t, w.url+"/portal/keys", http.StatusOK, "Sign in")
			way.signInWith(t, superuser, superuserPassword, "Server")
			way.rotatesAndDrops(t)
			way.wantQuietConsole(t)
		})
	}
}

func (j *journey) rotatesAndDrops(t *testing.T) {
	t.Helper()
	before := j.world.userToken(t)
	leaked := headerOf(t, before)
	j.world.forgetPasswords(t)
	j.do(t, chromedp.Click(chromedp.CSS("#now")))
	j.click(t, `form[action$="/rotate"] button`, http.StatusForbidden, confirmHeading)
	j.confirms(t, superuserPassword, "Server")
	after := j.world.userToken(t)
	if headerOf(t, after) == leaked {
		t.Fatal("the same key signs after the rotation")
	}
	if shown := j.text(t, "main"); !strings.Contains(shown, "signs no more") || !strings.Contains(shown, "The rotation has begun") {
		t.Errorf("page: %s", shown)
	}
	if status := j.status(t, before); status != http.StatusOK {
		t.Errorf("a rotation ends tokens: %d", status)
	}

	short := leaked[:8]
	j.click(t, `a[href$="/keys/`+leaked+`"]`, http.StatusOK, "Key "+short)
	if shown := j.text(t, "form.danger"); !strings.Contains(shown, "Every token that this key has signed is refused from now on") ||
		!strings.Contains(shown, "This cannot be undone") {
		t.Errorf("the statement: %s", shown)
	}
	j.world.forgetPasswords(t)
	j.enter(t, "#dropname", short+"x")
	j.click(t, "form.danger button", http.StatusForbidden, confirmHeading)
	j.enter(t, "#confirm_password", superuserPassword)
	j.click(t, "main button.main", http.StatusBadRequest, "Key "+short)
	if status := j.status(t, before); status != http.StatusOK {
		t.Errorf("dropped before the name was right: %d", status)
	}
	j.enter(t, "#dropname", short)
	j.click(t, "form.danger button", http.StatusOK, "Server")
	if status := j.status(t, before); status != http.StatusUnauthorized {
		t.Errorf("a token of the dropped key: %d", status)
	}
	if status := j.status(t, after); status != http.StatusOK {
		t.Errorf("a token of the other key: %d", status)
	}
	if shown := j.examines(t, before); !strings.Contains(shown, "No published key has its key ID") || !strings.Contains(shown, "dropped, since") {
		t.Errorf("examined: %s", shown)
	}
}
