package server

import "net/http"

// unnamedChange is a change by a route without a word; its path is in the detail.
const unnamedChange = "change"

// revealed is the action of a read that shows a client's secret.
const revealed = "client.secret.reveal"

// auditWord is what a route is called in the audit trail, and what kind of thing it is done to.
type auditWord struct {
	action string
	target string // a kind of audit target; see request.auditTarget
}

// auditWords names the administrative changes, and the reads that reveal secrets, by "METHOD path" with the first method of the route. Every other
// route that changes something must be in unaudited; a route that is in neither is recorded as unnamedChange, so that nothing is forgotten.
func auditWords() map[string]auditWord {
	const (
		organizations = "/management/organizations"
		organization  = organizations + "/:org"
		applications  = organization + "/applications"
		admins        = "/management/users"
		admin         = admins + "/:user"
		app           = applicationRoot
		user          = userPath
		role          = app + "/roles/:role"
		group         = app + "/groups/:group"
	)
	words := map[string]auditWord{
		"POST " + organizations:  {"organization.create", "organization"},
		"PUT " + organization:    {"organization.update", "organization"},
		"DELETE " + organization: {"organization.delete", "organization"},

		"POST " + applications:             {"application.create", "application"},
		"PUT " + applications + "/:app":    {"application.restore", "application"},
		"DELETE " + applications + "/:app": {"application.delete", "application"},
		"PUT " + app:                       {"application.update", "application"},

		"POST " + admins:                {"admin.create", "admin"},
		"PUT " + admin:                  {"admin.update", "admin"},
		"POST " + admin + "/password":   {"admin.password", "admin"},
		"POST " + admin + "/reactivate": {"admin.reactivate", "admin"},

		"POST " + managedKeys + "/rotate":      {"key.rotate", "key"},
		"POST " + managedKeys + "/:kid/retire": {"key.retire", "key"},
		"DELETE " + managedKeys + "/:kid":      {"key.drop", "key"},

		"POST " + organization + "/users":         {"member.create", "admin"},
		"PUT " + organization + "/users/:user":    {"member.add", "admin"},
		"DELETE " + organization + "/users/:user": {"member.remove", "admin"},
		"PUT " + admin + "/organizations/:org":    {"member.add", "admin"},
		"DELETE " + admin + "/organizations/:org": {"member.remove", "admin"},
		"POST " + admin + "/organizations":        {"organization.create", "organization"},

		"POST " + app + "/users":         {"user.create", "user"},
		"PUT " + user:                    {"user.update", "user"},
		"DELETE " + user:                 {"user.delete", "user"},
		"POST " + user + "/password":     {"user.password", "user"},
		"POST " + user + "/setpin":       {"user.pin", "user"},
		"POST " + user + "/deactivate":   {"user.deactivate", "user"},
		"POST " + user + "/reactivate":   {"user.reactivate", "user"},
		"PUT " + user + "/credentials":   {"user.credentials.import", "user"},
		"POST " + user + "/revoketokens": {"user.tokens.revoke", "user"},
		"POST " + user + "/revoketoken":  {"token.revoke", "user"},

		"DELETE " + user + "/logins":        {"logins.end", "user"},
		"DELETE " + user + "/logins/:login": {"login.end", "user"},

		"POST " + admin + "/revoketokens": {"admin.tokens.revoke", "admin"},
		"POST " + admin + "/revoketoken":  {"token.revoke", "admin"},

		"POST " + app + "/roles":  {"role.create", "role"},
		"PUT " + role:             {"role.update", "role"},
		"DELETE " + role:          {"role.delete", "role"},
		"POST " + app + "/groups": {"group.create", "group"},
		"PUT " + group:            {"group.update", "group"},
		"DELETE " + group:         {"group.delete", "group"},
	}
	for _, owner := range []string{organization, applications + "/:app", app} {
		words["GET "+owner+"/credentials"] = auditWord{revealed, "client"}
		words["POST "+owner+"/credentials"] = auditWord{"client.secret.renew", "client"}
		words["POST "+owner+"/credentials/revoketokens"] = auditWord{"client.tokens.revoke", "client"}
	}
	for owner, kind := range map[string]string{app: "application", user: "user", organization: "organization", admin: "admin"} {
		words["DELETE "+owner+"/tokens"] = auditWord{"tokens.revoke", kind}
		words["DELETE "+owner+"/tokens/:jti"] = auditWord{"token.revoke", "token"}
	}
	for holder, kind := range map[string]string{user: "user", group: "group", role: "role"} {
		words["POST "+holder+"/permissions"] = auditWord{"permission.add", kind}
		words["DELETE "+holder+"/permissions"] = auditWord{"permission.remove", kind}
	}
	for holder, kind := range map[string]string{"/users/:user": "user", "/groups/:group": "group"} {
		for _, path := range []string{role + holder, app + holder + "/roles/:role"} {
			words["POST "+path] = auditWord{"role.assign", kind}
			words["DELETE "+path] = auditWord{"role.unassign", kind}
		}
	}
	for _, path := range []string{group + "/users/:user", user + "/groups/:group"} {
		words["POST "+path] = auditWord{"group.join", "user"}
		words["DELETE "+path] = auditWord{"group.leave", "user"}
	}
	return words
}

// unaudited tells whether a route is recorded elsewhere or not at all: what issues, asks about or revokes a presented token is the business of
// package grants, mail flows record what a link has done (recordLink), and the catch-alls change nothing.
func unaudited(rt *route) bool {
	return rt.kind == tokenRoute || rt.kind == oauthRoute || rt.kind == flowRoute || rt.methods[0] == anyMethod
}

// nameRoutes gives every route its word.
func nameRoutes(routes []route) {
	words := auditWords()
	for i := range routes {
		rt := &routes[i]
		word, named := words[rt.methods[0]+" "+rt.path]
		if !named && rt.methods[0] != http.MethodGet && !unaudited(rt) {
			word.action = unnamedChange
		}
		rt.audit = word
	}
}
