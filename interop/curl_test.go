package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the public documentation shows, and the answers it promises.
const (
	danaShape = `{"uuid":"<uuid>","type":"user","name":"Dana Reed","created":"<ms>","modified":"<ms>","username":"dana",
		"email":"dana@example.com","activated":true,"picture":"https://www.gravatar.com/avatar/e556d839bbda3d423c5b09096613f2d7"}`
	danaEntityShape = `{"uuid":"<uuid>","type":"user","name":"Dana Reed","created":"<ms>","modified":"<ms>","username":"dana",
		"email":"dana@example.com","activated":true,"picture":"https://www.gravatar.com/avatar/e556d839bbda3d423c5b09096613f2d7",
		"metadata":{"path":"<string>","sets":{"rolenames":"<string>","permissions":"<string>"},
			"collections":{"roles":"<string>","groups":"<string>"}}}`
	applicationsShape = `{"acme/sandbox":"<uuid>","acme/shop":"<uuid>"}`
	olgaShape         = `"applicationId":"b6768a08-b5d5-11e3-a495-11ddb1de66c8","uuid":"<uuid>","username":"olga","name":"Olga Bern",
		"email":"olga@example.com","activated":true,"confirmed":true,"disabled":false,"adminUser":true,
		"displayEmailAddress":"Olga Bern <olga@example.com>",
		"htmldisplayEmailAddress":"Olga Bern <<a href=\"mailto:olga@example.com\">olga@example.com</a>>","properties":{}`
	shopShape = `{"uuid":"<uuid>","type":"application","name":"acme/shop","created":"<ms>","modified":"<ms>","organizationName":"acme",
		"applicationName":"shop","scopes":["orders.read","orders.write"],"accesstokenttl":"<any>",
		"metadata":{"collections":{"users":"<string>","roles":"<string>","groups":"<string>"}}}`
	// envelopeShape is what every answer under an application root has beside its own members.
	envelopeShape = `"timestamp":"<ms>","duration":"<number>","application":"<uuid>","applicationName":"shop","organization":"acme","params":{}`
)

// TestCurlAsDocumented types every line of the documentation, in its order, and compares the answers.
func TestCurlAsDocumented(t *testing.T) {
	t.Parallel()
	bash := tool(t, "bash")
	tool(t, "curl")
	w := newWorld(t)
	environment := []string{"B=" + w.url, "T=" + w.userToken(t), "ADMIN=" + w.adminToken(t), "CURL_HOME=" + curlHome(t)}
	for _, row := range []struct {
		line   string
		client credentials // what the two placeholders stand for
		want   string
	}{
		{
			line: `curl -X POST $B/acme/shop/token -d '{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}'`,
			want: `{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"user":` + danaShape + `}`,
		},
		{
			line: `curl -X POST -H "Content-Type: application/json" "$B/acme/shop/token?ttl=0" -d '{"grant_type":"password","username":"dana@example.com","password":"quiet-harbor-7"}'`,
			want: `{"access_token":"<jwt>","token_type":"Bearer","expires_in":2147483647,"user":` + danaShape + `}`,
		},
		{
			line:   `curl -X POST $B/acme/shop/token -d '{"grant_type":"client_credentials","client_id":"YXA6…","client_secret":"YXA6…"}'`,
			client: w.shop,
			want:   `{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"application":"` + w.shopID + `"}`,
		},
		{
			line: `curl -X POST $B/management/token -d '{"grant_type":"password","username":"olga","password":"slow-river-92"}'`,
			want: `{"access_token":"<jwt>","token_type":"Bearer","expires_in":86400,"passwordChanged":"<ms>","user":{` + olgaShape + `,
				"organizations":{"acme":{"name":"acme","uuid":"<uuid>","properties":{},"applications":` + applicationsShape + `}}}}`,
		},
		{
			line:   `curl -X POST "$B/management/token?ttl=1800000" -d '{"grant_type":"client_credentials","client_id":"b3U6…","client_secret":"b3U6…"}'`,
			client: w.acme,
			want: `{"access_token":"<jwt>","token_type":"Bearer","expires_in":1800,"organization":{"uuid":"<uuid>","name":"acme",
				"properties":{},"passwordHistorySize":0,"applications":` + applicationsShape + `,"users":{"olga":{` + olgaShape + `}}}}`,
		},
		{
			line:   `curl "$B/acme/shop/users?client_id=YXA6…&client_secret=YXA6…"`,
			client: w.shop,
			want: `{` + envelopeShape + `,"action":"get","path":"/users","uri":"` + w.url + `/acme/shop/users","count":1,
				"entities":[` + danaEntityShape + `]}`,
		},
		{
			line: `curl -H "Authorization: Bearer $T" $B/acme/shop/users/me`,
			want: `{` + envelopeShape + `,"action":"get","path":"/users","uri":"<string>","entities":[` + danaEntityShape + `]}`,
		},
		{
			line: `curl -X PUT -H "Authorization: Bearer $ADMIN" $B/acme/shop -d '{"accesstokenttl":"1800000"}'`,
			want: `{` + envelopeShape + `,"action":"put","path":"/","uri":"` + w.url + `/acme/shop","entities":[` + shopShape + `]}`,
		},
		{
			line: `curl -X PUT "$B/acme/shop/users/dana/revoketokens?token=$T"`,
			want: `{"timestamp":"<ms>","duration":"<number>","action":"revoked user token","...":""}`,
		},
	} {
		status, answer := curl(t, bash, environment, fillIn(row.line, row.client))
		if status != "200" {
			t.Errorf("%s: status %s: %v", row.line, status, answer)
			continue
		}
		t.Log(row.line)
		wantShape(t, answer, row.want)
	}

	// What the last two lines were for: a lifetime of its own, and a dead token.
	_, answer := curl(t, bash, environment, `curl $B/acme/shop/token -d '{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}'`)
	wantShape(t, answer, `{"expires_in":1800,"...":""}`)
	status, answer := curl(t, bash, environment, `curl -H "Authorization: Bearer $T" $B/acme/shop/users/me`)
	if status != "401" {
		t.Errorf("the revoked token was answered with %s", status)
	}
	wantShape(t, answer, `{"error":"auth_invalid","error_description":"Unable to authenticate","exception":"<string>","timestamp":"<ms>","duration":"<number>"}`)
}

// fillIn puts a client's id and secret where the documentation has placeholders.
func fillIn(line string, c credentials) string {
	for _, prefix := range []string{"YXA6…", "b3U6…"} {
		line = strings.Replace(line, prefix, c.ID, 1)
		line = strings.Replace(line, prefix, c.Secret, 1)
	}
	return line
}

// curlHome holds a configuration that makes curl print the status last, so that lines need not be changed for the test.
func curlHome(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ".curlrc"), []byte("silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func curl(t *testing.T, bash string, environment []string, line string) (status string, answer any) {
	t.Helper()
	done := run(t, "", environment, bash, "-c", line)
	end := strings.LastIndex(done.stdout, "\n")
	if done.code != 0 || end < 0 {
		t.Fatalf("%s: exit code %d: %s", line, done.code, done.stderr)
	}
	if err := json.Unmarshal([]byte(done.stdout[:end]), &answer); err != nil {
		t.Fatalf("%s: %v in %s", line, err, done.stdout)
	}
	return done.stdout[end+1:], answer
}
