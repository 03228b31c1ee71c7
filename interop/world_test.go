package interop

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	userPassword  = "quiet-harbor-7"
	adminPassword = "slow-river-92"
)

// credentials of a client.
type credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// world is a running Writ with organization acme, its admin olga, its application shop with the scopes orders.read and
// orders.write, and there the user dana, who has the role clerk and is in the group staff/north.
type world struct {
	url        string
	client     *http.Client
	root       string // Authorization of the superuser
	acme, shop credentials
	shopID     string // uuid of the application
}

// newWorld starts Writ and sets it up over HTTP.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{url: start(t, flags...), client: &http.Client{Timeout: patience}}
	t.Cleanup(w.client.CloseIdleConnections)
	w.root = "Basic " + base64.StdEncoding.EncodeToString([]byte(superuser+":"+superuserPassword))
	if !slices.Contains(flags, "--compat=strict") { // which has no logins of admins; a token spares hashing the password each time
		w.root = "Bearer " + w.rootToken(t)
	}
	w.setUp(t)
	return w
}

// rootToken logs the superuser in, which a machine that is too busy to compare his password in time may refuse at first.
func (w *world) rootToken(t *testing.T) string {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {superuser}, "password": {superuserPassword}}
	for began := time.Now(); ; {
		status, answer := w.do(t, "POST", "/management/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if status == http.StatusOK {
			return text(answer, "access_token")
		}
		if status != http.StatusServiceUnavailable || time.Since(began) > patience {
			t.Fatalf("the superuser's token: %d %v", status, answer)
		}
	}
}

// setUp makes what a world has.
func (w *world) setUp(t *testing.T) {
	t.Helper()
	w.set(t, "POST", "/management/orgs",
		`{"organization":"acme","username":"olga","email":"olga@example.com","name":"Olga Bern","password":"`+adminPassword+`"}`)
	made := w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"shop"}`)
	w.shopID = text(made, "entities", 0, "uuid")
	w.set(t, "PUT", "/acme/shop", `{"scopes":["orders.read","orders.write"]}`)
	w.acme = w.credentials(t, "/management/orgs/acme/credentials")
	w.shop = w.credentials(t, "/management/orgs/acme/apps/shop/credentials")
	w.addUser(t, "dana", "Dana Reed")
	w.set(t, "POST", "/acme/shop/roles", `{"name":"clerk","title":"Clerk"}`)
	w.set(t, "POST", "/acme/shop/roles/clerk/users/dana", ``)
	w.set(t, "POST", "/acme/shop/groups", `{"path":"staff/north"}`)
	w.set(t, "POST", "/acme/shop/groups/staff/north/users/dana", ``)
}

// addUser makes a user of shop with the password of all users.
func (w *world) addUser(t *testing.T, username, name string) {
	t.Helper()
	w.set(t, "POST", "/acme/shop/users",
		`{"username":"`+username+`","email":"`+username+`@example.com","name":"`+name+`","password":"`+userPassword+`"}`)
}

func (w *world) issuer() string           { return w.url + "/acme/shop" }
func (w *world) managementIssuer() string { return w.url + "/management" }

// set makes a request as the superuser that must succeed.
func (w *world) set(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	status, answer := w.do(t, method, path, body, "Authorization", w.root)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

func (w *world) credentials(t *testing.T, path string) credentials {
	t.Helper()
	answer := w.set(t, "GET", path, "")
	return credentials{text(answer, "credentials", "client_id"), text(answer, "credentials", "client_secret")}
}

// token asks the token endpoint of an issuer, given by its path.
func (w *world) token(t *testing.T, issuer string, form url.Values) string {
	t.Helper()
	status, answer := w.do(t, "POST", issuer+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if status != http.StatusOK {
		t.Fatalf("token at %s: %d %v", issuer, status, answer)
	}
	return text(answer, "access_token")
}

// userToken logs dana in.
func (w *world) userToken(t *testing.T) string {
	t.Helper()
	return w.token(t, "/acme/shop", url.Values{"grant_type": {"password"}, "username": {"dana"}, "password": {userPassword}})
}

// adminToken logs olga in.
func (w *world) adminToken(t *testing.T) string {
	t.Helper()
	return w.token(t, "/management", url.Values{"grant_type": {"password"}, "username": {"olga"}, "password": {adminPassword}})
}

// clientToken authenticates a client; more are further parameters and their values.
func (w *world) clientToken(t *testing.T, issuer string, c credentials, more ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return w.token(t, issuer, form)
}

// do makes a request; header is names and values. An answer that is not JSON fails the test.
func (w *world) do(t *testing.T, method, path, body string, header ...string) (status int, answer map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		t.Fatalf("%s %s: %d: %v in %q", method, path, response.StatusCode, err, content)
	}
	return response.StatusCode, answer
}

// text follows member names and indexes to a string; it is empty when there is none.
func text(value any, path ...any) string {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			array, _ := value.([]any)
			if step >= len(array) {
				return ""
			}
			value = array[step]
		}
	}
	found, _ := value.(string)
	return found
}
