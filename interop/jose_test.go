package interop

import (
	"encoding/json"
	"maps"
	"strconv"
	"testing"
	"time"
)

// jose runs the script with some tokens; more are further variables of its environment.
func (w *world) jose(t *testing.T, program, issuer string, tokens map[string]string, more ...string) map[string]any {
	t.Helper()
	content, err := json.Marshal(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, "", append(more, "ISSUER="+issuer, "TOKENS="+string(content)), program, "jose.mjs").decoded(t)
}

// TestJoseVerifiesWithEveryAlgorithm gives jose the JWKS URL alone, and then the issuer alone.
//
// SEC-37, SEC-44
func TestJoseVerifiesWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	program := node(t)
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--alg="+algorithm)
			keys := w.url + "/.well-known/jwks.json"
			header := `"header":{"typ":"at+jwt","alg":"` + algorithm + `","kid":"<string>"}`
			user := w.userToken(t)
			tokens := map[string]string{
				"user":        user,
				"application": w.clientToken(t, "/management", w.shop),
				"forever":     w.clientToken(t, "/acme/shop", w.shop, "ttl", "0", "scope", "orders.read"),
			}
			want := `{"user":{` + header + `,"claims":` + userClaims(w) + `},
				"application":{` + header + `,"claims":` + applicationClaims(w, `"exp":"<number>"`) + `},
				"forever":{` + header + `,"claims":` + applicationClaims(w, `"scope":"orders.read","status":{"status_list":{"idx":"<number>","uri":"`+w.issuer()+`/statuslists/1"}}`) + `}}`
			wantShape(t, w.jose(t, program, w.issuer(), tokens, "JWKS="+keys), want)
			wantShape(t, w.jose(t, program, w.issuer(), tokens), want)

			managed := map[string]string{"organization": w.clientToken(t, "/acme/shop", w.acme), "admin": w.adminToken(t)}
			wantShape(t, w.jose(t, program, w.managementIssuer(), managed), `{
				"organization":{`+header+`,"claims":{"level":"organization","org":"acme","aud":["`+w.managementIssuer()+`"],"...":""}},
				"admin":{`+header+`,"claims":{"level":"admin_user","orgs":["acme"],"username":"olga","client_id":"management","...":""}}}`)

			w.wantJoseRefuses(t, program, user)
		})
	}
}

func userClaims(w *world) string {
	return `{"iss":"` + w.issuer() + `","aud":["` + w.issuer() + `"],"sub":"<uuid>","client_id":"` + w.shop.ID + `","iat":"<number>",
		"exp":"<number>","jti":"<uuid>","level":"application_user","gen":1,"org":"acme","org_id":"<uuid>","app":"shop",
		"app_id":"` + w.shopID + `","username":"dana","roles":["clerk","default"],"groups":["staff/north"]}`
}

func applicationClaims(w *world, more string) string {
	return `{"iss":"` + w.issuer() + `","aud":["` + w.issuer() + `"],"sub":"` + w.shopID + `","client_id":"` + w.shop.ID + `","iat":"<number>",
		"jti":"<uuid>","level":"application","gen":1,"org":"acme","org_id":"<uuid>","app":"shop","app_id":"` + w.shopID + `",` + more + `}`
}

// wantJoseRefuses shows jose every forgery and what is genuine but not for it.
func (w *world) wantJoseRefuses(t *testing.T, program, token string) {
	t.Helper()
	tokens := forgeries(t, token, string(w.raw(t, w.url+"/.well-known/jwks.json")))
	maps.Copy(tokens, map[string]string{"an admin's": w.adminToken(t), "an organization's": w.clientToken(t, "/acme/shop", w.acme)})
	for name, result := range w.jose(t, program, w.issuer(), tokens, "JWKS="+w.url+"/.well-known/jwks.json") {
		if text(result, "refused") == "" {
			t.Errorf("jose accepted: %s", name)
		}
	}
	expired := map[string]string{"expired": token}
	tomorrow := strconv.FormatInt(time.Now().Add(25*time.Hour).Unix(), 10)
	wantShape(t, w.jose(t, program, w.issuer(), expired, "NOW="+tomorrow), `{"expired":{"refused":"ERR_JWT_EXPIRED"}}`)
}

// TestOAuth4WebAPIKnowsTheIssuerAlone lets a strict client of the standards find everything by itself.
func TestOAuth4WebAPIKnowsTheIssuerAlone(t *testing.T) {
	t.Parallel()
	program := node(t)
	w := newWorld(t)
	for _, row := range []struct {
		issuer, username, password string
		client                     credentials
		application, login         string // claims
		subject, person            string // Writ's own members of an answer
	}{
		{
			w.issuer(), "dana", userPassword, w.shop, applicationClaims(w, `"exp":"<number>"`), userClaims(w),
			`"application":"` + w.shopID + `"`, `"user":` + danaShape,
		},
		{
			w.managementIssuer(), "olga", adminPassword, w.acme,
			`{"iss":"` + w.managementIssuer() + `","level":"organization","org":"acme","...":""}`,
			`{"iss":"` + w.managementIssuer() + `","level":"admin_user","orgs":["acme"],"client_id":"` + w.acme.ID + `","...":""}`,
			`"organization":"<any>"`, `"user":"<any>","passwordChanged":"<ms>"`,
		},
	} {
		active := `{"active":true,"token_type":"Bearer","iss":"` + row.issuer + `","...":""}`
		token := `"access_token":"<jwt>","token_type":"bearer","expires_in":` // the library folds the type
		want := `{"issuer":"` + row.issuer + `",
			"basic":{` + token + `60,` + row.subject + `,"claims":` + row.application + `},"post":{` + token + `60,` + row.subject + `},
			"wrong":{"name":"WWWAuthenticateChallengeError","status":401},
			"login":{` + token + `86400,` + row.person + `,"claims":` + row.login + `},
			"wrongPassword":{"name":"ResponseBodyError","error":"invalid_grant","status":400},
			"tampered":{"refused":"<string>"},
			"introspected":` + active + `,"revoked":{"active":false},
			"signed":{"answer":` + active + `,"jose":` + active + `},"signedRevoked":{"answer":{"active":false},"jose":{"active":false}}}`
		environment := []string{"ISSUER=" + row.issuer, "CLIENT_ID=" + row.client.ID, "CLIENT_SECRET=" + row.client.Secret, "USERNAME=" + row.username, "PASSWORD=" + row.password}
		wantShape(t, run(t, "", environment, program, "oauth4webapi.mjs").decoded(t), want)
	}
}
