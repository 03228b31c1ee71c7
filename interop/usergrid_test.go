package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"testing"
)

// usergridDigest is of lib/usergrid.js as npm has it: the SDK is driven as it is.
const usergridDigest = "5fea20a50541d1d5c95d120591178aa03da3f8ee7700dc15dbf33947f4db6628"

func TestUsergridIsUnchanged(t *testing.T) {
	t.Parallel()
	node(t)
	content, err := os.ReadFile("node_modules/usergrid/lib/usergrid.js")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	if got := hex.EncodeToString(digest[:]); got != usergridDigest {
		t.Errorf("the digest of the SDK is %s", got)
	}
}

// What callbacks get. The SDK adds statusCode to the error object.
const (
	grantRefused   = `{"err":true,"data":{"error":"invalid_grant","error_description":"invalid username or password","statusCode":400}}`
	tokenRefused   = `{"err":true,"username":null,"type":null,"data":` + tokenRefusal + `}`
	tokenRefusal   = `{"error":"auth_invalid","error_description":"Unable to authenticate","exception":"AuthInvalidException","timestamp":"<ms>","duration":"<number>","statusCode":401}`
	loggedInAsDana = `{"err":null,"username":"dana","type":"user","data":{` + envelopeShape + `,"action":"get","path":"/users","uri":"<string>","entities":[` + danaEntityShape + `]}}`
	danaLogin      = `{"err":null,"data":{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"user":` + danaShape + `}}`
)

// refused is what the SDK hands over for an ordinary error.
func refused(status, code, description string) string {
	return `{"err":true,"data":{"error":"` + code + `","error_description":"` + description +
		`","exception":"<string>","timestamp":"<ms>","duration":"<number>","statusCode":` + status + `}}`
}

// erik is the answer to a signup.
func erik(username string) string {
	return `{"uuid":"<uuid>","type":"user","name":"Erik Holm","created":"<ms>","modified":"<ms>","username":"` + username + `",
		"email":"` + username + `@example.com","activated":true,"picture":"<string>","metadata":"<any>"}`
}

// TestUsergrid runs every call of the SDK that Writ promises to serve.
func TestUsergrid(t *testing.T) {
	t.Parallel()
	program := node(t)
	olga := `{` + olgaShape + `}`
	organization := `{"uuid":"<uuid>","name":"acme","properties":{},"passwordHistorySize":0,"applications":` + applicationsShape + `,"users":{"olga":` + olga + `}}`
	unauthorized := refused("401", "unauthorized", "Subject does not have permission to access this resource")
	role := func(more string) string {
		return `{"err":null,"data":{` + envelopeShape + `,"action":"post","uri":"<string>",` + more + `}}`
	}
	complaint := func(data string) string { return `{"err":"entity must be a group or user","data":` + data + `}` }
	for scenario, want := range map[string]string{
		"login": `{"first":` + danaLogin + `,"held":true,"loggedIn":true,"me":` + loggedInAsDana + `,
			"second":{"err":null,"username":"dana","another":true},"third":{"err":null,"me":"dana"},"after":{"loggedIn":false,"err":true}}`,
		"errors": `{"password":` + grantRefused + `,"login":` + grantRefused + `,
			"token":{"err":true,"username":null,"type":null,"data":{"error":"auth_bad_access_token",
				"error_description":"Unable to authenticate due to corrupt access token","exception":"AuthBadAccessTokenException",
				"timestamp":"<ms>","duration":"<number>","statusCode":401}},
			"permission":` + unauthorized + `,"guest":` + unauthorized + `,
			"missing":` + refused("404", "service_resource_not_found", "Service resource not found") + `,
			"client":` + refused("401", "invalid_client", "Unable to authenticate (OAuth)") + `,
			"application":` + refused("404", "organization_application_not_found", "Could not find application for acme/nothing from URI: /acme/nothing/users") + `}`,
		"signup": `{"guest":{"err":null,"path":"/users","type":"users","uuid":"<uuid>","login":null,"data":` + erik("erik-guest") + `,
				"again":` + refused("400", "duplicate_unique_property_exists", `Entity \"user\" requires that property named \"username\" be unique, value of erik-guest exists`) + `},
			"client":{"err":null,"path":"/users","type":"users","uuid":"<uuid>","login":null,"data":` + erik("erik-client") + `,
				"again":{"err":null,"data":{` + envelopeShape + `,"action":"get","path":"/users","uri":"<string>","entities":[` + erik("erik-client") + `]}}},
			"policy":` + refused("400", "error_password_policy_violation", "error_length_policy: must be at least 8 characters") + `}`,
		"client": `{"login":` + danaLogin + `,
			"users":{"err":null,"data":{"timestamp":"<ms>","duration":"<number>","application":"<uuid>","applicationName":"shop","organization":"acme",
				"params":{"limit":["1"],"ql":["select * where username = 'dana'"]},"action":"get","path":"/users","uri":"<string>","count":1,
				"entities":[` + danaEntityShape + `]}},
			"token":{"err":null,"data":{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"application":"<uuid>"}}}`,
		"management": `{"organization":{"err":null,"data":{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"organization":` + organization + `}},
			"admin":{"err":null,"data":{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"passwordChanged":"<ms>",
				"user":{` + olgaShape + `,"organizations":{"acme":{"uuid":"<uuid>","name":"acme","properties":{},"applications":` + applicationsShape + `}}}}},
			"read":{"err":null,"data":{"timestamp":"<ms>","duration":"<number>","organization":` + organization + `}},
			"lite":{"err":null,"same":true},
			"full":{"err":null,"kept":{"userUUID":"<uuid>","userEmail":"olga@example.com"},
				"user":{"username":"olga","email":"olga@example.com","name":"Olga Bern","uuid":"<uuid>"},
				"organizations":{"acme":{"uuid":"<uuid>","name":"acme","properties":{},"applications":` + applicationsShape + `,"users":{"olga":` + olga + `}}},
				"applications":["acme/sandbox","acme/shop"],"chosen":["acme","sandbox"]}}`,
		"password": `{"save":{"err":null,"data":{` + envelopeShape + `,"action":"set user password","path":"<string>","uri":"<string>"}},
			"type":"users","dead":` + tokenRefused + `,"again":null,"me":{"err":null,"username":"dana","type":"user","data":"<any>"},
			"old":` + grantRefused + `,
			"wrong":` + refused("400", "auth_invalid_username_or_password", "Unable to authenticate due to username or password being incorrect") + `}`,
		"roles": `{"created":[` + complaint(`"<any>"`) + `,` + role(`"path":"<string>","data":["get:/orders/**","post:/parcels"]`) + `],
			"assigned":[` + complaint("null") + `,` + role(`"path":"/roles/packer/users","entities":["<any>"]`) + `],
			"roles":{"err":null,"path":"<string>","names":["clerk","packer"],"held":2},
			"removed":[` + complaint("null") + `,{"err":null,"data":{"action":"delete","...":""}}],"left":["clerk"]}`,
		"permissions": `{"assigned":{"err":null,"action":"post","rules":["get:/orders/**","/parcels"]},
			"read":{"err":null,"data":["get:/orders/**","/parcels"],"parsed":[
				{"operations":{"get":"yes","post":"no","put":"no","delete":"no"},"path":"/orders/**","perm":"get:/orders/**"},
				{"operations":{"get":"no","post":"no","put":"no","delete":"no","":"yes"},"path":"/parcels","perm":"/parcels"}]},
			"removed":{"err":null,"data":["/parcels"],"removed":["get:/orders/**"]}}`,
		"groups": `{"created":{"err":null,"data":{"uuid":"<uuid>","type":"groups","path":"fleet/drivers","title":"Drivers","created":"<ms>","modified":"<ms>","metadata":"<any>"}},
			"added":{"err":null,"path":"/groups/fleet/drivers/users","members":["dana"]},
			"groups":{"path":"<string>","paths":["staff/north","fleet/drivers"]},"removed":{"err":null,"members":[]},"exists":null}`,
		"access": `{"sandbox":["yes","yes","yes","yes"],"guest":"unauthorized","before":["unauthorized","unauthorized"],"herself":"yes",
			"escalation":"unauthorized","after":["yes","yes"],"left":["yes","unauthorized"]}`,
		"revoke": `{"one":{"err":null,"data":{` + envelopeShape + `,"action":"revoked user token","path":"<string>","uri":"<string>"}},
			"oneDead":` + tokenRefused + `,"oneLives":"dana",
			"all":{"err":null,"data":{` + envelopeShape + `,"action":"revoked user tokens","path":"<string>","uri":"<string>"}},
			"allDead":[{"err":true,"error":"auth_invalid"},{"err":true,"error":"auth_invalid"}],"again":null,"me":"dana"}`,
	} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			wantShape(t, w.usergrid(t, program, scenario), want)
		})
	}
}

// usergrid runs one scenario of the script.
func (w *world) usergrid(t *testing.T, program, scenario string) map[string]any {
	t.Helper()
	return run(t, "", w.environment(), program, "usergrid.cjs", scenario).decoded(t)
}

// TestUsergridPagesThroughUsers follows cursors the way the SDK's collections do.
func TestUsergridPagesThroughUsers(t *testing.T) {
	t.Parallel()
	program := node(t)
	w := newWorld(t)
	want := []any{"dana"}
	for _, name := range []string{"adam", "bea", "carl", "emma"} {
		w.addUser(t, name, name)
		want = append(want, name)
	}
	names, _ := w.usergrid(t, program, "collection")["names"].([]any)
	if !slices.Equal(names, want) {
		t.Errorf("pages of two hold %v, want %v", names, want)
	}
}

// TestUsergridTokensHaveTheLevelOfTheirGrant looks into the tokens that the SDK only carries.
func TestUsergridTokensHaveTheLevelOfTheirGrant(t *testing.T) {
	t.Parallel()
	program := node(t)
	w := newWorld(t)
	client, management := w.usergrid(t, program, "client"), w.usergrid(t, program, "management")
	for _, row := range []struct {
		name  string
		from  map[string]any
		call  string
		level string
	}{
		{"a login in client mode", client, "login", "application_user"},
		{"client credentials", client, "token", "application"},
		{"client credentials at management", management, "organization", "organization"},
		{"an admin's login", management, "admin", "admin_user"},
	} {
		if level := claimsOf(t, text(row.from, row.call, "data", "access_token"))["level"]; level != row.level {
			t.Errorf("%s: level %v, want %s", row.name, level, row.level)
		}
	}
}
