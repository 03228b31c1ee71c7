package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// typist is a terminal with somebody in front of it.
type typist struct {
	answers []string
	prompts []string
}

func (y *typist) Password(ctx context.Context, prompt string) (string, error) {
	return y.Line(ctx, prompt)
}

func (y *typist) Line(_ context.Context, prompt string) (string, error) {
	y.prompts = append(y.prompts, prompt)
	if len(y.answers) == 0 {
		return "", io.EOF
	}
	answer := y.answers[0]
	y.answers = y.answers[1:]
	return answer, nil
}

// far is a server of which only the answers are known.
func far(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func do(t *testing.T, terminal Terminal, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	p := &Program{Token: "a.b.c", Stdin: strings.NewReader(""), Stdout: &out, Terminal: terminal, Local: nil}
	for _, group := range p.Commands() {
		if group.Name == args[0] {
			err = group.Run(t.Context(), args)
			return out.String(), err
		}
	}
	t.Fatalf("no command %s", args[0])
	return "", nil
}

func codeOf(err error) int {
	if failure, is := errors.AsType[*Failure](err); is {
		return failure.Code
	}
	return 0
}

func TestAPasswordIsAskedForTwice(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answers []string
		code    int
		message string
	}{
		{[]string{"quiet-harbor-7", "quiet-harbor-7"}, 0, ""},
		{[]string{"quiet-harbor-7", "quiet-harbor-8"}, ExitUsage, "differ"},
		{[]string{""}, ExitUsage, "empty"},
	} {
		var sent string
		url := far(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			sent = r.Method + " " + r.URL.Path + " " + string(body)
			fmt.Fprint(w, `{}`)
		})
		y := &typist{answers: tc.answers}
		stdout, err := do(t, y, "user", "reset-password", "acme/shop", "dana", "--url", url)
		if codeOf(err) != tc.code || tc.code != 0 && !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%q: %v", tc.answers, err)
		}
		if want := `PUT /acme/shop/users/dana/password {"newpassword":"quiet-harbor-7"}`; tc.code == 0 && sent != want {
			t.Errorf("sent %s", sent)
		} else if tc.code != 0 && sent != "" {
			t.Errorf("%q: sent %s", tc.answers, sent)
		}
		if strings.Contains(stdout, "quiet-harbor") {
			t.Errorf("the password is printed: %s", stdout)
		}
	}
}

func TestDeletingWantsTheNameTyped(t *testing.T) {
	t.Parallel()
	for typed, deleted := range map[string]bool{"acme/shop": true, "acme": false, "": false, "y": false} {
		asked := false
		url := far(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method == http.MethodDelete && r.URL.Query().Get("confirm_application_identifier") == "shop"
			fmt.Fprint(w, `{"application":"2a438f2a-3172-4442-bbce-14ab261db1d4"}`)
		})
		y := &typist{answers: []string{typed}}
		_, err := do(t, y, "app", "delete", "acme/shop", "--url", url)
		if asked != deleted || (err == nil) != deleted || !slices.Equal(y.prompts, []string{"Type acme/shop to delete it: "}) {
			t.Errorf("%q typed: asked the server %v, %v, prompts %q", typed, asked, err, y.prompts)
		}
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := far(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked, with %s", r.URL, r.Header.Get("Authorization"))
	})
	url := far(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer a.b.c" {
			t.Errorf("Authorization is %q", got)
		}
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	_, err := do(t, nil, "org", "list", "--url", url)
	if codeOf(err) != ExitFailure || !strings.Contains(err.Error(), "does not answer as Writ does (HTTP status 307)") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoWritIsToldApart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status  int
		body    string
		code    int
		message string
	}{
		{200, "<html>", ExitFailure, "does not answer as Writ does"},
		{404, "<html>", ExitFailure, "does not answer as Writ does (HTTP status 404)"},
		{502, "", ExitFailure, "does not answer as Writ does (HTTP status 502)"},
		{404, `{"error":"not_found","error_description":"There is nothing at this path"}`, ExitFailure, "another version"},
		{405, `{"error":"not_allowed","error_description":"x"}`, ExitFailure, "another version"},
		{404, `{"error":"organization_not_found","error_description":"Could not find organization for name: acme"}`, ExitNotFound, "name: acme"},
		{401, `{"error":"unauthorized","error_description":"No system access authorized"}`, ExitFailure, "No system access authorized (unauthorized)"},
		{503, `{"error":"temporarily_unavailable"}`, ExitFailure, "temporarily_unavailable"},
		{400, `{"error":"e\u001b[31m","error_description":"red\u001b[31m"}`, ExitFailure, "red?[31m"},
	} {
		url := far(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			fmt.Fprint(w, tc.body)
		})
		_, err := do(t, nil, "org", "show", "acme", "--url", url)
		if err == nil || codeOf(err) != tc.code || !strings.Contains(err.Error(), tc.message) || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%d %s: exit code %d, %v", tc.status, tc.body, codeOf(err), err)
		}
	}
}

// Names are foreign text: a terminal must not obey them.
func TestTablesHaveNoEscapeSequences(t *testing.T) {
	t.Parallel()
	url := far(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			fmt.Fprint(w, `{"entities":[{"username":"a\u001b]0;x\u0007\tb","email":"l1\nl2","uuid":"1","created":1795000000000}],"cursor":"next"}`)
			return
		}
		fmt.Fprint(w, `{"entities":[{"username":"c","disabled":true,"uuid":"2","created":1795000000000}]}`)
	})
	stdout, err := do(t, nil, "user", "list", "acme/shop", "--url", url)
	const want = "USERNAME    EMAIL  STATE     CREATED               UUID\n" +
		"a?]0;x??b   l1?l2  active    2026-11-18T11:06:40Z  1\n" +
		"c           -      disabled  2026-11-18T11:06:40Z  2\n"
	if err != nil || strings.Join(strings.Fields(stdout), " ") != strings.Join(strings.Fields(want), " ") || strings.Count(stdout, "\n") != 3 {
		t.Errorf("%v\n%s", err, stdout)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://id.example.com": "https://id.example.com", "https://id.example.com/": "https://id.example.com",
		"http://localhost:8080": "http://localhost:8080", "http://127.0.0.1:1": "http://127.0.0.1:1", "http://[::1]:1": "http://[::1]:1",
		"http://id.example.com": "", "https://": "", "id.example.com": "", "https://u:p@h": "", "https://h/x": "", "https://h?q": "", "ftp://h": "",
	} {
		if got, err := baseURL(given, false); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", given, got, err)
		}
	}
	if got, err := baseURL("http://id.example.com", true); got != "http://id.example.com" || err != nil {
		t.Errorf("insisted: %q, %v", got, err)
	}
}

func TestHelpStandsAnywhere(t *testing.T) {
	t.Parallel()
	for args, beginning := range map[string]string{
		"user --help":                        "writ user - ",
		"user nonsense --help":               "writ user - ",
		"--help user":                        "",
		"user create --help":                 "writ user create - ",
		"user create acme/shop dana -h":      "writ user create - ",
		"user create acme/shop dana --email": "",
		"serve --help":                       "",
		"--help":                             "",
	} {
		if got := Help(strings.Fields(args)); beginning == "" && got != "" || !strings.HasPrefix(got, beginning) {
			t.Errorf("%s: %q", args, got)
		}
	}
}

func TestEndingAKeyNamesWhatDiesAndWantsItsBeginningTyped(t *testing.T) {
	t.Parallel()
	const kid = "zeKQmZlKK0cqRsYdlRjUzi2Q-lVVifjABkfCyV6AeHs"
	for typed, ended := range map[string]bool{kid[:8]: true, kid[:7]: false, "": false, "yes": false} {
		for _, verb := range []string{"retire", "drop"} {
			asked := ""
			url := far(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method != http.MethodGet:
					asked = r.Method + " " + r.URL.Path
					fmt.Fprint(w, `{"action":"done","data":{"kid":"`+kid+`","tokens":21}}`)
				case strings.HasSuffix(r.URL.Path, "/tokens"):
					tokens := strings.Repeat(`{"jti":"t","label":"pos terminal","issued":1795000000000},`, 21)
					fmt.Fprint(w, `{"data":[`+strings.TrimSuffix(tokens, ",")+`]}`)
				default:
					fmt.Fprint(w, `{"data":[{"kid":"`+kid+`","purpose":"nonexpiring","state":"retiring"},{"kid":"zeKother","state":"signing"}]}`)
				}
			})
			y := &typist{answers: []string{typed}}
			stdout, err := do(t, y, "keys", verb, "zeKQ", "--url", url)
			want := map[string]string{"retire": "POST /management/keys/" + kid + "/retire", "drop": "DELETE /management/keys/" + kid}[verb]
			if (asked == want) != ended || (err == nil) != ended || ended != strings.Contains(stdout, "registered tokens revoked: 21") {
				t.Errorf("%s, %q typed: asked the server %q, %v, %s", verb, typed, asked, err, stdout)
			}
			if len(y.prompts) != 1 || strings.Count(y.prompts[0], "pos terminal") != 20 || !strings.Contains(y.prompts[0], "and 1 more") {
				t.Errorf("%s: prompts %q", verb, y.prompts)
			}
			if _, err := do(t, nil, "keys", verb, "zeKQ", "--url", url); codeOf(err) != ExitUsage {
				t.Errorf("%s: nobody to ask: %v", verb, err)
			}
			if _, err := do(t, y, "keys", verb, "zeK", "--url", url); codeOf(err) != ExitUsage {
				t.Errorf("%s: two keys: %v", verb, err)
			}
		}
	}
}
