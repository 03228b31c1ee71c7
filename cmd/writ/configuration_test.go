package main

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/mail"
)

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustConfigure(t *testing.T, args, environ []string) *configuration {
	t.Helper()
	c, err := configure(args, environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	got := fmt.Sprintf("%+v", *mustConfigure(t, nil, nil))
	want := fmt.Sprintf("%+v", configuration{
		listen: "127.0.0.1:8080", dataDir: "./writ-data", database: "sqlite:writ-data/writ.db", superuser: "superuser",
		maxConnections: 10_000, tokenTTL: 24 * time.Hour, nonExpiring: true, algorithm: "ES256", keyRotation: 30 * 24 * time.Hour, keepSecrets: true, passwordMinLength: 8,
		auditRetention: 365 * 24 * time.Hour, logFormat: "text", logLevel: slog.LevelInfo,
	})
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// example holds three different values of one setting and reads it back.
type example struct {
	flag, environment, file string // file is in TOML notation; flag is empty for secrets
	read                    func(c *configuration) any
	want                    [3]any
}

func examples() map[string]example {
	key := func(b string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(b, 32))) }
	return map[string]example{
		"demo":       {"off", "on", "true", func(c *configuration) any { return c.demo }, [3]any{false, true, true}},
		"listen":     {"127.0.0.1:1", "127.0.0.1:2", `"[::1]:3"`, func(c *configuration) any { return c.listen }, [3]any{"127.0.0.1:1", "127.0.0.1:2", "[::1]:3"}},
		"public-url": {"https://a", "https://B:8443", `"http://c"`, func(c *configuration) any { return c.publicURL }, [3]any{"https://a", "https://b:8443", "http://c"}},
		"tls-cert":   {"a", "b", `"c"`, func(c *configuration) any { return c.tlsCert }, [3]any{"a", "b", "c"}},
		"tls-key":    {"a", "b", `"c"`, func(c *configuration) any { return c.tlsKey }, [3]any{"a", "b", "c"}},
		"trusted-proxies": {
			"10.1.2.3/8", "192.0.2.1, 2001:db8::/32", `["::1", "::ffff:192.0.2.7"]`, func(c *configuration) any { return fmt.Sprint(c.trustedProxies) },
			[3]any{"[10.0.0.0/8]", "[192.0.2.1/32 2001:db8::/32]", "[::1/128 192.0.2.7/32]"},
		},
		"insecure-plain-http":  {"on", "off", "true", func(c *configuration) any { return c.insecurePlainHTTP }, [3]any{true, false, true}},
		"max-connections":      {"1", "100", "1000000", func(c *configuration) any { return c.maxConnections }, [3]any{1, 100, 1_000_000}},
		"metrics-listen":       {":9090", "127.0.0.1:0", `"[::1]:3"`, func(c *configuration) any { return c.metricsListen }, [3]any{":9090", "127.0.0.1:0", "[::1]:3"}},
		"data-dir":             {"a", "b", `"c"`, func(c *configuration) any { return c.database }, [3]any{"sqlite:a/writ.db", "sqlite:b/writ.db", "sqlite:c/writ.db"}},
		"database":             {"sqlite:a", "sqlite:b", `"sqlite:c"`, func(c *configuration) any { return c.database }, [3]any{"sqlite:a", "sqlite:b", "sqlite:c"}},
		"database-connections": {"6", "100", "1000", func(c *configuration) any { return c.connections }, [3]any{6, 100, 1000}},
		"superuser":            {"root", "boss", `"chief"`, func(c *configuration) any { return c.superuser }, [3]any{"root", "boss", "chief"}},
		"superuser-password":   {"", "of the environment", `"of the file"`, func(c *configuration) any { return c.superuserPassword }, [3]any{"", "of the environment", "of the file"}},
		"master-key":           {"", key("e"), `"` + key("f") + `"`, func(c *configuration) any { return string(c.masterKey[:1]) }, [3]any{"", "e", "f"}},
		"master-key-file":      {"a", "b", `"c"`, func(c *configuration) any { return c.masterKeyFile }, [3]any{"a", "b", "c"}},
		"compat":               {"strict", "usergrid", `"strict"`, func(c *configuration) any { return c.strict }, [3]any{true, false, true}},
		"token-ttl":            {"1s", "90m", `"876000h"`, func(c *configuration) any { return c.tokenTTL }, [3]any{time.Second, 90 * time.Minute, longestTTL}},
		"refresh-grace":        {"5", "10", "60", func(c *configuration) any { return c.refreshGrace }, [3]any{5, 10, 60}},
		"feed-access":          {"client", "public", `"client"`, func(c *configuration) any { return c.feedForClients }, [3]any{true, false, true}},
		"nonexpiring":          {"deny", "allow", `"deny"`, func(c *configuration) any { return c.nonExpiring }, [3]any{false, true, false}},
		"alg":                  {"RS256", "PS256", `"EdDSA"`, func(c *configuration) any { return c.algorithm }, [3]any{"RS256", "PS256", "EdDSA"}},
		"ecdsa-nonce":          {"hedged", "deterministic", `"hedged"`, func(c *configuration) any { return c.hedgedECDSA }, [3]any{true, false, true}},
		"client-secrets":       {"once", "sealed", `"once"`, func(c *configuration) any { return c.keepSecrets }, [3]any{false, true, false}},
		"public-registration":  {"on", "off", "true", func(c *configuration) any { return c.publicRegistration }, [3]any{true, false, true}},
		"admin-confirmation":   {"on", "off", `"on"`, func(c *configuration) any { return c.adminConfirmation }, [3]any{true, false, true}},
		"admin-approval":       {"on", "off", "true", func(c *configuration) any { return c.adminApproval }, [3]any{true, false, true}},
		"password-min-length":  {"4", "15", "256", func(c *configuration) any { return c.passwordMinLength }, [3]any{4, 15, 256}},
		"password-common":      {"allow", "refuse", `"allow"`, func(c *configuration) any { return c.allowCommon }, [3]any{true, false, true}},
		"allowed-origins": {
			"https://a", "https://b, *", `["https://C", "http://d:81"]`, func(c *configuration) any { return strings.Join(c.allowedOrigins, " ") },
			[3]any{"https://a", "https://b *", "https://c http://d:81"},
		},
		"smtp-url": {
			"", "smtp://a", `"smtps://u:p@b"`, func(c *configuration) any { return *c.smtp },
			[3]any{nil, mail.Server{Host: "a", Port: 587}, mail.Server{Host: "b", Port: 465, Implicit: true, User: "u", Password: "p"}},
		},
		"mail-from":         {"a@x", "B <b@x>", `"c@x"`, func(c *configuration) any { return c.mailFrom }, [3]any{"a@x", "B <b@x>", "c@x"}},
		"audit-user-logins": {"on", "off", "true", func(c *configuration) any { return c.auditUserLogins }, [3]any{true, false, true}},
		"key-rotation":      {"off", "90d", `"48h"`, func(c *configuration) any { return c.keyRotation }, [3]any{time.Duration(0), 90 * 24 * time.Hour, 48 * time.Hour}},
		"audit-retention":   {"0", "90d", `"48h"`, func(c *configuration) any { return c.auditRetention }, [3]any{time.Duration(0), 90 * 24 * time.Hour, 48 * time.Hour}},

		"log-format": {"json", "text", `"json"`, func(c *configuration) any { return c.logFormat }, [3]any{"json", "text", "json"}},
		"log-level":  {"debug", "warn", `"error"`, func(c *configuration) any { return c.logLevel }, [3]any{slog.LevelDebug, slog.LevelWarn, slog.LevelError}},
	}
}

func TestEverySettingIsFlagEnvironmentAndFileInThisOrder(t *testing.T) {
	t.Parallel()
	table := examples()
	for _, s := range settings() {
		e, found := table[s.name]
		if !found && s.name != "config" {
			t.Errorf("no example for %s", s.name)
		}
		if s.name == "config" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fileLine := s.name + " = " + e.file
			switch s.name {
			case "superuser-password":
				fileLine += "\npassword-min-length = 4"
			case "tls-cert":
				fileLine += "\ntls-key = \"key\""
			case "tls-key":
				fileLine += "\ntls-cert = \"cert\""
			}
			environ := []string{"WRIT_CONFIG=" + writeFile(t, fileLine)}
			if got := e.read(mustConfigure(t, nil, environ)); got != e.want[2] {
				t.Errorf("file: got %v, want %v", got, e.want[2])
			}
			environ = append(environ, s.environment()+"="+e.environment)
			if got := e.read(mustConfigure(t, nil, environ)); got != e.want[1] {
				t.Errorf("environment over file: got %v, want %v", got, e.want[1])
			}
			if s.secret {
				return
			}
			for _, args := range [][]string{{"--" + s.name, e.flag}, {"--" + s.name + "=" + e.flag}, {"-" + s.name, e.flag}} {
				if got := e.read(mustConfigure(t, args, environ)); got != e.want[0] {
					t.Errorf("%v over environment: got %v, want %v", args, got, e.want[0])
				}
			}
		})
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	path := writeFile(t, `# comment
log-level = "loud"
colour = "red"
password-min-length = "many"
superuser-password = 7

[server]
listen = "127.0.0.1:1"
`)
	args := []string{
		"stray", "--bogus", "value", "--listen", "nowhere", "--superuser-password", "canary-in-flag", "--demo=perhaps", "--alg=HS256", "--alg=none",
		"--config", path, "--data-dir",
	}
	environ := []string{"WRIT_TOKEN_TTL=5", "WRIT_MASTER_KEY=canary-key", "WRIT_MASTER_KEY_FILE=key", "WRIT_PUBLIC_URL=https://id.example.com/"}
	_, err := configure(args, environ)
	if err == nil {
		t.Fatal("no error")
	}
	want := `17 problems in the configuration:
  unexpected argument "stray"
  --bogus: unknown flag; ` + "`writ serve --help`" + ` lists the flags
  --superuser-password: not a flag, because other users of the machine can read arguments; set WRIT_SUPERUSER_PASSWORD or write it into the configuration file
  --alg: given twice
  --data-dir: a value is missing
  writ.toml line 3: colour: unknown setting
  writ.toml line 4: password-min-length: must be an integer
  writ.toml line 5: superuser-password: must be a string
  writ.toml line 7: server: unknown setting
  --demo: "perhaps" must be on or off
  --listen: "nowhere" must be host:port, such as 127.0.0.1:8080
  WRIT_PUBLIC_URL: "https://id.example.com/" must have neither path (nor a final slash), nor user, query or fragment, such as https://id.example.com
  WRIT_MASTER_KEY: must be base64 of 32 bytes, as ` + "`openssl rand -base64 32`" + ` makes it
  WRIT_TOKEN_TTL: "5" must be a duration with its unit from 1s to 876000h, such as 30m or 24h
  --alg: "none" must be one of ES256, RS256, PS256, EdDSA
  writ.toml line 2: log-level: "loud" must be one of debug, info, warn, error
  WRIT_MASTER_KEY and WRIT_MASTER_KEY_FILE: only one of them may be set`
	if err.Error() != want {
		t.Errorf("got:\n%s\nwant:\n%s", err, want)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"listen":               {"", "8080", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", "::1:80"},
		"public-url":           {"", "id.example.com", "ftp://id.example.com", "https://", "https://u@h", "https://h/x", "https://h/", "https://h?", "https://h?q", "https://h#", "https://h:", "https://h:0", "https://h:70000", "https:h"},
		"database":             {"", "sqlite:", "writ.db", "postgres://h:x/d", "postgres://u:p@h/d", "postgresql://h/d?password=p", "postgres://h/d?sslmode=no", "sqlite::memory:", "mysql://h"},
		"data-dir":             {""},
		"database-connections": {"", "5", "1001", "many"},
		"trusted-proxies":      {"proxy", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1;10.0.0.2", "fe80::1%eth0", "10.0.0.1:80"},
		"insecure-plain-http":  {"", "yes"},
		"max-connections":      {"", "0", "-1", "1000001", "many"},
		"metrics-listen":       {"", "9090", "127.0.0.1"},
		"superuser":            {"", "me", "a:b", " a", "23eb7164-3ac5-4727-95d2-5341edc5fe85", strings.Repeat("x", 256)},
		"compat":               {"", "Strict", "loose"},
		"mail-from":            {"", "writ", "a@b, c@d", "a@b\r\nBcc: c@d"},
		"audit-user-logins":    {"", "yes"},
		"audit-retention":      {"", "-1d", "30m", "1.5d", "d", "365", "0d", "36501d", "9999999999d", "90 d"},
		"token-ttl":            {"", "0", "0s", "-1h", "999ms", "24", "1.5us", "1500us", "876001h", "1d", "9999999999h"},
		"nonexpiring":          {"", "on", "true"},
		"feed-access":          {"", "Client", "on", "none"},
		"alg":                  {"", "es256", "HS256", "none", "ES384"},
		"password-min-length":  {"", "3", "0", "-8", "257", "8.0", "0x10", "1e2"},
		"password-common":      {"", "yes"},
		"allowed-origins":      {"a", "https://a/", "https://a,", "https://a;https://b", "null", "https://*.a/x"},
		"public-registration":  {"maybe", "1", "ON"},
		"log-level":            {"", "warning", "INFO"},
		"log-format":           {"xml"},
	} {
		for _, value := range values {
			_, err := configure([]string{"--" + name + "=" + value}, nil)
			if err == nil || !strings.HasPrefix(err.Error(), "1 problem in the configuration:\n  --"+name+": ") {
				t.Errorf("--%s=%q: %v", name, value, err)
			}
		}
	}
}

func TestEmptyVariablesCountAsAbsent(t *testing.T) {
	t.Parallel()
	var environ []string
	for _, s := range settings() {
		environ = append(environ, s.environment()+"=")
	}
	if got, want := fmt.Sprintf("%+v", *mustConfigure(t, nil, environ)), fmt.Sprintf("%+v", *mustConfigure(t, nil, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnknownVariablesAreWarnedAbout(t *testing.T) {
	t.Parallel()
	c := mustConfigure(t, nil, []string{"WRIT_LISTN=127.0.0.1:1", "WRIT_ALGO=canary", "PATH=/bin"})
	if want := []string{"WRIT_ALGO", "WRIT_LISTN"}; !slices.Equal(c.unknownVariables, want) {
		t.Errorf("got %v, want %v", c.unknownVariables, want)
	}
	if warnings := strings.Join(c.warnings(), "\n"); !strings.Contains(warnings, "WRIT_ALGO, WRIT_LISTN") || strings.Contains(warnings, "canary") {
		t.Errorf("warnings: %s", warnings)
	}
}

func TestAToggleAloneMeansOn(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--demo"}, {"--demo", "--listen=:0"}, {"--demo", "on"}, {"--demo=true"}, {"--listen", ":0", "-demo"}} {
		if c := mustConfigure(t, args, nil); !c.demo {
			t.Errorf("%v: demo is off", args)
		}
	}
	if c := mustConfigure(t, []string{"--demo", "off"}, nil); c.demo {
		t.Error("--demo off: demo is on")
	}
}

func TestDemoTurnsPublicRegistrationOnUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	if !mustConfigure(t, []string{"--demo"}, nil).publicRegistration {
		t.Error("off under --demo")
	}
	if mustConfigure(t, []string{"--demo"}, []string{"WRIT_PUBLIC_REGISTRATION=off"}).publicRegistration {
		t.Error("on against the word of the operator")
	}
}

// SEC-30
func TestAConfiguredSuperuserPasswordObeysThePolicy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		password string
		args     []string
		right    bool
	}{
		{"seven77", nil, false},
		{"password", nil, false},
		{"password", []string{"--password-common=allow"}, true},
		{"f0ur", []string{"--password-min-length=4"}, true},
		{"a-long-and-rare-one", []string{"--password-min-length=20"}, false},
		{strings.Repeat("x", 257), nil, false},
	} {
		_, err := configure(tc.args, []string{"WRIT_SUPERUSER_PASSWORD=" + tc.password})
		if (err == nil) != tc.right {
			t.Errorf("%q %v: %v", tc.password, tc.args, err)
		}
		if err != nil && strings.Contains(strings.TrimPrefix(err.Error(), "1 problem in the configuration:\n  WRIT_SUPERUSER_PASSWORD: "), tc.password) &&
			tc.password != "password" {
			t.Errorf("the problem repeats the password: %v", err)
		}
	}
}

func TestTheDemoAdminsNameIsNotTheSuperusers(t *testing.T) {
	t.Parallel()
	if _, err := configure([]string{"--demo", "--superuser=Demo-Admin"}, nil); err == nil {
		t.Error("accepted")
	}
}

func TestAFileThatCannotBeUsedIsAProblem(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, want string }{
		{filepath.Join(t.TempDir(), "absent.toml"), "no such file"},
		{writeFile(t, "superuser-password = canary-unquoted"), "writ.toml line 1: not valid TOML"},
		{writeFile(t, "alg = \"ES256\"\nalg = \"RS256\""), "writ.toml line 2: not valid TOML"},
		{writeFile(t, `config = "other.toml"`), "writ.toml line 1: config: not a setting of the file"},
		{writeFile(t, `allowed-origins = [1]`), "writ.toml line 1: allowed-origins: must be an array of strings"},
		{writeFile(t, `demo = 1`), `writ.toml line 1: demo: must be true, false, "on" or "off"`},
	} {
		_, err := configure([]string{"--config", tc.path}, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", tc.want, err)
		}
	}
}

func TestEachInsecureChoiceHasOneWarning(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string // start of the sentence; empty: none
	}{
		{nil, ""},
		{[]string{"--compat=usergrid", "--listen=localhost:80"}, ""},
		{[]string{"--public-registration"}, "public-registration is on"},
		{[]string{"--demo", "--public-registration=off"}, "demo is on"},
		{[]string{"--insecure-plain-http"}, ""},
		{[]string{"--insecure-plain-http", "--listen=0.0.0.0:80"}, "insecure-plain-http is on"},
		{[]string{"--insecure-plain-http", "--listen=:80"}, "insecure-plain-http is on"},
		{[]string{"--insecure-plain-http", "--listen=:80", "--tls-cert=c", "--tls-key=k"}, ""},
		{[]string{"--listen=:80", "--trusted-proxies=10.0.0.1"}, ""},
		{[]string{"--public-url=https://id.example.com", "--trusted-proxies=10.0.0.1"}, ""},
		{[]string{"--public-url=https://id.example.com", "--tls-cert=c", "--tls-key=k"}, ""},
		{[]string{"--public-url=http://id.example.com"}, "public-url is plain HTTP"},
		{[]string{"--public-url=https://id.example.com"}, "public-url is https, but Writ speaks plain HTTP"},
		{[]string{"--public-url=http://[::1]:80"}, ""},
		{[]string{"--password-common=allow"}, "password-common=allow"},
		{[]string{"--password-min-length=4"}, "password-min-length is below 8"},
		{[]string{"--allowed-origins=*"}, "allowed-origins has *"},
	} {
		got := mustConfigure(t, tc.args, nil).warnings()
		if tc.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || tc.want == "" || !strings.HasPrefix(got[0], tc.want) {
			t.Errorf("%v: got %q, want %q", tc.args, got, tc.want)
		}
	}
}
