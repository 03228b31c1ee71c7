package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// audited is a server with an audit trail; entries that are collected are written when the test looks.
type audited struct {
	*fixture

	recorder *grants.Recorder
}

// lateRecorder is an Audit that is chosen after the configuration was made: the recorder needs the store.
type lateRecorder struct{ *grants.Recorder }

func newAudited(t testing.TB, opts options) *audited {
	t.Helper()
	late := &lateRecorder{}
	logins := opts.service
	opts.service = func(c *grants.Config) {
		c.Audit = late
		if logins != nil {
			logins(c)
		}
	}
	configure := opts.configure
	opts.configure = func(c *Config) {
		c.Audit = late
		if configure != nil {
			configure(c)
		}
	}
	f := newServer(t, opts)
	late.Recorder = grants.NewRecorder(f.store, f.clock.now, slog.New(slog.DiscardHandler))
	return &audited{f, late.Recorder}
}

// trail gives all entries that filter selects, oldest first.
func (f *audited) trail(t testing.TB, filter models.AuditFilter) []models.AuditEvent {
	t.Helper()
	must(t, f.recorder.Flush(t.Context()))
	rows, _, err := f.store.Audit(t.Context(), filter, models.Page{Limit: models.MaxLimit})
	must(t, err)
	slices.Reverse(rows)
	return rows
}

func line(e *models.AuditEvent) string {
	return fmt.Sprintf("%s %s by %s %q on %s %q %s", e.Action, e.Result, e.ActorLevel, e.ActorName, e.TargetKind, e.TargetName, e.Detail)
}

// last gives the newest entries.
func (f *audited) last(t testing.TB, n int) []string {
	t.Helper()
	rows := f.trail(t, models.AuditFilter{})
	lines := []string{}
	for i := max(0, len(rows)-n); i < len(rows); i++ {
		lines = append(lines, line(&rows[i]))
	}
	return lines
}

// Every kind of change leaves one entry that says who did what to whom. SEC-80
func TestEveryChangeIsAudited(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	olga, superuser, shop := f.asOlga(t), f.asSuperuser(t), f.asShop(t)
	const byOlga, byShop, bySuperuser = `by admin_user "olga" on `, `by application "acme/shop" on `, `by superuser "superuser" on `
	secret := `"password":"canary-password-1"`
	for _, tc := range []struct {
		method, path, body, as string
		want                   []string
	}{
		{"POST", "/management/orgs", `{"organization":"nova","username":"nora","email":"nora@example.com",` + secret + `}`, superuser, []string{
			"organization.create ok " + bySuperuser + `organization "nova" {"fields":["organization","email","username","password"]}`,
		}},
		{"PUT", "/management/orgs/nova", `{"properties":{"a":"canary-property"}}`, superuser, []string{"organization.update ok " + bySuperuser + `organization "nova" {"fields":["properties"]}`}},
		{"POST", "/management/orgs/acme/apps", `{"name":"kiosk"}`, olga, []string{"application.create ok " + byOlga + `application "kiosk" {"fields":["name"]}`}},
		{"DELETE", "/management/orgs/acme/apps/kiosk?confirm_application_identifier=kiosk", "", olga, []string{"application.delete ok " + byOlga + `application "kiosk" `}},
		{"PUT", "/acme/shop", `{"accesstokenttl":60000}`, olga, []string{"application.update ok " + byOlga + `application "shop" {"fields":["accesstokenttl"]}`}},
		{"GET", "/management/orgs/acme/credentials", "", olga, []string{"client.secret.reveal ok " + byOlga + `client "acme" `}},
		{"GET", "/management/orgs/acme/apps/shop/credentials", "", olga, []string{"client.secret.reveal ok " + byOlga + `client "shop" `}},
		{"GET", "/acme/sandbox/credentials", "", olga, []string{"client.secret.reveal ok " + byOlga + `client "sandbox" `}},
		{"POST", "/acme/sandbox/credentials?revoketokens=true", "", olga, []string{"client.secret.renew ok " + byOlga + `client "sandbox" {"revoketokens":true}`}},
		{"POST", "/acme/sandbox/credentials/revoketokens", "", olga, []string{"client.tokens.revoke ok " + byOlga + `client "sandbox" `}},
		{"POST", "/management/users", `{"email":"mia@example.com","username":"mia",` + secret + `}`, superuser, []string{"admin.create ok " + bySuperuser + `admin "mia" {"fields":["email","username","password"]}`}},
		{"PUT", "/management/users/mia", `{"disabled":true}`, superuser, []string{"admin.update ok " + bySuperuser + `admin "mia" {"fields":["disabled"]}`}},
		{"PUT", "/management/users/mia/password", `{"newpassword":"canary-password-2"}`, superuser, []string{"admin.password ok " + bySuperuser + `admin "mia" {"fields":["newpassword"]}`}},
		{"PUT", "/management/orgs/acme/users/mia", "", olga, []string{"member.add ok " + byOlga + `admin "mia" `}},
		{"DELETE", "/management/orgs/acme/users/mia", "", olga, []string{"member.remove ok " + byOlga + `admin "mia" `}},
		{"POST", "/management/orgs/acme/users", `{"email":"ina@example.com","username":"ina",` + secret + `}`, olga, []string{"member.create ok " + byOlga + `admin "ina" {"fields":["email","username","password"]}`}},
		{"POST", "/management/users/me/organizations", `{"organization":"second"}`, olga, []string{"organization.create ok " + byOlga + `organization "second" {"fields":["organization"]}`}},
		{"DELETE", "/management/orgs/nova?confirm_organization_identifier=nova", "", superuser, []string{"organization.delete ok " + bySuperuser + `organization "nova" `}},

		{"POST", "/acme/shop/users", `[{"username":"kim",` + secret + `},{"username":"lee"}]`, shop, []string{
			"user.create ok " + byShop + `user "kim" `, "user.create ok " + byShop + `user "lee" `,
		}},
		{"PUT", "/acme/shop/users/kim", `{"name":"Kim","canary-property":"canary-property"}`, shop, []string{"user.update ok " + byShop + `user "kim" {"fields":["name"]}`}},
		{"PUT", "/acme/shop/users/kim/password", `{"newpassword":"canary-password-3"}`, shop, []string{"user.password ok " + byShop + `user "kim" {"fields":["newpassword"]}`}},
		{"PUT", "/acme/shop/users/kim/setpin", `{"pin":"canary-pin"}`, shop, []string{"user.pin ok " + byShop + `user "kim" {"fields":["pin"]}`}},
		{"POST", "/acme/shop/users/kim/deactivate", "", shop, []string{"user.deactivate ok " + byShop + `user "kim" `}},
		{"POST", "/acme/shop/users/kim/revoketokens", "", shop, []string{"user.tokens.revoke ok " + byShop + `user "kim" `}},
		{"DELETE", "/acme/shop/users/kim/tokens", "", shop, []string{"tokens.revoke ok " + byShop + `user "kim" `}},
		{"DELETE", "/acme/shop/users/kim", "", shop, []string{"user.delete ok " + byShop + `user "kim" `}},

		{"POST", "/acme/shop/roles", `{"name":"clerk"}`, shop, []string{"role.create ok " + byShop + `role "clerk" {"fields":["name"]}`}},
		{"PUT", "/acme/shop/roles/clerk", `{"title":"Clerk"}`, shop, []string{"role.update ok " + byShop + `role "clerk" {"fields":["title"]}`}},
		{"POST", "/acme/shop/roles/clerk/permissions", `{"permission":"get:/users/*"}`, shop, []string{"permission.add ok " + byShop + `role "clerk" {"permission":["get:/users/*"]}`}},
		{"DELETE", "/acme/shop/roles/clerk/permissions?permission=get:/users/*", "", shop, []string{"permission.remove ok " + byShop + `role "clerk" {"permission":["get:/users/*"]}`}},
		{"POST", "/acme/shop/groups", `{"path":"staff"}`, shop, []string{"group.create ok " + byShop + `group "staff" {"fields":["path"]}`}},
		{"POST", "/acme/shop/roles/clerk/users/dana", "", shop, []string{"role.assign ok " + byShop + `user "dana" {"role":"clerk"}`}},
		{"DELETE", "/acme/shop/users/dana/roles/clerk", "", shop, []string{"role.unassign ok " + byShop + `user "dana" {"role":"clerk"}`}},
		{"POST", "/acme/shop/groups/staff/roles/clerk", "", shop, []string{"role.assign ok " + byShop + `group "staff" {"role":"clerk"}`}},
		{"POST", "/acme/shop/users/dana/groups/staff", "", shop, []string{"group.join ok " + byShop + `user "dana" {"group":"staff"}`}},
		{"DELETE", "/acme/shop/groups/staff/users/dana", "", shop, []string{"group.leave ok " + byShop + `user "dana" {"group":"staff"}`}},
		{"DELETE", "/acme/shop/groups/staff", "", shop, []string{"group.delete ok " + byShop + `group "staff" `}},
		{"DELETE", "/acme/shop/roles/clerk", "", shop, []string{"role.delete ok " + byShop + `role "clerk" `}},
	} {
		before := len(f.trail(t, models.AuditFilter{}))
		if a := f.do(t, tc.method, tc.path, tc.body, tc.as); a.Code != http.StatusOK {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, a.Code, a.text)
			continue
		}
		if got := f.last(t, len(f.trail(t, models.AuditFilter{}))-before); !slices.Equal(got, tc.want) {
			t.Errorf("%s %s:\n got %q\nwant %q", tc.method, tc.path, got, tc.want)
		}
	}
	chain, err := f.store.VerifyAudit(t.Context())
	must(t, err)
	if chain.Complaint != "" {
		t.Error(chain)
	}
	for _, e := range f.trail(t, models.AuditFilter{}) {
		text, err := json.Marshal(e)
		must(t, err)
		if strings.Contains(string(text), "canary") {
			t.Errorf("%s", text)
		}
		if e.ActorLevel != models.AuditSystem && (e.Source != "192.0.2.1" || e.At == 0 || e.ActorID == nil) {
			t.Errorf("%s", text)
		}
	}
}

// A read that shows no secret leaves no entry; neither do requests that change nothing.
func TestOnlyChangesAndRevealsAreAudited(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{configure: func(c *Config) { c.Secrets = grants.NewSecrets(nil, false) }})
	olga := f.asOlga(t)
	before := len(f.trail(t, models.AuditFilter{}))
	for _, request := range [][2]string{
		{"GET", "/acme/shop/users"},
		{"GET", "/management/orgs/acme"},
		{"HEAD", "/acme/shop/credentials"},
		{"GET", "/acme/shop/credentials"}, // the secret was not kept
		{"GET", "/management/orgs/acme/audit"},
		{"POST", "/acme/shop/users"},
		{"DELETE", "/acme/shop/users/nobody"},
		{"POST", "/nothing"},
		{"PATCH", "/acme/shop"},
	} {
		f.do(t, request[0], request[1], "", olga)
	}
	f.do(t, "PUT", "/acme/shop/users/dana", `{"username":"x"}`) // a guest without the right
	if rows := f.trail(t, models.AuditFilter{}); len(rows) != before {
		t.Errorf("%+v", rows[before:])
	}
}

// SEC-80
func TestRefusedAttemptsOfKnownCallersAreAudited(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	rita, dana := f.asRita(t), f.asDana(t)
	for range 50 {
		f.do(t, "POST", "/management/orgs/acme/apps", `{"name":"mine"}`, rita)
	}
	f.do(t, "GET", "/management/orgs/acme/credentials", "", rita)
	f.do(t, "DELETE", "/acme/shop/roles/guest", "", dana)
	f.do(t, "GET", "/acme/shop/users", "", "Authorization: Bearer canary.canary.canary")
	f.do(t, "GET", "/acme/shop/users", "", dana+"x")
	want := []string{
		`application.create refused by admin_user "rita" on application "" `,
		`client.secret.reveal refused by admin_user "rita" on client "" `,
		`role.delete refused by application_user "dana" on role "guest" `,
		`token.refused refused by guest "" on  "" `,
	}
	if got := f.last(t, 4); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	rows := f.trail(t, models.AuditFilter{Result: models.AuditRefused})
	if len(rows) != 4 || rows[0].Count != 50 || rows[0].Code != "unauthorized" || rows[3].Count != 2 || rows[3].Code != "auth_bad_access_token" {
		t.Errorf("%+v", rows)
	}
}

// A token that has only expired is no event: clients do that all day.
func TestExpiredTokensAreNoEvent(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	dana := f.asDana(t)
	f.clock.advance(25 * time.Hour)
	before := len(f.trail(t, models.AuditFilter{}))
	f.do(t, "GET", "/acme/shop/users/me", "", dana)
	if rows := f.trail(t, models.AuditFilter{}); len(rows) != before {
		t.Errorf("%+v", rows[before:])
	}
}

// Nothing secret comes into the table or an answer, however it was sent, and nothing can break a line. SEC-79 SEC-80
func TestTheAuditTrailHasNoSecrets(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	olga, shop, superuser := f.asOlga(t), f.asShop(t), f.asSuperuser(t)
	evil := "canary\r\nadmin.login ok"
	for _, request := range [][]string{
		{"POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"canary-1"}`},
		{"POST", "/acme/shop/token", `{"grant_type":"password","username":"canary-2","password":"x"}`},
		{"POST", "/acme/shop/token", `{"grant_type":"pin","username":"dana","pin":"canary-3"}`},
		{"POST", "/acme/shop/token", clientForm(f.shopID, "canary-4")},
		{"POST", "/acme/shop/token", clientForm("canary-5", "canary-6")},
		{"POST", "/acme/shop/token", "grant_type=refresh_token&refresh_token=canary-7"},
		{"POST", "/management/token", `{"grant_type":"password","username":"canary\r\n8","password":"canary-9"}`},
		{"POST", "/acme/shop/revoke", "token=canary-10"},
		{"GET", "/acme/shop/users?access_token=canary-11", ""},
		{"GET", "/acme/shop/users", "", basic("superuser", "canary-12")},
		{"GET", "/acme/shop/users", "", basic("canary-13", "canary-14")},
		{"POST", "/acme/shop/users/dana/password", `{"oldpassword":"canary-15","newpassword":"canary-password-16"}`},
		{"POST", "/acme/shop/users/canary-17/password", `{"oldpassword":"canary-18","newpassword":"canary-password-19"}`},
		{"PUT", "/acme/shop/users/dana/password", `{"newpassword":"canary-password-20"}`, shop},
		{"PUT", "/acme/shop/users/dana", `{"pin":"canary-21","note":"canary-22"}`, shop},
		{"POST", "/acme/shop/users/dana/revoketoken?token=canary-23", "", shop},
		{"POST", "/acme/shop/roles/canary%0d%0a24/permissions?x=" + "canary-25", `{"permission":"canary-26"}`, shop},
		{"PUT", "/acme/shop/users/dana/credentials", `{"credentials":{"cipher":"bcrypt","secret":"$2a$04$canarycanarycanarycanaryuPAqP6fMwbLUCsCzXjNPjnIlW5WlkX7i"}}`, superuser},
		{"POST", "/acme/shop/credentials", "", olga, "User-Agent: " + strings.ReplaceAll(evil, "\r\n", " ")},
	} {
		f.do(t, request[0], request[1], request[2], request[3:]...)
	}
	revealed, _ := f.do(t, "GET", "/acme/shop/credentials", "", olga).get("credentials.client_secret").(string)
	var all strings.Builder
	for _, e := range f.trail(t, models.AuditFilter{}) {
		text, err := json.Marshal(e)
		must(t, err)
		all.Write(text)
	}
	for _, path := range []string{"/management/audit?limit=1000", "/management/orgs/acme/audit?limit=1000"} {
		a := f.do(t, "GET", path, "", superuser)
		if a.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.Code, a.text)
		}
		all.WriteString(a.text)
	}
	written := all.String()
	secrets := []string{"canary", revealed, f.shopSecret, userPassword, adminPassword, superuserPassword, userPIN + `"`, bare(olga), bare(shop), `\r`, `\n`}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(written, secret) {
			t.Errorf("%q is in the trail: %s", secret, written)
		}
	}
	if !strings.Contains(written, "user.password") || !strings.Contains(written, "login.failed") {
		t.Error("the trail lacks what this test is about")
	}
}

// No row per token. SEC-80
func TestTokensLeaveNoRows(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	before := len(f.trail(t, models.AuditFilter{}))
	for range 100 {
		f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
		f.tokenOf(t, "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"`+userPassword+`"}`)
	}
	if rows := f.trail(t, models.AuditFilter{}); len(rows) != before {
		t.Errorf("%d rows more", len(rows)-before)
	}
	f.tokenOf(t, "/acme/shop/token?ttl=0", clientForm(f.shopID, f.shopSecret)) // SEC-19
	if got := f.last(t, 1); !strings.HasPrefix(got[0], `token.register ok by application "acme/shop" on token "" `) {
		t.Errorf("%q", got)
	}
}

// The wire: organization access, filters, pages.
func TestAuditIsReadByTheOrganization(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	olga, rita, superuser := f.asOlga(t), f.asRita(t), f.asSuperuser(t)
	f.clock.advance(time.Second)
	at := f.clock.now().UnixMilli()
	for i := range 5 {
		f.do(t, "POST", "/acme/shop/users", `{"username":"u`+strconv.Itoa(i)+`"}`, f.asShop(t))
	}
	f.do(t, "POST", "/rival/stall/users", `{"username":"foreign"}`, rita)
	must(t, f.recorder.Flush(t.Context()))
	const path = "/management/orgs/acme/audit"
	first := f.do(t, "GET", path+"?limit=2&action=user.", "", olga)
	first.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"action": "get", "count": 2, "data.0.action": "user.create", "data.0.target.name": "u4", "data.0.target.kind": "user",
		"data.0.actor.level": "application", "data.0.actor.name": "acme/shop", "data.0.actor.id": f.shop.ID, "data.0.source": "192.0.2.1",
		"data.0.result": "ok", "data.0.organization": f.acme.ID, "data.0.application": f.shop.ID, "data.0.count": 1, "data.0.error": nil,
		"data.0.at": at,
	}})
	cursor, _ := first.get("cursor").(string)
	second := f.do(t, "GET", path+"?limit=4&action=user.&cursor="+cursor, "", f.asAcme(t))
	second.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"count": 3, "data.0.target.name": "u2", "cursor": nil}})
	newest, chain := f.do(t, "GET", "/management/audit?limit=1", "", superuser), f.do(t, "GET", "/management/audit/chain", "", superuser)
	if hash := chain.get("data.hash"); hash != newest.get("data.0.hash") || chain.get("data.last") != newest.get("data.0.seq") || hash == "" {
		t.Errorf("the chain ends with %v: %s", hash, newest.text)
	}
	count := func(query string) any {
		t.Helper()
		a := f.do(t, "GET", path+"?limit=1000&"+query, "", olga)
		if a.Code != http.StatusOK {
			t.Errorf("%s: %d %s", query, a.Code, a.text)
		}
		return a.get("count")
	}
	for query, want := range map[string]float64{
		"target=u3": 1, "target=foreign": 0, "actor=acme/shop": 5, "actor=" + f.shop.ID.String(): 5, "application=shop": 5, "application=sandbox": 0,
		"application=" + f.shop.ID.String(): 5, "application=" + uuid.NewString(): 0, "result=refused": 0, "result=ok&action=user": 5,
		"action=admin.login": 1, "from=" + strconv.FormatInt(at, 10): 5, "to=" + strconv.FormatInt(at, 10): 1, "action=client": 0,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	refused := map[string]any{"error": "unauthorized"}
	f.run(t, []scenario{
		{name: "another organization's admin", method: "GET", path: path, headers: []string{rita}, wantStatus: 401, wantBody: refused},
		{name: "another organization's client", method: "GET", path: path + "?client_id=" + f.rivalID + "&client_secret=" + f.rivalSecret, wantStatus: 401, wantBody: refused},
		{name: "the application", method: "GET", path: path, headers: []string{f.asShop(t)}, wantStatus: 401, wantBody: refused},
		{name: "a user", method: "GET", path: path, headers: []string{f.asDana(t)}, wantStatus: 401, wantBody: refused},
		{name: "a guest", method: "GET", path: path, wantStatus: 401, wantBody: refused},
		{name: "all of it, a member", method: "GET", path: "/management/audit", headers: []string{olga}, wantStatus: 401, wantBody: refused},
		{name: "the chain, a member", method: "GET", path: "/management/audit/chain", headers: []string{olga}, wantStatus: 401, wantBody: refused},
		{name: "all of it, the superuser", method: "GET", path: "/management/audit?target=foreign", headers: []string{superuser}, wantStatus: 200, wantBody: map[string]any{"count": 1}},
		{name: "the key", method: "GET", path: "/management/audit?action=key.create", headers: []string{superuser}, wantStatus: 200, wantBody: map[string]any{"count": 2}},
		{name: "the chain", method: "GET", path: "/management/audit/chain", headers: []string{superuser}, wantStatus: 200, wantBody: map[string]any{"data.intact": true}},
		{name: "a member sees no hashes", method: "GET", path: path, headers: []string{olga}, wantStatus: 200, wantNotBody: []string{`"hash"`}},
		{name: "a name without organization", method: "GET", path: "/management/audit?application=shop", headers: []string{superuser}, wantStatus: 400},
		{name: "an unknown application", method: "GET", path: path + "?application=void", headers: []string{olga}, wantStatus: 404},
		{name: "a wrong result", method: "GET", path: path + "?result=x", headers: []string{olga}, wantStatus: 400},
		{name: "a wrong time", method: "GET", path: path + "?from=x", headers: []string{olga}, wantStatus: 400},
		{name: "twice", method: "GET", path: path + "?actor=x&actor=y", headers: []string{olga}, wantStatus: 400},
		{name: "a wrong cursor", method: "GET", path: path + "?cursor=x", headers: []string{olga}, wantStatus: 400},
		{name: "ql", method: "GET", path: path + "?ql=select", headers: []string{olga}, wantStatus: 400},
		{name: "nothing may be written", method: "DELETE", path: path, headers: []string{superuser}, wantStatus: 405},
	})
}

// A change whose entry cannot be written has still happened, and its entry is not lost.
func TestAChangeIsAnsweredEvenIfItsEntryMustWait(t *testing.T) {
	t.Parallel()
	broken := &unauditable{}
	f := newAudited(t, options{configure: func(c *Config) {
		broken.Store = c.Store
		c.Store = broken
	}})
	a := f.do(t, "PUT", "/acme/shop/users/dana", `{"name":"D"}`, f.asShop(t))
	if a.Code != http.StatusOK {
		t.Errorf("%d %s", a.Code, a.text)
	}
	if got := f.last(t, 1); !strings.HasPrefix(got[0], "user.update ok") {
		t.Errorf("%q", got)
	}
}

// unauditable is a store whose audit trail cannot be written.
type unauditable struct{ Store }

func (unauditable) AppendAudit(context.Context, []models.AuditEvent) error {
	return models.ErrUnavailable
}

// A route that changes something must have a word: that is how nothing is forgotten.
func TestEveryChangingRouteHasAWord(t *testing.T) {
	t.Parallel()
	routes := (&Server{}).table()
	nameRoutes(routes)
	used := map[string]bool{}
	for i := range routes {
		rt := &routes[i]
		used[rt.methods[0]+" "+rt.path] = true
		if rt.audit.action == unnamedChange {
			t.Errorf("%v %s has no word in auditWords", rt.methods, rt.path)
		}
	}
	for route := range auditWords() {
		if !used[route] {
			t.Errorf("auditWords names %q, which is no route", route)
		}
	}
}
