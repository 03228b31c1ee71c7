package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// site is a running server and the two ways an operator can reach it.
type site struct {
	*instance

	dir   string
	token string // the superuser's
}

const (
	siteSuperuser = "canary-superuser-41"
	siteURL       = "http://id.example.test" // the same for the server and for commands beside it, whichever port
)

func siteEnviron() []string {
	return []string{"WRIT_SUPERUSER_PASSWORD=" + siteSuperuser, "WRIT_PUBLIC_URL=" + siteURL}
}

func newSite(t *testing.T, more ...string) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.instance = serveHere(t, s.dir, siteEnviron(), more...)
	s.token = s.instance.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", siteSuperuser))
	return s
}

// way runs a command locally or remotely.
type way func(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string)

func (s *site) local(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return command(t, []string{"WRIT_PUBLIC_URL=" + siteURL, "WRIT_DATA_DIR=" + s.dir}, stdin, args...)
}

func (s *site) remote(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return command(t, []string{"WRIT_TOKEN=" + s.token}, stdin, append(args, "--url", s.url)...)
}

func (s *site) ways() map[string]way { return map[string]way{"local": s.local, "remote": s.remote} }

// succeed runs a command that must.
func (w way) succeed(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	code, stdout, stderr := w(t, stdin, args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

func command(t *testing.T, environ []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, err bytes.Buffer
	code = run(ctx, append([]string{"writ"}, args...), environ, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// story is every command but those that need an identifier nobody knows before; see TestTokens and TestRestore.
func story() []struct{ stdin, args string } {
	return []struct{ stdin, args string }{
		{"", "org create acme --owner olga@example.com --owner-username olga --generate"},
		{"", "org create rival --owner olga@example.com"},
		{"", "org list"},
		{"", "org show acme"},
		{"", "org show nowhere"},
		{"", "org create acme --owner olga@example.com"},
		{"", "app create acme/shop"},
		{"", "app create acme/shop"},
		{"", "app list acme"},
		{"", "app set acme/shop accesstokenttl=1800000 refreshtokens=true scopes=orders.read,orders.write colour=red size:={\"w\":7}"},
		{"", "app set acme/shop colour= scopes="},
		{"", "app set acme/shop accesstokenttl=soon"},
		{"", "app show acme/shop"},
		{"", "app show acme/nothing"},
		{"", "role create acme/shop clerk --title Clerk"},
		{"", "role allow acme/shop clerk get,put:/orders/* get:/prices"},
		{"", "role deny acme/shop clerk get:/prices"},
		{"", "role allow acme/shop clerk fly:/away"},
		{"", "role list acme/shop"},
		{"", "role show acme/shop clerk"},
		{"", "role show acme/shop nobody"},
		{"quiet-harbor-7\n", "user create acme/shop dana --email dana@example.com --password-stdin"},
		{"", "user create acme/shop erik"},
		{"", "user create acme/shop dana"},
		{"password1\n", "user create acme/shop fritz --password-stdin"},
		{"", "user add-role acme/shop dana clerk"},
		{"", "user show acme/shop dana@example.com"},
		{"", "user remove-role acme/shop dana clerk"},
		{"", "user add-role acme/shop dana nobody"},
		{"", "user disable acme/shop erik"},
		{"", "user list acme/shop"},
		{"", "user list acme/shop --limit 1"},
		{"", "user enable acme/shop erik"},
		{"", "user reset-password acme/shop erik --generate"},
		{"", "user revoke-tokens acme/shop dana"},
		{"", "user delete acme/shop erik --yes"},
		{"", "user show acme/shop erik"},
		{"", "user revoke-tokens acme/shop erik"},
		{"", "admin create pia@example.com --username pia --name Pia"},
		{"", "admin add-to acme pia"},
		{"", "admin list acme"},
		{"", "admin list"},
		{"", "admin show pia"},
		{"", "admin disable pia"},
		{"", "admin enable pia@example.com"},
		{"slow-river-92\n", "admin reset-password pia --password-stdin"},
		{"", "admin reset-password superuser --generate"},
		{"", "admin revoke-tokens pia"},
		{"", "admin remove-from acme pia"},
		{"", "admin remove-from rival olga"},
		{"", "admin show nobody"},
		{"", "credentials show acme"},
		{"", "credentials regenerate acme/shop --revoke-tokens"},
		{"", "credentials regenerate acme/shop --overlap 1h"},
		{"", "credentials regenerate acme/shop --overlap 1h --revoke-tokens"},
		{"", "credentials show acme/nothing"},
		{"", "token list acme/shop"},
		{"", "token list acme/shop --user nobody"},
		{"", "token revoke acme --all"},
		{"", "keys list"},
		{"", "keys rotate"},
		{"", "keys rotate --long-term --now"},
		{"", "keys list --all"},
		{"", "keys tokens nothing"},
		{"", "keys retire nothing --yes"},
		{"", "keys drop nothing"},
		{"", "role delete acme/shop clerk --yes"},
		{"", "app delete acme/shop --yes"},
		{"", "org delete rival --yes"},
		{"", "org list"},
	}
}

// One golden for both ways: what an operator sees does not depend on where he stands.
func TestTheWholeStory(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"human", "json"} {
		for _, where := range []string{"local", "remote"} {
			t.Run(format+" "+where, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				var transcript strings.Builder
				for _, step := range story() {
					args := strings.Fields(step.args)
					if format == "json" {
						args = append(args, "--json")
					}
					code, stdout, stderr := s.ways()[where](t, step.stdin, args...)
					fmt.Fprintf(&transcript, "$ writ %s\n%s%s", step.args, stdout, stderr)
					if code != exitOK {
						fmt.Fprintf(&transcript, "exit code %d\n", code)
					}
					if secret := strings.TrimSpace(step.stdin); secret != "" && strings.Contains(stdout+stderr, secret) {
						t.Errorf("%s repeats the password", step.args)
					}
				}
				golden(t, "operator-"+format+".golden", normalized(transcript.String()))
			})
		}
	}
}

// normalized replaces what differs from run to run. Columns are padded to the longest cell, so spaces are one.
func normalized(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "<uuid>"},
		{`[a-z2-7]{7}-[a-z2-7]{7}-[a-z2-7]{6}-[a-z2-7]{6}`, "<password>"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "<time>"},
		{`\b1\d{12}\b`, "<ms>"},
		{`\b(YXA6|b3U6)[\w-]{27}`, "<$1 secret>"},
		{`\b(YXA6|b3U6)[\w-]{22}`, "<$1 id>"},
		{`[\w-]{43}`, "<kid>"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, w := range s.ways() {
		w.succeed(t, "", "org", "create", name, "--owner", name+"@example.com")
		w.succeed(t, "", "app", "create", name+"/shop")
		w.succeed(t, "quiet-harbor-7", "user", "create", name+"/shop", "dana", "--password-stdin")
		login := `{"grant_type":"password","username":"dana","password":"quiet-harbor-7","ttl":%d,"label":"phone"}`
		forever := s.instance.token(t, "/"+name+"/shop/token", fmt.Sprintf(login, 0))
		short := s.instance.token(t, "/"+name+"/shop/token", fmt.Sprintf(login, 60000))

		listed := w.succeed(t, "", "token", "list", name+"/shop", "--user", "dana")
		jti := regexp.MustCompile(`(?m)^([0-9a-f-]{36}) .* phone `).FindStringSubmatch(listed)
		if jti == nil || strings.Count(listed, "\n") != 2 {
			t.Fatalf("%s: the registered token and no other is listed:\n%s", name, listed)
		}
		for _, token := range []string{forever, short} {
			if said := w.succeed(t, token, "token", "inspect"); !strings.Contains(said, "active") || !strings.Contains(said, "dana") {
				t.Errorf("%s: %s", name, said)
			}
		}
		w.succeed(t, "", "token", "revoke", name+"/shop", jti[1])
		w.succeed(t, short+"\n", "token", "revoke", "--token-stdin")
		for _, token := range []string{forever, short} {
			said := w.succeed(t, token, "token", "inspect", "--json")
			if !strings.Contains(said, `"active": false`) || !strings.Contains(said, `"reason": "revoked,`) {
				t.Errorf("%s: %s", name, said)
			}
			s.refusedSoon(t, "/"+name+"/shop/users/me", token)
		}
		if listed := w.succeed(t, "", "token", "list", name+"/shop"); !regexp.MustCompile(`\d\d:\d\d:\d\dZ +\S+ +\d{4}-\d\d-\d\dT`).MatchString(listed) {
			t.Errorf("%s: the list does not show that it is revoked:\n%s", name, listed)
		}
		if code, _, stderr := w(t, "", "token", "revoke", name+"/shop", "01a230f0-8aba-7f62-812e-df7b27ebd003"); code != 3 {
			t.Errorf("%s: an unknown token: exit code %d, %s", name, code, stderr)
		}
	}
}

// refusedSoon waits for the bound that is promised to servers beside which the database is changed.
func (s *site) refusedSoon(t *testing.T, path, token string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Second)
	for s.get(t, path, token).status != http.StatusUnauthorized {
		if time.Now().After(deadline) {
			t.Fatalf("%s still answers", path)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // a poll with a bound: another database connection has no clock of ours
	}
}

func TestARunningServerSeesLocalChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	local := way(s.local)
	local.succeed(t, "", "org", "create", "acme", "--owner", "olga@example.com")
	local.succeed(t, "", "app", "create", "acme/shop")
	local.succeed(t, "quiet-harbor-7", "user", "create", "acme/shop", "dana", "--password-stdin")
	login := func() string {
		return s.instance.token(t, "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`)
	}
	for _, args := range []string{
		"user revoke-tokens acme/shop dana",
		"user disable acme/shop dana",
	} {
		token := login()
		if a := s.get(t, "/acme/shop/users/me", token); a.status != http.StatusOK {
			t.Fatalf("before %s: %d %s", args, a.status, a.body)
		}
		local.succeed(t, "", strings.Fields(args)...)
		s.refusedSoon(t, "/acme/shop/users/me", token)
	}
	local.succeed(t, "", "user", "enable", "acme/shop", "dana")
	token := login()
	local.succeed(t, "", "app", "delete", "acme/shop", "--yes")
	deadline := time.Now().Add(2 * time.Second)
	for s.get(t, "/acme/shop/users/me", token).status != http.StatusNotFound {
		if time.Now().After(deadline) {
			t.Fatal("the deleted application still answers")
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // as above
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, w := range s.ways() {
		w.succeed(t, "", "org", "create", name, "--owner", name+"@example.com")
		deleted := w.succeed(t, "", "app", "delete", name+"/sandbox", "--yes", "--json")
		id := regexp.MustCompile(`[0-9a-f-]{36}`).FindString(deleted)
		if said := w.succeed(t, "", "app", "restore", name+"/"+id); !strings.Contains(said, "restored: application "+name+"/sandbox") {
			t.Errorf("%s: %s", name, said)
		}
		w.succeed(t, "", "app", "show", name+"/sandbox")
	}
}

func TestSuperuserResetPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	local := way(s.local)
	before := s.token
	if code, _, stderr := local(t, "password1", "superuser", "reset-password", "--password-stdin"); code != exitFailure || !strings.Contains(stderr, "error_common_policy") {
		t.Errorf("a common password: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := s.remote(t, "", "superuser", "reset-password", "--generate"); code != exitConfiguration || !strings.Contains(stderr, "beside the database") {
		t.Errorf("far away: exit code %d, %s", code, stderr)
	}
	code, _, stderr := command(t, append(siteEnviron(), "WRIT_DATA_DIR="+s.dir), "", "superuser", "reset-password", "--generate")
	if code != exitConfiguration || !strings.Contains(stderr, "superuser-password is configured") || strings.Contains(stderr, siteSuperuser) {
		t.Errorf("configured: exit code %d, %s", code, stderr)
	}
	password := resetSuperuser(t, local)
	s.refusedSoon(t, "/management/users/me", before)
	s.instance.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", password))
}

// What is done beside the database is in the audit trail too.
func TestTheAuditTrailHasTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	local := way(s.local)
	local.succeed(t, "", "org", "create", "acme", "--owner", "olga@example.com")
	local.succeed(t, "", "credentials", "show", "acme")
	token := s.instance.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", resetSuperuser(t, local)))
	trail := s.get(t, "/management/audit?limit=1000", token).body
	for _, want := range []string{"organization.create", "client.secret.reveal", "admin.password", `"command line"`} {
		if !strings.Contains(trail, want) {
			t.Errorf("%s is missing in %s", want, trail)
		}
	}
}

// resetSuperuser gives the superuser's new password.
func resetSuperuser(t *testing.T, local way) string {
	t.Helper()
	printed := local.succeed(t, "", "superuser", "reset-password", "--generate", "--json")
	password := regexp.MustCompile(`"password": "([^"]+)"`).FindStringSubmatch(printed)
	if password == nil {
		t.Fatal(printed)
	}
	return password[1]
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil)
	listen := strings.TrimPrefix(in.url, "http://")
	if code, stdout, stderr := output(t, []string{"WRIT_LISTEN=" + listen}, "healthcheck"); code != exitOK || stdout+stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	in.stop()
	if code, _, stderr := output(t, nil, "healthcheck", "--listen", listen); code != exitFailure || !strings.HasPrefix(stderr, "writ: not ready: ") {
		t.Errorf("stopped: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := output(t, nil, "healthcheck", "--listen", "127.0.0.1:0"); code != exitConfiguration || !strings.Contains(stderr, "port 0") {
		t.Errorf("port 0: exit code %d, %s", code, stderr)
	}
	if code, stdout, _ := output(t, nil, "healthcheck", "--help"); code != exitOK || stdout != healthcheckHelp {
		t.Errorf("help: exit code %d, %s", code, stdout)
	}
	for listen, want := range map[string]string{
		"0.0.0.0:1": "127.0.0.1:1", ":1": "127.0.0.1:1", "[::]:1": "[::1]:1", "10.0.0.7:1": "10.0.0.7:1", "localhost:1": "localhost:1",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("reachable(%s) = %s, want %s", listen, got, want)
		}
	}
}

// Whatever is wrong: one line, the right exit code, nothing done, and no secret on the screen.
func TestBadInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const secret = "canary-secret-99"
	for _, tc := range []struct {
		args, stdin string
		code        int
		stderr      string
	}{
		{"org", "", 2, "a command is missing"},
		{"org lst", "", 2, "unknown command"},
		{"org show", "", 2, "the arguments are ORG;"},
		{"org show acme extra", "", 2, "the arguments are ORG;"},
		{"org show management", "", 2, "reserved"},
		{"org show ../x", "", 2, "Illegal organization name"},
		{"org create acme", "", 2, "--owner must be"},
		{"org delete acme", "", 2, "needs --yes"},
		{"app show acme", "", 2, "ORG/APP"},
		{"app show management/token", "", 2, "reserved"},
		{"app show acme/shop/users", "", 2, "Illegal application name"},
		{"app restore acme/shop", "", 2, "uuid"},
		{"app set acme/shop colour", "", 2, "KEY=VALUE"},
		{"app set acme/shop n:={", "", 2, "not JSON"},
		{"app set acme/shop a=1 a=2", "", 2, "given twice"},
		{"user show acme/shop ..", "", 2, "no name of a user"},
		{"user show acme/shop a/b", "", 2, "no name of a user"},
		{"user list acme/shop --limit 0", "", 2, "--limit"},
		{"user create acme/shop dana --password " + secret, "", 2, "--password is not a flag"},
		{"user create acme/shop dana --password=" + secret, "", 2, "--password is not a flag"},
		{"user create acme/shop dana -p" + secret, "", 2, "unknown flag"},
		{"user create acme/shop dana --" + secret, "", 2, "unknown flag"},
		{"user create acme/shop dana " + secret, "", 2, "the arguments are"},
		{"user create acme/shop dana --email", "", 2, "flag needs an argument: --email"},
		{"user create acme/shop dana --json=" + secret, "", 2, "a flag is wrong"},
		{"user create acme/shop dana --generate --password-stdin", secret, 2, "only one of them"},
		{"user reset-password acme/shop dana", secret, 2, "a password is missing"},
		{"user reset-password acme/shop dana --password-stdin", "", 2, "no password on standard input"},
		{"credentials regenerate acme --overlap soon", "", 2, "--overlap must be"},
		{"token list", "", 2, "whose tokens"},
		{"token list acme --user dana", "", 2, "--user wants an application"},
		{"token revoke acme/shop", "", 2, "--all"},
		{"token revoke acme/shop a.b." + secret, "", 2, "the token itself is no argument"},
		{"token revoke --token-stdin", secret, 2, "no access token"},
		{"token inspect", secret, 2, "no access token"},
		{"token inspect " + secret, "", 2, "the arguments are"},
		{"org list --token-file x", "", 2, "belong to --url"},
		{"org list --url https://id.example.test --data-dir " + dir, "", 2, "has its own settings"},
		{"org list --url https://id.example.test", "", 2, "token for --url is missing"},
		{"org list --url https://id.example.test --token-file " + filepath.Join(dir, "absent"), "", 2, "no such file"},
		{"org list --url https://id.example.test --token-file -", "not " + secret, 2, "is none"},
		{"org list --url http://id.example.test --token-file -", secret, 2, "plain HTTP"},
		{"org list --url https://operator:" + secret + "@id.example.test", "", 2, "--url must be"},
		{"org list --url id.example.test", "", 2, "--url must be"},
		{"user reset-password acme/shop dana --password-stdin --url https://id.example.test --token-file -", secret, 2, "cannot be both"},
		{"org list --url http://127.0.0.1:1 --token-file -", secret, 1, "cannot be reached"},
		{"org list --data-dir " + dir, "", 1, "there is no database"},
		{"org list --database postgres://x:" + secret + "@y/z", "", 2, "arguments"},
	} {
		code, stdout, stderr := command(t, nil, tc.stdin, strings.Fields(tc.args)...)
		if code != tc.code || stdout != "" || !strings.HasPrefix(stderr, "writ: ") || !strings.Contains(stderr, tc.stderr) {
			t.Errorf("%s: exit code %d, want %d\nstdout %s\nstderr %s", tc.args, code, tc.code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%s: the secret is shown: %s", tc.args, stderr)
		}
		if lines := strings.Count(stderr, "\n"); lines > 1 && !strings.Contains(stderr, "in the configuration") {
			t.Errorf("%s: %d lines: %s", tc.args, lines, stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("something was made: %v, %v", entries, err)
	}
}

func TestATokenThatIsRefusedIsNotShown(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil)
	const token = "canary.token.77"
	code, _, stderr := command(t, []string{"WRIT_TOKEN=" + token}, "", "org", "list", "--url", in.url)
	if code != exitFailure || !strings.Contains(stderr, "auth_bad_access_token") || strings.Contains(stderr, token) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = command(t, nil, "", "org", "list", "--url", in.url, "--token-file", file)
	if code != exitFailure || !strings.Contains(stderr, "auth_bad_access_token") || strings.Contains(stderr, token) {
		t.Errorf("from a file: exit code %d: %s", code, stderr)
	}
}

// The page has the words of the program: the part below its last line of our own is made by -update.
func TestThePageOfCommandsIsWhatHelpSays(t *testing.T) {
	t.Parallel()
	const mark = "<!-- below: made by go test ./cmd/writ -run TestThePageOfCommands -update -->\n"
	path := filepath.Join("..", "..", "docs", "cli.md")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ours, _, found := strings.Cut(string(content), mark)
	if !found {
		t.Fatal("the mark is missing")
	}
	var made strings.Builder
	made.WriteString(ours + mark)
	p := &process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	page := func(title string, args ...string) {
		code, stdout, stderr := output(t, nil, append(args, "--help")...)
		if code != exitOK || stderr != "" || !strings.Contains(stdout, "Usage: "+title) {
			t.Errorf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
		if len(args) != 1 && !strings.Contains(stdout, "Example:\n  writ") {
			t.Errorf("%v has no example", args)
		}
		fmt.Fprintf(&made, "\n%s `%s`\n\n```text\n%s```\n", strings.Repeat("#", len(args)+1), title, stdout)
	}
	for _, group := range p.operator().Commands() {
		page("writ "+group.Name, group.Name)
		for _, one := range group.Commands {
			page("writ "+group.Name+" "+one.Name, group.Name, one.Name)
		}
	}
	page("writ healthcheck", "healthcheck")
	if *update {
		if err := os.WriteFile(path, []byte(made.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if made.String() != string(content) && !*update {
		t.Error("docs/cli.md differs from the help texts (run with -update to accept)")
	}
}
