package server

import "strings"

// rows is the error catalogue (§10) in its order and its words. Of two requests that differ in the dialect alone, that in the Usergrid
// dialect comes first. It is one table, long as it is, so that it can be read beside the contract's.
func (c *catalogue) rows() []row {
	const (
		shop, management, stall = "POST /acme/shop/token", "POST /management/token", "POST /rival/stall/token"
		bearer, badBearer       = `Bearer realm="writ"`, `Bearer realm="writ", error="invalid_token"`
		byBasic                 = `Basic realm="writ"`
		cc, ccJSON              = "grant_type=client_credentials", `{"grant_type":"client_credentials"}`
		xml                     = "Content-Type: text/xml"
		forward                 = "GET /acme/shop/authorize"
	)
	var (
		iup       = oauth(400, "invalid_grant", "invalid username or password")
		request   = func(description string) refusal { return oauth(400, "invalid_request", description) }
		incorrect = request(iup.description)
		client    = oauth(401, "invalid_client", iup.description)
		// no is ARG of the contract.
		no           = func(description string) refusal { return ordinary(400, "illegal_argument", description) }
		unauthorized = func(description string) refusal {
			return ordinary(401, "unauthorized", description).challenged(badBearer)
		}
		duplicate = func(entity, property, value string) refusal {
			return ordinary(400, "duplicate_unique_property_exists",
				`Entity "`+entity+`" requires that property named "`+property+`" be unique, value of `+value+` exists`)
		}
		policy   = func(description string) refusal { return ordinary(400, "error_password_policy_violation", description) }
		required = func(name string) refusal { return ordinary(400, "required_property_not_found", "~"+name) }
		unknown  = func(name string) refusal {
			return ordinary(404, "entity_not_found", "Cannot find entity with name: "+name)
		}
		lost         = ordinary(404, "service_resource_not_found", "Service resource not found")
		tooMany      = ordinary(429, "too_many_requests", "Too many attempts").after("1")
		tooManyOAuth = oauth(429, "too_many_requests", "Too many attempts").after("1")
		typed        = ordinary(415, "unsupported_media_type", "~")
		corrupt      = ordinary(401, "auth_bad_access_token", "Unable to authenticate due to corrupt access token").challenged(badBearer)
		gone         = ordinary(401, "expired_token", "Unable to authenticate due to expired access token").challenged(badBearer)
		revoked      = ordinary(401, "auth_invalid", "Unable to authenticate").challenged(badBearer)
		wrong        = ordinary(401, "invalid_client", "Unable to authenticate (OAuth)").challenged(bearer)
		credentials  = ordinary(401, "auth_invalid_credentials", "Unable to authenticate due to invalid client credentials")
		noSystem     = "No system access authorized"
		noOrg, noApp = "No organization access authorized", "No application access authorized"
		notPermitted = "Subject does not have permission to access this resource"
		oldPassword  = ordinary(400, "auth_invalid_username_or_password", "Unable to authenticate due to username or password being incorrect")
		both         = no("oldpassword and newpassword are both required")
		recent       = ordinary(409, "recently_used_password", "~")
		closedDoor   = no("Public organization registration is disabled")
		noMatch      = ordinary(400, "token", "Could not match token")
		query        = ordinary(400, "query_parse", "~")
		last         = ordinary(400, "unable_to_leave_organization", "Organizations must have at least one member.")
		internal     = ordinary(500, "internal_error", "~nternal")
		unavailable  = ordinary(503, "service_unavailable", "~unavailable").after("1")
		tooOld       = func(ms string) string {
			return "Your token age cannot be more than the maximum age of " + ms + " milliseconds"
		}
		notFound = func(application, path string) refusal {
			return ordinary(404, "organization_application_not_found", "Could not find application for "+application+" from URI: "+path)
		}
		noAdmin = func(name string) refusal {
			return ordinary(404, "user_not_found", "Could not find user for username: "+name)
		}
		noManaged = func(name string) refusal {
			return ordinary(404, "entity_not_found", "Application "+name+" does not exist for organization acme")
		}
	)
	as, is := func(headers ...string) []string { return headers }, c.as
	form := "Content-Type: application/x-www-form-urlencoded"
	dana, danaForm := loginJSON("dana", userPassword), loginForm("dana", userPassword)
	olga, olgaForm := loginJSON("olga", adminPassword), loginForm("olga", adminPassword)
	withDana := func(members string) string { return "{" + members + "," + dana[1:] }
	pin := func(name, pin string) string {
		return `{"grant_type":"pin","username":"` + name + `","pin":"` + pin + `"}`
	}
	refreshJSON := func(token string) string { return `{"grant_type":"refresh_token","refresh_token":"` + token + `"}` }
	refreshForm := func(token string) string { return "grant_type=refresh_token&refresh_token=" + token }
	change := func(before, after string) string {
		return `{"oldpassword":"` + before + `","newpassword":"` + after + `"}`
	}

	rows := []row{
		{"unknown user, wrong password or PIN", []ask{
			{request: shop, body: loginJSON("nobody", "x"), want: iup},
			{request: shop, body: loginForm("nobody", "x"), want: iup},
			{request: shop, body: loginJSON("dana", "x"), want: iup},
			{request: shop, body: loginForm("dana", "x"), want: iup},
			{request: shop, body: pin("dana", "1"), want: iup},
			{request: shop, body: "grant_type=pin&username=dana&pin=1", want: iup},
			{request: "GET /acme/shop/token?" + loginForm("dana", "x"), want: iup},
			{request: management, body: loginJSON("olga", "x"), want: iup},
			{request: management, body: loginForm("nobody", "x"), want: iup},
			{request: management, body: dana, want: iup},
		}},
		{"username or password missing", []ask{
			{request: shop, body: `{"grant_type":"password","username":"dana"}`, want: iup},
			{request: shop, body: "grant_type=password&username=dana", want: incorrect},
			{request: shop, body: `{"grant_type":"password","username":"","password":"x"}`, want: iup},
			{request: shop, body: "grant_type=password&username=&password=x", want: incorrect},
			{request: shop, body: pin("dana", ""), want: iup},
			{request: shop, body: "grant_type=pin&username=dana", want: incorrect},
			{request: "GET /acme/shop/token?grant_type=password&username=dana", want: iup},
			{request: management, body: `{"grant_type":"password","password":null}`, want: iup},
			{request: management, body: "grant_type=password", want: incorrect},
		}},
		{"grant_type missing; unknown", []ask{
			{request: shop, body: `{"username":"dana"}`, want: iup},
			{request: shop, body: "username=dana", want: incorrect},
			{request: management, body: `{}`, want: iup},
			{request: management, body: "grant_type=", want: incorrect},
			{request: "GET /acme/shop/token", want: iup},
			{request: "GET /management/me", want: iup},
			{request: shop, body: `{"grant_type":"Password"}`, want: iup},
			{request: shop, body: "grant_type=Password", want: oauth(400, "unsupported_grant_type", iup.description)},
			{request: management, body: pin("olga", "1"), want: iup},
			{request: management, body: refreshForm("x"), want: oauth(400, "unsupported_grant_type", iup.description)},
			{request: "GET /acme/shop/token?" + refreshForm(c.refresh.usedToo), want: iup},
			{request: shop, body: "grant_type=pin&username=dana&pin=1", want: oauth(400, "unsupported_grant_type", iup.description), at: c.strict},
		}},
		{"client unknown, wrong or not served here", []ask{
			{request: shop, body: clientJSON(c.shopID, "x"), want: iup},
			{request: shop, body: clientForm(c.shopID, "x"), want: client},
			{request: shop, body: ccJSON, headers: as(basic(c.shopID, "x")), want: iup},
			{request: shop, body: cc, headers: as(basic(c.shopID, "x")), want: client.challenged(byBasic)},
			{request: shop, body: cc, headers: as(basic(c.shopID, "")), want: client.challenged(byBasic)},
			{request: shop, body: clientJSON(c.stallID, c.stallSecret), want: iup},
			{request: shop, body: clientForm(c.stallID, c.stallSecret), want: client},
			{request: shop, body: clientForm(c.sandboxID, c.sandboxSecret), want: client},
			{request: shop, body: clientForm(c.rivalID, c.rivalSecret), want: client},
			{request: shop, body: ccJSON, want: iup},
			{request: shop, body: cc, want: client},
			{request: shop, body: danaForm + "&client_id=" + c.stallID, want: client},
			{request: shop, body: dana, headers: as(basic("superuser", superuserPassword)), want: iup},
			{request: shop, body: danaForm, headers: as(basic("superuser", superuserPassword)), want: client.challenged(byBasic)},
			{request: management, body: clientJSON("b3U6unknown", "x"), want: iup},
			{request: management, body: clientForm("b3U6unknown", "x"), want: client},
			{request: "POST /acme/shop/revoke", body: "token=x&client_id=" + c.shopID + "&client_secret=x", want: client.challenged(bearer)},
			{request: "POST /acme/shop/revoke", body: "token=x", headers: as(basic(c.shopID, "x")), want: client.challenged(byBasic)},
			{request: "POST /acme/shop/introspect", body: "token=x", want: client.challenged(bearer)},
			{request: "POST /acme/shop/introspect", body: "token=x", headers: as(basic(c.stallID, c.stallSecret)), want: client.challenged(byBasic)},
			{request: "POST /acme/shop/introspect", body: "token=x", headers: as(is.dana), want: client.challenged(badBearer)},
			{request: "POST /acme/shop/introspect", body: "token=x", headers: as("Authorization: Bearer x"), want: client.challenged(badBearer)},
		}},
		{"two client authentication methods", []ask{
			{request: shop, body: clientJSON(c.stallID, "x"), headers: as(basic(c.shopID, c.shopSecret)), want: refusal{status: 200}}, // Basic wins
			{request: shop, body: clientForm(c.shopID, c.shopSecret), headers: as(basic(c.shopID, c.shopSecret)), want: request("~more than one")},
			{request: shop, body: cc + "&client_id=" + c.acmeID, headers: as(basic(c.shopID, c.shopSecret)), want: request("~more than one")},
			{request: "POST /acme/shop/introspect", body: "token=x&client_secret=x", headers: as(basic(c.shopID, c.shopSecret)), want: request("~more than one")},
		}},
		{"grant switched off (2.6, 2.7)", []ask{
			{request: stall, body: refreshJSON("x"), want: iup},
			{request: stall, body: refreshForm("x"), want: oauth(400, "unauthorized_client", iup.description)},
			{request: "POST /acme/sandbox/token", body: dana, want: iup},
			{request: "POST /acme/sandbox/token", body: danaForm, want: oauth(400, "unauthorized_client", iup.description)},
			{request: "POST /acme/sandbox/token", body: pin("dana", userPIN), want: iup},
			{request: management, body: olga, want: iup, at: c.strict},
			{request: management, body: olgaForm, want: oauth(400, "unauthorized_client", iup.description), at: c.strict},
			{request: stall, body: danaForm, want: oauth(400, "unauthorized_client", iup.description), at: c.strict},
		}},
		{"bad, used or expired refresh token", []ask{
			{request: shop, body: refreshJSON("x"), want: oauth(400, "invalid_grant", "invalid refresh token")},
			{request: shop, body: refreshForm(bare(is.dana)), want: oauth(400, "invalid_grant", "invalid refresh token")},
			{request: shop, body: refreshJSON(c.refresh.used), want: oauth(400, "invalid_grant", "invalid refresh token")},
			{request: shop, body: refreshForm(c.refresh.usedToo), want: oauth(400, "invalid_grant", "invalid refresh token")},
			{request: shop, body: refreshJSON(c.refresh.expired), want: oauth(400, "invalid_grant", "invalid refresh token")},
			{request: shop, body: refreshForm(c.refresh.expired), want: oauth(400, "invalid_grant", "invalid refresh token")},
		}},
		{"inactive user", []ask{
			{request: shop, body: loginJSON(inactiveUser, userPassword), want: oauth(400, "invalid_grant", "user not activated")},
			{request: shop, body: loginForm(inactiveUser, userPassword), want: oauth(400, "invalid_grant", "user not activated")},
			{request: shop, body: loginJSON(disabledUser, userPassword), want: oauth(400, "invalid_grant", "user disabled")},
			{request: shop, body: loginForm(disabledUser, userPassword), want: oauth(400, "invalid_grant", "user disabled")},
			{request: shop, body: pin(disabledUser, userPIN), want: oauth(400, "invalid_grant", "user disabled")},
			{request: shop, body: loginJSON(disabledUser, "x"), want: iup},
			{request: "GET /acme/shop/users/" + inactiveUser + "/token", headers: as(is.shop), want: oauth(400, "invalid_grant", "user not activated")},
		}},
		{"admin not confirmed", []ask{
			{request: management, body: olga, want: oauth(403, "invalid_grant", "User must be confirmed to authenticate"), at: c.unconfirmed},
			{request: management, body: olgaForm, want: oauth(400, "invalid_grant", "User must be confirmed to authenticate"), at: c.unconfirmed},
			{request: "GET /management/token?" + olgaForm, want: oauth(403, "invalid_grant", "User must be confirmed to authenticate"), at: c.unconfirmed},
		}},
		{"scope not allowed", []ask{
			{request: shop, body: withDana(`"scope":"orders.read orders.write"`), want: oauth(400, "invalid_scope", "scope not allowed: orders.write")},
			{request: shop, body: danaForm + "&scope=orders.write", want: oauth(400, "invalid_scope", "scope not allowed: orders.write")},
			{request: management, body: olgaForm + "&scope=orders.read", want: oauth(400, "invalid_scope", "scope not allowed: orders.read")},
			{request: "GET /acme/shop/users/dana/token?scope=x", headers: as(is.shop), want: oauth(400, "invalid_scope", "scope not allowed: x")},
		}},
		{"ttl malformed", []ask{
			{request: shop, body: withDana(`"ttl":-1`), want: no("ttl must be a number >= 0")},
			{request: shop, body: danaForm + "&ttl=1.5", want: request("ttl must be a number >= 0")},
			{request: shop + "?ttl=derp", body: dana, want: no("ttl must be a number >= 0")},
			{request: shop + "?ttl=derp", body: danaForm, want: request("ttl must be a number >= 0")},
			{request: "GET /management/token?ttl=1e3&" + olgaForm, want: no("ttl must be a number >= 0")},
			{request: "GET /acme/shop/users/dana/token?ttl=x", headers: as(is.shop), want: no("ttl must be a number >= 0")},
		}},
		{"ttl too high, or 0 forbidden", []ask{
			{request: shop, body: withDana(`"ttl":86400001`), want: no(tooOld("86400000"))},
			{request: shop, body: danaForm + "&ttl=86400001", want: request(tooOld("86400000"))},
			{request: "POST /acme/sandbox/token?ttl=0", body: clientJSON(c.sandboxID, c.sandboxSecret), want: no(tooOld("60000"))},
			{request: "POST /acme/sandbox/token", body: clientForm(c.sandboxID, c.sandboxSecret) + "&ttl=0", want: request(tooOld("60000"))},
			{request: management + "?ttl=86400001", headers: as(is.olga), want: no(tooOld("86400000"))},
			{request: "GET /acme/shop/users/dana/token?ttl=86400001", headers: as(is.shop), want: no(tooOld("86400000"))},
		}},
		{"token POST without body", []ask{
			{request: shop, want: no("missing json post data")},
			{request: shop, headers: as(form), want: request("missing json post data")},
			{request: shop, headers: as("Content-Type: application/json"), want: no("missing json post data")},
			{request: management, want: no("missing json post data")},
			{request: management, headers: as(form), want: request("missing json post data")},
			{request: "POST /management/me", want: no("missing json post data")},
		}},
		{"repeated parameter", []ask{
			{request: "GET /acme/shop/token?grant_type=password&username=a&username=b", want: no("duplicate parameter: username")},
			{request: shop, body: "grant_type=password&username=a&username=b", want: request("duplicate parameter: username")},
			{request: shop + "?ttl=1&ttl=2", body: dana, want: no("duplicate parameter: ttl")},
			{request: shop + "?ttl=1&ttl=2", body: danaForm, want: request("duplicate parameter: ttl")},
			{request: "POST /acme/shop/revoke", body: "token=a&token=b", want: request("duplicate parameter: token")},
			{request: "POST /acme/shop/introspect", body: "token=a&token=b", headers: as(is.shop), want: request("duplicate parameter: token")},
			{request: "GET /acme/shop/users/me?access_token=a&access_token=b", want: no("duplicate parameter: access_token")},
			{request: "POST /acme/shop/users", body: "client_id=a&client_id=b", want: no("duplicate parameter: client_id")},
			{request: "GET /acme/shop/users?client_secret=a&client_secret=b", want: no("duplicate parameter: client_secret")},
		}},
		{"bad JSON, repeated key, trailing data", []ask{
			{request: shop, body: `{"grant_type":`, want: ordinary(400, "json_parse", "~")},
			{request: shop, body: `{"ttl":1,"ttl":2}`, want: ordinary(400, "json_parse", "~ttl")},
			{request: shop, body: dana + "x", headers: as(form), want: ordinary(400, "json_parse", "~after")},
			{request: management, body: "x", headers: as("Content-Type: ", "Content-Type: application/json"), want: ordinary(400, "json_parse", "~object")},
			{request: "POST /acme/shop/users", body: `{"username":"a","username":"b"}`, headers: as(is.shop), want: ordinary(400, "json_parse", "~username")},
			{request: "PUT /management/orgs/acme", body: `{"properties":{}}}`, headers: as(is.olga), want: ordinary(400, "json_parse", "~data after")},
			{request: "POST /acme/shop/revoke", body: `{"token":"a","token":"b"}`, want: oauth(400, "json_parse", "~token")},
		}},
		{"key in wrong case; array as token body", []ask{
			{request: shop, body: `{"Grant_Type":"password"}`, want: no("~Grant_Type")},
			{request: "POST /acme/shop/users", body: `{"Username":"a"}`, headers: as(is.shop), want: no("~Username")},
			{request: shop, body: "[" + dana + "]", want: no("~array")},
			{request: management, body: "[]", want: no("~array")},
		}},
		{"legacy feature under strict", []ask{
			{request: shop + "?access_token=x", body: dana, want: ordinary(400, "invalid_request", "~query_token"), at: c.strict},
			{request: shop + "?access_token=x", body: danaForm, want: request("~query_token"), at: c.strict},
			{request: shop + "?client_secret=x", body: dana, want: ordinary(400, "invalid_request", "~query_client"), at: c.strict},
			{request: shop + "?client_secret=x", body: danaForm, want: request("~query_client"), at: c.strict},
			{request: "GET /acme/shop/token?" + danaForm, want: ordinary(400, "invalid_request", "~get_token"), at: c.strict},
			{request: "GET /acme/shop/users/me?access_token=" + bare(is.strictDana), want: ordinary(400, "invalid_request", "~query_token"), at: c.strict},
			{request: "POST /acme/shop/users", body: "access_token=" + bare(is.strictDana), want: ordinary(400, "invalid_request", "~query_token"), at: c.strict},
			{request: "GET /acme/shop/users?" + clientForm("x", "x"), want: ordinary(400, "invalid_request", "~query_client"), at: c.strict},
		}},
		{"too many failed logins", []ask{
			{request: shop, body: dana, headers: as(throttled), want: tooMany},
			{request: shop, body: danaForm, headers: as(throttled), want: tooManyOAuth},
			{request: shop, body: clientJSON(c.shopID, c.shopSecret), headers: as(throttled), want: tooMany},
			{request: shop, body: clientForm(c.shopID, c.shopSecret), headers: as(throttled), want: tooManyOAuth},
			{request: "PUT /acme/shop/users/dana/password", body: change(userPassword, "broad-meadow-3"), headers: as(throttled), want: tooMany},
			{request: "GET /acme/shop/users", headers: as(basic(c.shopID, c.shopSecret), throttled), want: tooMany},
			{request: "GET /acme/shop/users", headers: as(basic("superuser", superuserPassword), throttled), want: tooMany},
			{request: "POST /acme/shop/introspect", body: "token=x", headers: as(basic(c.shopID, c.shopSecret), throttled), want: tooManyOAuth},
		}},
		{"body neither JSON nor form", []ask{
			{request: shop, body: "<x/>", headers: as("Content-Type: ", xml), want: typed},
			{request: management, body: "x", headers: as("Content-Type: ", "Content-Type: text/plain"), want: typed},
			{request: shop, body: danaForm, headers: as("Content-Encoding: gzip"), want: typed},
			{request: "POST /acme/shop/revoke", body: "<x/>", headers: as("Content-Type: ", xml), want: typed},
			{request: "POST /acme/shop/users", body: "<x/>", headers: as("Content-Type: ", xml), want: typed},
			{request: "PUT /management/users/olga", body: "<x/>", headers: as("Content-Type: ", xml, is.olga), want: typed},
		}},
		{"expired token", []ask{
			{request: "GET /acme/shop/users/me", headers: as(c.expired), want: gone},
			{request: "GET /acme/shop/users/me?access_token=" + bare(c.expired), headers: as(is.dana), want: gone},
			{request: "POST /acme/shop/users", body: "access_token=" + bare(c.expired), want: gone},
			{request: "GET /management/me", headers: as(c.expiredAdmin), want: gone},
			{request: management, headers: as(c.expiredAdmin), want: gone},
		}},
		{"revoked token", []ask{
			{request: "GET /acme/shop/users/me", headers: as(c.revoked), want: revoked},
			{request: "GET /acme/shop/users/me?access_token=" + bare(c.revoked), want: revoked},
			{request: management, headers: as(c.revokedAdmin), want: revoked},
			{request: "GET /management/orgs/rival", headers: as(c.revokedAdmin), want: revoked},
		}},
		{"corrupt token, wrong category, subject gone", []ask{
			{request: "GET /acme/shop/users/me", headers: as("Authorization: Bearer x"), want: corrupt},
			{request: "GET /acme/shop/users/me", headers: as("Authorization: Bearer"), want: corrupt},
			{request: "GET /acme/shop/users/me", headers: as(is.dana + "x"), want: corrupt},
			{request: "GET /acme/shop/users/me?access_token=x", headers: as(is.dana), want: corrupt},
			{request: "GET /acme/shop/users/me", headers: as("Authorization: Bearer " + c.refresh.expired), want: corrupt},
			{request: "GET /acme/shop/users/me", headers: as(c.gone), want: corrupt},
			{request: "GET /acme/shop/users", headers: as(c.depot), want: corrupt},
			{request: management, headers: as("Authorization: Bearer x"), want: corrupt},
		}},
		{"token of an inactive user", []ask{
			{request: "GET /acme/shop/users/me", headers: as(c.disabled), want: ordinary(401, "authentication", "Disabled identity").challenged(badBearer)},
			{request: "GET /acme/shop/users/me", headers: as(c.inactive), want: ordinary(401, "authentication", "Unactivated identity").challenged(badBearer)},
		}},
		{"client credentials in query or form wrong", []ask{
			{request: "GET /acme/shop/users?client_id=" + c.shopID + "&client_secret=x", want: wrong},
			{request: "GET /acme/shop/users?" + clientForm("YXA6unknown", "x"), want: wrong},
			{request: "POST /acme/shop/users", body: "client_id=" + c.shopID + "&client_secret=x", want: wrong},
			{request: "GET /management/orgs/acme?client_id=" + c.acmeID + "&client_secret=x", want: wrong},
		}},
		{"Basic wrong or malformed, other scheme", []ask{
			{request: "GET /acme/shop/users", headers: as(basic(c.shopID, "x")), want: credentials.challenged(byBasic)},
			{request: "GET /acme/shop/users", headers: as(basic("dana", userPassword)), want: credentials.challenged(byBasic)},
			{request: "GET /acme/shop/users", headers: as(basic(c.shopID, "")), want: credentials.challenged(byBasic)},
			{request: "GET /acme/shop/users", headers: as("Authorization: Basic %%%"), want: credentials.challenged(byBasic)},
			{request: "GET /acme/shop/users", headers: as("Authorization: Digest x"), want: credentials.challenged(bearer)},
		}},
		{"superuser needed or its Basic wrong", []ask{
			{request: "GET /management/orgs", headers: as(is.olga), want: unauthorized(noSystem)},
			{request: "GET /management/orgs", want: unauthorized(noSystem).challenged(bearer)},
			{request: "GET /management/orgs", headers: as(basic(c.acmeID, c.acmeSecret)), want: unauthorized(noSystem).challenged(byBasic)},
			{request: "PUT /acme/shop/users/dana/credentials", body: "{}", headers: as(is.shop), want: unauthorized(noSystem)},
			{request: "GET /management/orgs", headers: as(basic("SuperUser", "x")), want: unauthorized(noSystem).challenged(byBasic)},
			{request: "GET /acme/shop/users", headers: as(basic("superuser", "x")), want: unauthorized(noSystem).challenged(byBasic)},
		}},
		{"no OA; no AA", []ask{
			{request: "GET /management/orgs/rival", headers: as(is.olga), want: unauthorized(noOrg)},
			{request: "GET /management/orgs/nobody", headers: as(is.olga), want: unauthorized(noOrg)},
			{request: "GET /management/orgs/acme", want: unauthorized(noOrg).challenged(bearer)},
			{request: "POST /management/orgs/acme/apps", body: `{"name":"new"}`, headers: as(is.shop), want: unauthorized(noOrg)},
			{request: "GET /acme/shop", headers: as(is.dana), want: unauthorized(noApp)},
			{request: "GET /acme/shop", want: unauthorized(noApp).challenged(bearer)},
			{request: "POST /acme/shop/credentials", headers: as(is.sandbox), want: unauthorized(noApp)},
			{request: "GET /acme/shop/users/dana/token", want: unauthorized(noApp).challenged(bearer)},
			{request: "GET /acme/shop/users/dana/token", headers: as(basic(c.stallID, c.stallSecret)), want: unauthorized(noApp).challenged(byBasic)},
		}},
		{"rules do not permit", []ask{
			{request: "GET /acme/shop/users", headers: as(is.dana), want: unauthorized(notPermitted)},
			{request: "GET /acme/shop/users", want: unauthorized(notPermitted).challenged(bearer)},
			{request: "GET /acme/shop/users?access_token=" + bare(is.dana), want: unauthorized(notPermitted)},
			{request: "GET /acme/shop/users", headers: as(is.sandbox), want: unauthorized(notPermitted)},
			{request: "GET /acme/sandbox/users", headers: as(is.dana), want: unauthorized(notPermitted)},
			{request: "GET /acme/shop/users/me", headers: as(is.shop), want: unauthorized(notPermitted)},
			{request: "GET /acme/shop/widgets", headers: as(is.dana), want: unauthorized(notPermitted)},
			{request: "POST /acme/shop/users/dana/roles/admin", headers: as(is.dana), want: unauthorized(notPermitted)},
			{request: "POST /acme/shop/users/dana/revoketokens", want: unauthorized(notPermitted).challenged(bearer)},
		}},
		{"guest role deleted", []ask{
			{request: "POST /rival/stall/users", body: `{"username":"new"}`, want: unauthorized("No application guest access authorized").challenged(bearer)},
		}},
		{"another admin's path", []ask{
			{request: "GET /management/users/rita", headers: as(is.olga), want: unauthorized("No admin user access authorized")},
			{request: "GET /management/users/nobody", headers: as(is.olga), want: unauthorized("No admin user access authorized")},
			{request: "PUT /management/users/olga", body: `{"name":"x"}`, want: unauthorized("No admin user access authorized").challenged(bearer)},
			{request: "POST /management/users/olga/revoketokens", headers: as(is.acme), want: unauthorized("No admin user access authorized")},
		}},
		{"me or re-issue without admin", []ask{
			{request: "GET /management/me", headers: as(is.acme), want: unauthorized("No admin identity for access credentials provided")},
			{request: management, headers: as(is.dana), want: unauthorized("No admin identity for access credentials provided")},
			{request: "GET /management/token?access_token=" + bare(is.shop), want: unauthorized("No admin identity for access credentials provided")},
			{request: "GET /management/users/me", headers: as(is.dana), want: unauthorized("No admin identity for access credentials provided")},
			{request: "GET /management/users/me", want: unauthorized("No admin identity for access credentials provided").challenged(bearer)},
		}},
		{"app user asks users/{u}/token", []ask{
			{request: "GET /acme/shop/users/dana/token", headers: as(is.dana), want: refusal{status: 403}},
			{request: "GET /acme/shop/users/nobody/token?access_token=" + bare(is.dana), want: refusal{status: 403}},
			{request: "GET /rival/stall/users/nobody/token", headers: as(is.dana), want: refusal{status: 403}},
		}},
		{"application of the path unknown", []ask{
			{request: "POST /acme/nosuch/token", body: dana, want: notFound("acme/nosuch", "/acme/nosuch/token")},
			{request: "POST /acme/nosuch/token", body: danaForm, want: notFound("acme/nosuch", "/acme/nosuch/token")},
			{request: "GET /nosuch/shop/users?limit=1", want: notFound("nosuch/shop", "/nosuch/shop/users")},
			{request: "POST /acme/depot/revoke", body: "token=x", want: notFound("acme/depot", "/acme/depot/revoke")},
			{request: "GET /acme/depot", headers: as(is.superuser), want: notFound("acme/depot", "/acme/depot")},
		}},
		{"organization unknown (superuser)", []ask{
			{request: "GET /management/orgs/nosuch", headers: as(is.superuser), want: ordinary(404, "organization_not_found", "Could not find organization for name: nosuch")},
			{request: "GET /management/orgs/nosuch/users", headers: as(basic("superuser", superuserPassword)), want: ordinary(404, "organization_not_found", "Could not find organization for name: nosuch")},
		}},
		{"admin unknown (superuser, 7.5)", []ask{
			{request: "GET /management/users/nobody", headers: as(is.superuser), want: noAdmin("nobody")},
			{request: "PUT /management/orgs/acme/users/nobody", headers: as(is.olga), want: noAdmin("nobody")},
			{request: "DELETE /management/orgs/acme/users/rita", headers: as(is.olga), want: noAdmin("rita")},
		}},
		{"application unknown in 7.2, 7.3", []ask{
			{request: "GET /management/orgs/acme/apps/nosuch", headers: as(is.olga), want: noManaged("nosuch")},
			{request: "DELETE /management/orgs/acme/apps/depot?confirm_application_identifier=depot", headers: as(is.olga), want: noManaged("depot")},
			{request: "PUT /management/orgs/acme/apps/" + unknownID, headers: as(is.olga), want: noManaged(unknownID)},
			{request: "POST /management/orgs/acme/apps/stall/credentials", headers: as(is.olga), want: noManaged("stall")},
		}},
		{"role, group, assignment, jti unknown", []ask{
			{request: "GET /acme/shop/roles/nosuch", headers: as(is.shop), want: unknown("nosuch")},
			{request: "DELETE /acme/shop/groups/staff/north", headers: as(is.shop), want: unknown("staff/north")},
			{request: "GET /acme/shop/users/dana/roles/clerk", headers: as(is.shop), want: unknown("clerk")},
			{request: "GET /acme/shop/groups/staff/users/dana", headers: as(is.shop), want: unknown("dana")},
			{request: "DELETE /acme/shop/tokens/" + unknownID, headers: as(is.shop), want: unknown(unknownID)},
		}},
		{"app user or collection unknown", []ask{
			{request: "GET /acme/shop/users/nobody", headers: as(is.shop), want: lost},
			{request: "GET /acme/shop/users/nobody/token", headers: as(is.shop), want: lost},
			{request: "PUT /acme/shop/users/nobody/password", body: change("", "broad-meadow-3"), headers: as(is.shop), want: lost},
			{request: "POST /acme/shop/users/nobody/revoketokens", headers: as(is.shop), want: lost},
			{request: "GET /acme/shop/widgets", headers: as(is.shop), want: lost},
		}},
		{"route; method unknown", []ask{
			{request: "GET /nowhere", want: ordinary(404, "not_found", "~")},
			{request: "POST /management/nowhere", body: "x=y", want: ordinary(404, "not_found", "~")},
			{request: "DELETE /acme/shop/token", want: ordinary(405, "not_allowed", "~").allows("GET, HEAD, POST")},
			{request: "PUT /management/token", body: danaForm, want: ordinary(405, "not_allowed", "~").allows("GET, HEAD, POST")},
			{request: "GET /acme/shop/revoke", want: ordinary(405, "not_allowed", "~").allows("POST")},
			{request: "DELETE /acme/shop", headers: as(is.superuser), want: ordinary(405, "not_allowed", "~").allows("GET, HEAD, PUT")},
			{request: "PUT /acme/shop/users/dana/token", want: ordinary(405, "not_allowed", "~").allows("GET, HEAD")},
		}},
		{"duplicate user, e-mail, organization, role, group", []ask{
			{request: "POST /acme/shop/users", body: `{"username":"Dana"}`, headers: as(is.shop), want: duplicate("user", "username", "Dana")},
			{request: "POST /acme/shop/users", body: `[{"username":"new"},{"username":"newer","email":"dana@example.com"}]`, headers: as(is.shop), want: duplicate("user", "email", "dana@example.com")},
			{request: "PUT /acme/shop/users/dana", body: `{"username":"rolf"}`, headers: as(is.shop), want: duplicate("user", "username", "rolf")},
			{request: "POST /management/users", body: `{"email":"new@example.com","username":"olga"}`, headers: as(is.superuser), want: duplicate("user", "username", "olga")},
			{request: "PUT /management/users/olga", body: `{"email":"rita@example.com"}`, headers: as(is.olga), want: duplicate("user", "email", "rita@example.com")},
			{request: "POST /management/users/olga/organizations", body: `{"organization":"Rival"}`, headers: as(is.olga), want: duplicate("organization", "name", "rival")},
			{request: "POST /management/orgs", body: `{"organization":"new","email":"x@example.com","username":"olga"}`, headers: as(is.superuser), want: duplicate("user", "username", "olga")},
			{request: "POST /acme/shop/roles", body: `{"name":"Clerk"}`, headers: as(is.shop), want: duplicate("role", "name", "clerk")},
			{request: "POST /acme/shop/groups", body: `{"path":"staff"}`, headers: as(is.shop), want: duplicate("group", "path", "staff")},
		}},
		{"application name taken, even if deleted", []ask{
			{request: "POST /management/orgs/acme/apps", body: `{"name":"shop"}`, headers: as(is.olga), want: ordinary(409, "application_already_exists", "Application shop already exists")},
			{request: "POST /management/orgs/acme/apps", body: "name=depot", headers: as(is.olga), want: ordinary(409, "application_already_exists", "Application depot already exists")},
		}},
		{"wrong old password", []ask{
			{request: "PUT /acme/shop/users/dana/password", body: change("x", "broad-meadow-3"), want: oldPassword},
			{request: "POST /acme/shop/users/nobody/password", body: change("x", "broad-meadow-3"), want: oldPassword},
			{request: "POST /management/users/olga/password", body: "oldpassword=x&newpassword=broad-meadow-3", want: oldPassword},
			{request: "POST /management/users/nobody/password", body: change("x", "broad-meadow-3"), want: oldPassword},
			{request: "PUT /management/users/olga", body: change("x", "broad-meadow-3"), headers: as(is.olga), want: oldPassword},
		}},
		{"password missing in 7.4, 8.2", []ask{
			{request: "PUT /acme/shop/users/dana/password", body: `{"oldpassword":"x"}`, want: no("newpassword is required")},
			{request: "PUT /acme/shop/users/dana/password", body: `{"oldpassword":""}`, headers: as(is.shop), want: no("newpassword is required")},
			{request: "PUT /acme/shop/users/dana/password", body: "newpassword=x", want: both},
			{request: "PUT /acme/shop/users/dana/password", want: both},
			{request: "POST /management/users/olga/password", body: `{"oldpassword":"x"}`, want: no("newpassword is required")},
			{request: "POST /management/users/olga/password", headers: as(is.superuser), want: no("newpassword is required")},
			{request: "POST /management/users/olga/password", body: `{"newpassword":"x"}`, headers: as(is.olga), want: both},
		}},
		{"password policy", []ask{
			{request: "POST /acme/shop/users", body: `{"username":"new","password":"short"}`, headers: as(is.shop), want: policy("error_length_policy: must be at least 8 characters")},
			{request: "PUT /acme/shop/users/dana/password", body: change(userPassword, "password1"), want: policy("error_common_policy: must not be a commonly used password")},
			{request: "PUT /acme/shop/users/dana/password", body: change("", strings.Repeat("x7", 129)), headers: as(is.shop), want: policy("~error_length_policy: ")},
			{request: "POST /management/users/olga/password", body: change(adminPassword, "short"), want: policy("error_length_policy: must be at least 8 characters")},
			{request: "POST /management/orgs", body: "organization=new&email=new@example.com&password=short", headers: as(is.superuser), want: policy("error_length_policy: must be at least 8 characters")},
			{request: "POST /management/orgs/acme/users", body: `{"email":"new@example.com","password":"password1"}`, headers: as(is.olga), want: policy("error_common_policy: must not be a commonly used password")},
		}},
		{"password used recently", []ask{
			{request: "PUT /acme/shop/users/dana/password", body: change(userPassword, userPassword), want: recent},
			{request: "POST /management/users/olga/password", body: change(adminPassword, adminPassword), want: recent},
			{request: "PUT /management/users/olga", body: change(adminPassword, adminPassword), headers: as(is.olga), want: recent},
		}},
		{"required property missing", []ask{
			{request: "POST /acme/shop/users", body: `{"name":"New"}`, headers: as(is.shop), want: required("username")},
			{request: "POST /acme/shop/users", body: "name=New", want: required("username")},
			{request: "PUT /acme/shop/roles", body: `{"title":"New"}`, headers: as(is.shop), want: required("name")},
		}},
		{"name reserved", []ask{
			{request: "POST /acme/shop/users", body: `{"username":"me"}`, want: no("Username 'me' is reserved")},
			{request: "PUT /acme/shop/users/dana", body: `{"username":"Me"}`, headers: as(is.dana), want: no("Username 'me' is reserved")},
			{request: "POST /management/orgs/acme/users", body: `{"email":"new@example.com","username":"me"}`, headers: as(is.olga), want: no("Username 'me' is reserved")},
			{request: "POST /management/users/olga/organizations", body: `{"organization":"portal"}`, headers: as(is.olga), want: no("~portal")},
			{request: "POST /management/orgs/acme/apps", body: `{"name":"apps"}`, headers: as(is.olga), want: no("~apps")},
		}},
		{"admin without e-mail; organization missing", []ask{
			{request: "POST /management/users", body: `{"username":"new"}`, headers: as(is.superuser), want: no("email form parameter is required")},
			{request: "POST /management/orgs", body: "organization=new", headers: as(is.superuser), want: no("email form parameter is required")},
			{request: "POST /management/orgs/acme/users", body: `{"username":"new"}`, headers: as(is.olga), want: no("email form parameter is required")},
			{request: "POST /management/orgs?organization=new", body: "email=new@example.com", headers: as(is.superuser), want: no("The organization parameter was missing")},
			{request: "POST /management/users/me/organizations", headers: as(is.olga), want: no("The organization parameter was missing")},
		}},
		{"registration off", []ask{
			{request: "POST /management/orgs", body: `{"organization":"new","email":"new@example.com"}`, want: closedDoor},
			{request: "POST /management/orgs", body: "{}", headers: as(is.olga), want: closedDoor},
			{request: "POST /management/users", body: "email=new@example.com", headers: as(is.acme), want: closedDoor},
		}},
		{"group path missing; illegal", []ask{
			{request: "POST /acme/shop/groups", body: `{"name":"New"}`, headers: as(is.shop), want: no("You must provide a 'path' property when creating a group")},
			{request: "POST /acme/shop/groups", body: `{"path":"a b"}`, headers: as(is.shop), want: no("Illegal characters found in group name: a b")},
			{request: "POST /acme/shop/groups", body: `{"path":"a/users/b"}`, headers: as(is.shop), want: no("Illegal characters found in group name: a/users/b")},
		}},
		{"permission missing", []ask{
			{request: "POST /acme/shop/roles/clerk/permissions", headers: as(is.shop), want: no("You must supply a 'permission' property")},
			{request: "PUT /acme/shop/users/dana/permissions", body: `{"permission":[]}`, headers: as(is.shop), want: no("You must supply a 'permission' property")},
			{request: "DELETE /acme/shop/groups/staff/permissions?permission=", headers: as(is.shop), want: no("You must supply a 'permission' property")},
		}},
		{"ql not supported", []ask{
			{request: "GET /acme/shop/users?ql=select%20username", headers: as(is.shop), want: query},
			{request: "GET /acme/shop/users?ql=name%3D'x'", headers: as(is.shop), want: query},
			{request: "GET /acme/shop/roles?ql=username%3D'x'", headers: as(is.shop), want: query},
			{request: "GET /acme/shop/users/dana/groups?ql=order%20by%20name", headers: as(is.shop), want: query},
			{request: "GET /acme/shop/tokens?ql=x", headers: as(is.shop), want: query},
			{request: "GET /management/orgs?ql=x", headers: as(is.superuser), want: query},
		}},
		{"6.1: token missing; garbage", []ask{
			{request: "POST /acme/shop/users/dana/revoketoken", want: no("token is required")},
			{request: "PUT /acme/shop/users/dana/revoketokens?token=", headers: as(is.shop), want: no("token is required")},
			{request: "PUT /acme/shop/users/dana/revoketokens?token=x", want: no("token is malformed")},
			{request: "POST /management/users/olga/revoketoken", headers: as(is.olga), want: no("token is required")},
			{request: "POST /management/users/olga/revoketoken?token=" + bare(is.olga) + "x", want: no("token is malformed")},
		}},
		{"6.1: T of another subject or kind", []ask{
			{request: "POST /acme/shop/users/rolf/revoketoken?token=" + bare(is.dana), want: noMatch},
			{request: "POST /acme/shop/users/dana/revoketokens?token=" + bare(is.shop), headers: as(is.shop), want: noMatch},
			{request: "POST /acme/sandbox/users/dana/revoketoken?token=" + bare(is.dana), want: noMatch},
			{request: "POST /management/users/olga/revoketoken?token=" + bare(is.rita), headers: as(is.olga), want: noMatch},
			{request: "PUT /management/users/olga/revoketoken?token=" + bare(is.acme), want: noMatch},
		}},
		{"6.1: T expired; already revoked", []ask{
			{request: "POST /acme/shop/users/xaver/revoketoken?token=" + bare(c.expired), want: ordinary(400, "expired_token", gone.description)},
			{request: "POST /management/users/olga/revoketoken?token=" + bare(c.expiredAdmin), want: ordinary(400, "expired_token", gone.description)},
			{request: "POST /acme/shop/users/rolf/revoketoken?token=" + bare(c.revoked), want: ordinary(400, "auth_bad_access_token", corrupt.description)},
			{request: "PUT /management/users/rita/revoketokens?token=" + bare(c.revokedAdmin), want: ordinary(400, "auth_bad_access_token", corrupt.description)},
		}},
		{"last admin leaves", []ask{
			{request: "DELETE /management/orgs/acme/users/olga", headers: as(is.olga), want: last},
			{request: "DELETE /management/users/olga/organizations/acme", headers: as(is.superuser), want: last},
		}},
		{"failure inside Writ", []ask{
			{request: shop, body: dana, want: internal, at: c.unsigned},
			{request: shop, body: danaForm, want: oauth(500, "server_error", "~nternal"), at: c.unsigned},
			{request: "GET /acme/shop/users/dana/token", headers: as(is.unsignedShop), want: internal, at: c.unsigned},
			{request: "GET /rival/stall/credentials", headers: as(is.superuser), want: internal},
			// Without its database Writ is not broken but out of service.
			{request: shop, body: dana, want: unavailable, at: c.closed},
			{request: shop, body: danaForm, want: oauth(503, "temporarily_unavailable", "~unavailable").after("1"), at: c.closed},
			{request: "GET /management/orgs/acme", headers: as(basic("superuser", superuserPassword)), want: unavailable, at: c.closed},
		}},
		{"forward auth: nothing to decide about", []ask{
			{request: forward, headers: as(is.dana), want: no("method and path are required")},
			{request: forward + "?method=GET", want: no("method and path are required")},
			{request: forward + "?method=GET&path=/a&path=/b", want: no("duplicate parameter: path")},
			{request: forward + "?method=%2F&path=/a", want: no("method is not an HTTP method")},
			{request: forward + "?method=GET&path=a", want: no("path is not the path of a request")},
			{request: forward + "?method=GET&path=/%25", want: no("path has a malformed escape")},
		}},
		{"forward auth: the path is ambiguous", []ask{
			{request: forward + "?method=GET&path=/a/../b", headers: as(is.shop), want: ordinary(403, "forbidden", "~ambiguous")},
			{request: forward, headers: as("X-Original-URI: /a", "X-Forwarded-Uri: /a"), want: ordinary(403, "forbidden", "~more than one")},
		}},
		{"forward auth: no credential of this application", []ask{
			{request: forward + "?method=GET&path=/a", want: unauthorized(notPermitted).challenged(bearer)},
			{request: forward + "?method=GET&path=/a", headers: as(is.sandbox), want: unauthorized(notPermitted)},
			{request: forward + "?method=GET&path=/a", headers: as(c.revoked), want: revoked},
			{request: forward + "?method=GET&path=/a", headers: as(basic(c.shopID, "x")), want: credentials.challenged(byBasic)},
			{request: forward + "?method=GET&path=/a", headers: as("Authorization: Digest x"), want: credentials.challenged(bearer)},
		}},
		{"forward auth: rules do not permit", []ask{
			{request: forward + "?method=GET&path=/a", headers: as(is.dana), want: ordinary(403, "forbidden", notPermitted)},
		}},
	}
	for i := range rows {
		for j := range rows[i].asks {
			if rows[i].asks[j].at == nil {
				rows[i].asks[j].at = c.fixture
			}
		}
	}
	return rows
}
