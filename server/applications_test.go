package server

import (
	"fmt"
	"reflect"
	"testing"
)

func TestNewApplicationsAreClosedAndUsable(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	a := f.status(t, 200, "POST", "/management/orgs/acme/applications", "name=Depot&accesstokenttl=0&uuid="+f.shop.ID.String(), f.asAcme(t))
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"action": "new application for organization", "entities.0.name": "acme/depot", "entities.0.type": "application",
		"entities.0.accesstokenttl": nil, "entities.0.applicationName": "depot", "entities.0.organizationName": "acme",
	}})
	if a.get("entities.0.uuid") == f.shop.ID.String() || !reflect.DeepEqual(a.body["data"], map[string]any{"acme/depot": a.get("entities.0.uuid")}) {
		t.Errorf("data and entity differ: %s", a.text)
	}
	tenant, err := f.service.Tenant(t.Context(), "acme", "depot")
	must(t, err)
	rules, err := f.store.GuestRules(t.Context(), tenant.Application.ID)
	must(t, err)
	if len(rules) != 1 || rules[0] != "post:/users" {
		t.Errorf("guests hold %v", rules)
	}
	shown := f.status(t, 200, "GET", "/acme/depot/credentials", "", f.asOlga(t))
	f.tokenOf(t, "/acme/depot/token", clientForm(fmt.Sprint(shown.get("credentials.client_id")), fmt.Sprint(shown.get("credentials.client_secret"))))
}

func TestRefusedApplicationsLeaveNothing(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	f.status(t, 200, "DELETE", "/management/orgs/acme/apps/sandbox?confirm_application_identifier=sandbox", "", olga[0])
	const path = "/management/orgs/acme/apps"
	illegal := map[string]any{"error": "illegal_argument"}
	unknown := func(app string) map[string]any {
		return fails("entity_not_found", "Application "+app+" does not exist for organization acme")
	}
	f.refuse(t, []scenario{
		{name: "name missing", method: "POST", path: path, body: `{}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "name only in the query", method: "POST", path: path + "?name=depot", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "name no text", method: "POST", path: path, body: `{"name":{}}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "name illegal", method: "POST", path: path, body: `{"name":"a/b"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "name reserved", method: "POST", path: path, body: `{"name":"Apps"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "name like a uuid", method: "POST", path: path, body: `{"name":"` + f.shop.ID.String() + `"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{
			name: "name taken", method: "POST", path: path, body: `{"name":"SHOP"}`, headers: olga, wantStatus: 409,
			wantBody: with(fails("application_already_exists", "Application shop already exists"), map[string]any{"exception": "ApplicationAlreadyExistsException"}),
		},
		{
			name: "name of a deleted application", method: "POST", path: path, body: `{"name":"sandbox"}`, headers: olga, wantStatus: 409,
			wantBody: fails("application_already_exists", "Application sandbox already exists"),
		},
		{name: "show unknown", method: "GET", path: path + "/depot", headers: olga, wantStatus: 404, wantBody: unknown("depot")},
		{name: "show deleted", method: "GET", path: path + "/sandbox", headers: olga, wantStatus: 404, wantBody: unknown("sandbox")},
		{name: "show another organization's", method: "GET", path: path + "/" + f.stall.ID.String(), headers: olga, wantStatus: 404, wantBody: unknown(f.stall.ID.String())},
		{name: "delete unknown", method: "DELETE", path: path + "/depot?confirm_application_identifier=depot", headers: olga, wantStatus: 404, wantBody: unknown("depot")},
		{name: "delete another organization's", method: "DELETE", path: path + "/stall?confirm_application_identifier=stall", headers: olga, wantStatus: 404, wantBody: unknown("stall")},
		{name: "delete unconfirmed", method: "DELETE", path: path + "/shop", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "delete confirmed in another spelling", method: "DELETE", path: path + "/shop?confirm_application_identifier=Shop", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "delete confirmed by uuid", method: "DELETE", path: path + "/shop?confirm_application_identifier=" + f.shop.ID.String(), headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "restore by name", method: "PUT", path: path + "/sandbox", headers: olga, wantStatus: 404, wantBody: unknown("sandbox")},
		{name: "restore unknown", method: "PUT", path: path + "/" + f.olga.ID.String(), headers: olga, wantStatus: 404, wantBody: unknown(f.olga.ID.String())},
		{name: "restore another organization's", method: "PUT", path: path + "/" + f.stall.ID.String(), headers: olga, wantStatus: 404, wantBody: unknown(f.stall.ID.String())},
		{name: "another organization cannot create here", method: "POST", path: path, body: `{"name":"depot"}`, headers: []string{f.asRita(t)}, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
	})
	f.status(t, 404, "GET", "/acme/depot/credentials", "", olga[0])
}

// A restored application keeps its users; tokens from before stay dead (§6.2, §13).
func TestTokensFromBeforeDeletionStayDeadAfterRestore(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga, dana, shop := f.asOlga(t), f.asDana(t), f.asShop(t)
	id := f.shop.ID.String()
	a := f.status(t, 200, "DELETE", "/management/orgs/acme/apps/"+id+"?confirm_application_identifier="+id, "", olga)
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "delete", "application": id}})
	f.run(t, []scenario{
		{name: "deleted", method: "GET", path: "/acme/shop/tokens", headers: []string{shop}, wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}},
		{name: "token refused elsewhere", method: "GET", path: "/acme/sandbox/tokens", headers: []string{dana}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "not in the list", method: "GET", path: "/management/orgs/acme/apps", headers: []string{olga}, wantStatus: 200, wantBody: map[string]any{"data": map[string]any{"acme/sandbox": f.sandbox.ID}}},
		{name: "restored, whatever the body", method: "PUT", path: "/management/orgs/acme/apps/" + id, body: `[1`, headers: []string{olga}, wantStatus: 200, wantBody: map[string]any{"action": "restore"}},
		{name: "again", method: "PUT", path: "/management/orgs/acme/apps/" + id, headers: []string{olga}, wantStatus: 200},
		{name: "the client's old token", method: "GET", path: "/acme/shop/tokens", headers: []string{shop}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "the user's old token", method: "GET", path: "/acme/shop/users/me/tokens", headers: []string{dana}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
	})
	f.danaToken, f.shopToken = "", ""
	f.status(t, 200, "GET", "/acme/shop/users/me/tokens", "", f.asDana(t))
	f.status(t, 200, "GET", "/acme/shop/tokens", "", f.asShop(t))
}
