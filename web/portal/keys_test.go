package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// kids are the key identifiers by purpose, of keys in this state.
func (w *world) kids(t *testing.T, state string) map[string]string {
	t.Helper()
	rows, err := w.store.SigningKeys(t.Context())
	must(t, err)
	kids := map[string]string{}
	for _, row := range rows {
		if row.State == state {
			kids[row.Purpose] = row.KID
		}
	}
	return kids
}

func TestKeysRotateAndRetire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token := w.shopToken(t)
	b := w.as(t, "superuser")
	want(t, b.open(t, "/portal"), http.StatusOK, `href="/portal/keys"`)
	want(t, b.open(t, "/portal/keys"), http.StatusOK, "<svg", "signs", "Made just now", "Tokens without an end that live by it: 0")
	w.clock.advance(provenLife + time.Second)
	want(t, b.submit(t, "/portal/keys/rotate", "purpose", "ordinary"), http.StatusForbidden, "Confirm that it is you", "rotate a signing key")
	want(t, b.submit(t, "/portal/keys/rotate", "purpose", "ordinary", passwordField, rootPassword), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "The rotation has begun.", "announced", "begins to sign")
	announced := w.kids(t, models.KeyAnnounced)["ordinary"]
	want(t, b.open(t, "/portal/keys/"+announced), http.StatusOK, "called off")
	want(t, b.submit(t, "/portal/keys/"+announced+"/retire", "name", announced), http.StatusBadRequest, "does not match")
	want(t, b.submit(t, "/portal/keys/"+announced+"/retire", "name", announced[:8]), http.StatusSeeOther)
	want(t, b.open(t, "/portal/keys?all=yes"), http.StatusOK, announced[:8], "removed")
	signing := w.kids(t, models.KeySigning)["ordinary"]
	want(t, b.submit(t, "/portal/keys/"+signing+"/retire", "name", signing[:8]), http.StatusBadRequest, "rotate first")
	want(t, b.submit(t, "/portal/keys/rotate", "purpose", "nonsense"), http.StatusBadRequest)
	want(t, b.submit(t, "/portal/keys/rotate", "purpose", "ordinary", "now", "yes"), http.StatusSeeOther)
	if now := w.kids(t, models.KeySigning)["ordinary"]; now == signing || !w.works(t, token) {
		t.Error("no successor, or the older token died")
	}
}

// SEC-72
func TestADroppedKeySaysWhatDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	endless, _ := w.endless(t, "nightly")
	token := w.shopToken(t)
	b := w.as(t, "superuser")
	kids := w.kids(t, models.KeySigning)
	want(t, b.open(t, "/portal/keys/"+kids["ordinary"]), http.StatusOK, "must log in again", "cannot be undone")
	want(t, b.open(t, "/portal/keys/"+kids["nonexpiring"]), http.StatusOK, "1 registered tokens without an end")
	w.clock.advance(provenLife + time.Second)
	for purpose, dies := range map[string]string{"ordinary": token, "nonexpiring": endless} {
		at := "/portal/keys/" + kids[purpose] + "/drop"
		want(t, b.submit(t, at, "name", kids[purpose][:8], passwordField, "wrong-one-77"), http.StatusBadRequest)
		want(t, b.submit(t, at, "name", "shop", passwordField, rootPassword), http.StatusBadRequest, "does not match")
		if !w.works(t, dies) {
			t.Fatal("died too early")
		}
		want(t, b.submit(t, at, "name", kids[purpose][:8]), http.StatusSeeOther)
		want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "The key was dropped", "dropped")
		if w.works(t, dies) {
			t.Error("a token of the dropped key works")
		}
		want(t, b.open(t, "/portal/keys/"+kids[purpose]), http.StatusOK, "The key has ended", "!Emergency")
		want(t, b.submit(t, at, "name", kids[purpose][:8]), http.StatusBadRequest, "already")
		w.clock.advance(provenLife + time.Second)
	}
	trail := w.events(t, "key")
	if len(trail) == 0 || trail[0].ActorName != "superuser" || !strings.Contains(trail[0].Detail, "portal") {
		t.Errorf("trail %+v", trail)
	}
}

// SEC-70, SEC-22
func TestKeysAreTheSuperusersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	kid := w.kids(t, models.KeySigning)["ordinary"]
	b := w.as(t, "olga")
	want(t, b.open(t, "/portal"), http.StatusOK, "!/portal/keys")
	for _, path := range []string{"/portal/keys", "/portal/keys?all=yes", "/portal/keys/" + kid, "/portal/keys/none"} {
		want(t, b.open(t, path), http.StatusNotFound, "!"+kid[:8])
	}
	for _, path := range []string{"/portal/keys/rotate", "/portal/keys/" + kid + "/drop", "/portal/keys/" + kid + "/retire"} {
		b.open(t, "/portal")
		want(t, b.submit(t, path, "purpose", "ordinary", "name", kid[:8]), http.StatusNotFound)
	}
	if w.kids(t, models.KeySigning)["ordinary"] != kid || len(w.kids(t, models.KeyAnnounced)) != 0 {
		t.Error("a key has changed")
	}
}

// The time line stays within its bounds, whatever the times are.
func TestTimeLine(t *testing.T) {
	t.Parallel()
	const now = 1_000_000
	for name, k := range map[string]signingKey{
		"new":     {State: "signing", Created: now, Changed: now},
		"old":     {State: "signing", Created: 1, Changed: 500, NextAt: now + 5},
		"overdue": {State: "signing", Created: 1, Changed: 500, NextAt: now - 5},
		"ahead":   {State: "announced", Created: now + 10, Changed: now + 10, NextAt: now + 20},
		"dropped": {State: "dropped", Created: 1, Changed: 500, NextAt: now + 5},
	} {
		list := []signingKey{k}
		from, to := timeLine(list, now)
		if from > to || from > now || to < now {
			t.Errorf("%s: from %d to %d", name, from, to)
		}
		for _, s := range list[0].Spans {
			if s.X < 0 || s.Wide <= 0 || s.X+s.Wide > lineWidth+0.001 {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}
