package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// Whoever is signed in to the portal has the rights of his tokens, no more; and what a request of this process carries besides is nothing.
//
// SEC-22
func TestRequestsOfThePortalHaveTheRightsOfTheirCaller(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga, err := f.service.SessionCaller(t.Context(), &models.PortalSession{
		AdminID: f.olga.ID, Generation: f.olga.Generation, PasswordChanged: f.olga.PasswordChanged,
	})
	must(t, err)
	guest := &grants.Caller{Level: claims.Guest}
	root := f.asSuperuser(t)
	for _, test := range []struct {
		caller *grants.Caller
		path   string
		status int
	}{
		{olga, "/management/orgs/acme", http.StatusOK},
		{olga, "/management/orgs/rival", http.StatusUnauthorized},
		{olga, "/management/orgs", http.StatusUnauthorized},
		{olga, "/acme/shop/users", http.StatusOK},
		{olga, "/rival/stall/users", http.StatusUnauthorized},
		{guest, "/management/orgs/acme", http.StatusUnauthorized},
		{guest, "/acme/shop/users", http.StatusUnauthorized},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil)
		name, value, _ := strings.Cut(root, ": ")
		request.Header.Set(name, value)
		recorder := httptest.NewRecorder()
		f.ServeAs(recorder, request, test.caller)
		if recorder.Code != test.status {
			t.Errorf("%s as %s: %d %s", test.path, test.caller.Level, recorder.Code, recorder.Body)
		}
	}
}

// The trail tells changes that were made in the portal from others.
//
// SEC-80
func TestTheTrailTellsThePortal(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga, err := f.service.SessionCaller(t.Context(), &models.PortalSession{
		AdminID: f.olga.ID, Generation: f.olga.Generation, PasswordChanged: f.olga.PasswordChanged,
	})
	must(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/management/orgs/acme/apps", strings.NewReader(`{"name":"club"}`))
	request.RemoteAddr = "192.0.2.1"
	f.ServeAs(httptest.NewRecorder(), request, olga)
	rows, _, err := f.store.Audit(t.Context(), models.AuditFilter{Action: "application.create"}, models.Page{})
	must(t, err)
	if len(rows) != 1 || rows[0].ActorName != "olga" || rows[0].Source != "192.0.2.1" || rows[0].Detail != `{"by":"portal","fields":["name"]}` {
		t.Errorf("%+v", rows)
	}
}

func TestListsForThePortal(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.do(t, http.MethodDelete, "/management/orgs/acme/apps/sandbox?confirm_application_identifier=sandbox", "", f.asOlga(t))
	live := f.do(t, http.MethodGet, "/management/orgs/acme/apps", "", f.asOlga(t))
	deleted := f.do(t, http.MethodGet, "/management/orgs/acme/apps?deleted=true", "", f.asOlga(t))
	if live.get("data.acme/sandbox") != nil || deleted.get("data.acme/sandbox") != f.sandbox.ID.String() || deleted.get("data.acme/shop") != nil {
		t.Errorf("live %s\ndeleted %s", live.text, deleted.text)
	}
	found := f.do(t, http.MethodGet, "/management/orgs?search=IVA", "", f.asSuperuser(t))
	if found.get("count") != 1.0 || found.get("organizations.0.name") != "rival" {
		t.Error(found.text)
	}
	users := f.do(t, http.MethodGet, "/acme/shop/users?search=DAN", "", f.asOlga(t))
	if users.get("count") != 1.0 || users.get("entities.0.username") != "dana" || users.get("cursor") != nil {
		t.Error(users.text)
	}
	if none := f.do(t, http.MethodGet, "/acme/shop/users?search=dan&cursor=x", "", f.asOlga(t)); none.Code != http.StatusBadRequest {
		t.Error(none.text)
	}
	if refused := f.do(t, http.MethodGet, "/management/orgs?search=a", "", f.asOlga(t)); refused.Code != http.StatusUnauthorized {
		t.Error(refused.text)
	}
}
