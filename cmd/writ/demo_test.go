package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// demoLines are the lines to paste, as they were printed.
func demoLines(t *testing.T, stdout string) []string {
	t.Helper()
	_, lines, found := strings.Cut(stdout, "Paste these lines into bash, in this order.\n")
	if !found {
		t.Fatalf("no lines in\n%s", stdout)
	}
	lines, _, _ = strings.Cut(lines, "Writ listens on")
	var commands []string
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	return commands
}

// paste runs lines in one bash, as a reader would, and returns what each of them printed.
func paste(t *testing.T, lines []string) []string {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		_, err := exec.LookPath(tool)
		if err != nil && os.Getenv("CI") != "" {
			t.Fatalf("%s is needed", tool)
		}
		if err != nil {
			t.Skipf("SKIPPED: the demo's lines were not run, because %s is not installed", tool)
		}
	}
	const mark = "--- end of a line ---"
	script := strings.Join(lines, "\nprintf '\\n"+mark+"'\n")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // go run compiles
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	bash.Dir = filepath.Join("..", "..")
	text, err := bash.CombinedOutput()
	if err != nil {
		t.Errorf("bash: %v", err)
	}
	return strings.Split(string(text), mark)
}

// expected has a pattern for the answer of each line that the demo prints.
func expected(strict bool) []string {
	jwt := `^\s*eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+\s*$`
	expectations := []string{
		jwt, jwt, jwt, jwt,
		`"entities":\[\{.*"username":"dana"`,
		`"applicationName":"app"`,
		`"organization":\{.*"name":"demo"`,
		`"username":"demo-admin"`,
		`"entities":\[\]`,
		`"level":"application_user".*"username":"dana".*"roles":\["default","reader"\]`,
		`^\s*\{"keys":\[\{.*"alg":"ES256"`,
		`"active":true`,
		`(?s)valid: issued by http://127.0.0.1:\d+/demo/app for .*"level":"application_user"`,
		`^\s*\{\}\s*$`,
		`(?s)HTTP/1.1 401 Unauthorized.*"auth_invalid"`,
		`^\s*\{"active":false\}\s*$`,
	}
	if strict {
		expectations = append(expectations[:3], append(expectations[4:7:7], expectations[8:]...)...)
	}
	return expectations
}

func TestTheDemosLinesDoWhatTheyPromise(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"usergrid": {"--log-level=debug"}, "strict": {"--compat=strict", "--log-format=json", "--log-level=debug"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := serveHere(t, t.TempDir(), nil, append(flags, "--demo")...)
			lines, want := demoLines(t, in.stdout.String()), expected(name == "strict")
			if len(lines) != len(want) {
				t.Fatalf("%d lines, %d expectations:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
			}
			answers := paste(t, lines)
			for i, line := range lines {
				if i >= len(answers) || !regexp.MustCompile(want[i]).MatchString(answers[i]) {
					t.Errorf("%s\nprinted %q\nwant %s", line, answers[min(i, len(answers)-1)], want[i])
				}
			}
			levels := []string{"application_user", "application", "organization", "admin_user"}
			if name == "strict" {
				levels = levels[:3]
			}
			for i, level := range levels {
				if got := claimsOf(t, answers[i]); !strings.Contains(got, `"level":"`+level+`"`) {
					t.Errorf("token %d: %s", i, got)
				}
			}
			noSecrets(t, in, answers[:len(levels)]...)
		})
	}
}

func claimsOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return token
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// noSecrets looks for everything that was printed as a credential in the log. SEC-79
func noSecrets(t *testing.T, in *instance, tokens ...string) {
	t.Helper()
	secrets := tokens
	for _, line := range []string{"superuser", "admin user", "app user of demo/app", "client of organization demo", "client of demo/app", "client of demo/sandbox"} {
		secrets = append(secrets, in.printed(t, line).password)
	}
	for _, secret := range secrets {
		if secret = strings.TrimSpace(secret); len(secret) < 29 {
			t.Errorf("%q is no secret", secret)
		}
		if log := in.stderr.String(); strings.Contains(log, secret) {
			t.Errorf("%s is in the log:\n%s", secret, log)
		}
	}
}

// SEC-79
func TestSecretsOfRequestsNeverAppearInTheLog(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a9c"
	in := serveHere(t, t.TempDir(), []string{"WRIT_SUPERUSER_PASSWORD=" + canary + "-password"}, "--demo", "--log-level=debug")
	form := "application/x-www-form-urlencoded"
	for _, path := range []string{"/demo/app/token", "/management/token", "/demo/app/revoke", "/demo/app/introspect", "/demo/app/users"} {
		query := "?access_token=" + canary + "&client_id=YXA6&client_secret=" + canary + "&token=" + canary + "&password=" + canary
		request(t, http.MethodGet, in.url+path+query, "")
		request(t, http.MethodPost, in.url+path+query, fmt.Sprintf(passwordLogin, "dana", canary))
		request(t, http.MethodPost, in.url+path, fmt.Sprintf(`{"grant_type":"password","pin":%q,`, canary))
		request(t, http.MethodPost, in.url+path, "grant_type=password&username=dana&password="+canary+"&token="+canary, "Content-Type", form)
		request(t, http.MethodPost, in.url+path, "token="+canary, "Content-Type", form, "Authorization", "Bearer "+canary)
		request(t, http.MethodPost, in.url+path, "%", "Content-Type", form, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("superuser:"+canary)))
	}
	in.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", canary+"-password"))
	in.stop()
	log := in.stderr.String() + in.stdout.String()
	for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte("superuser:" + canary))} {
		if at := strings.Index(log, form); at >= 0 {
			t.Errorf("a secret is in the output: …%s…", log[max(0, at-200):min(len(log), at+100)])
		}
	}
}

func TestTheDemoIsMadeOnlyOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := serveHere(t, dir, nil, "--demo")
	superuser := first.printed(t, "superuser")
	first.stop()
	second := serveHere(t, dir, nil, "--demo")
	text := second.stdout.String()
	if strings.Contains(text, superuser.password) || !strings.Contains(text, "were printed when it was created") || !strings.Contains(text, "To start over") {
		t.Errorf("stdout: %s", text)
	}
	second.token(t, "/management/token", fmt.Sprintf(passwordLogin, superuser.name, superuser.password))
}

func TestTheDemosPasswordsObeyThePolicy(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil, "--demo", "--password-min-length=200")
	for _, line := range []string{"superuser", "admin user", "app user of demo/app"} {
		if password := in.printed(t, line).password; len(password) < 200 {
			t.Errorf("%s: %d characters", line, len(password))
		}
	}
}

func TestTheSandboxIsOpenAndTheApplicationIsNot(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil, "--demo")
	if a := in.get(t, "/demo/sandbox/users", ""); a.status != http.StatusOK {
		t.Errorf("sandbox: %d %s", a.status, a.body)
	}
	if a := in.get(t, "/demo/app/users", ""); a.status != http.StatusUnauthorized {
		t.Errorf("app: %d %s", a.status, a.body)
	}
	user := in.printed(t, "app user of demo/app")
	token := in.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
	if a := in.get(t, "/demo/app/users", token); a.status != http.StatusOK {
		t.Errorf("app, role reader: %d %s", a.status, a.body)
	}
}

func TestTheREADMEsExampleOfAVerifierRefusesForeignTokens(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join("..", "..", "examples", "verify")); err != nil {
		t.Fatal(err)
	}
	in := serveHere(t, t.TempDir(), nil, "--demo")
	org := in.printed(t, "client of organization demo")
	token := in.token(t, "/management/token", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, org.name, org.password))
	verify := exec.CommandContext(t.Context(), "go", "run", "./examples/verify", in.url+"/demo/app", token)
	verify.Dir = filepath.Join("..", "..")
	if text, err := verify.CombinedOutput(); err == nil || !strings.Contains(string(text), "verify: ") {
		t.Errorf("%v %s", err, text)
	}
}
