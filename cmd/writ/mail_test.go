package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/writ-auth/writ/mail/mailtest"
)

// linkInLog is where --demo shows a link.
func linkInLog() *regexp.Regexp { return regexp.MustCompile(`link="?(http\S+?token=[A-Za-z0-9_-]+)`) }

// askForReset asks as the demo's user, and for somebody whom nobody knows.
func (in *instance) askForReset(t *testing.T) {
	t.Helper()
	for _, address := range []string{"nobody@example.com", "dana@example.com"} {
		if a := in.post(t, "/demo/app/users/resetpw", `{"email":"`+address+`"}`); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", address, a.status, a.body)
		}
	}
}

func TestMailsAreSentAndTheirLinksWork(t *testing.T) { // SEC-32
	t.Parallel()
	smtp := mailtest.New(t, mailtest.Options{User: "writ", Password: "canary-smtp-password"})
	environ := []string{"WRIT_SMTP_URL=smtp://writ:canary-smtp-password@" + smtp.Addr, "WRIT_MAIL_FROM=Login <login@id.example.com>"}
	in := serveHere(t, t.TempDir(), environ, "--demo")
	in.askForReset(t)
	m := smtp.Next(t)
	if m.From != "login@id.example.com" || m.To[0] != "dana@example.com" || m.Subject != "Set a new password for demo/app" {
		t.Errorf("%s to %v: %s", m.From, m.To, m.Subject)
	}
	path := strings.TrimPrefix(m.Link(t), in.url)
	if page := in.get(t, path, ""); page.status != http.StatusOK || !strings.Contains(page.body, "password1") {
		t.Errorf("%d %s", page.status, page.body)
	}
	path, token, _ := strings.Cut(path, "?token=")
	if a := in.post(t, path, `{"token":"`+token+`","newpassword":"broad-meadow-31"}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	in.token(t, "/demo/app/token", `{"grant_type":"password","username":"dana","password":"broad-meadow-31"}`)
	in.stop()
	for _, output := range []string{in.stdout.String(), in.stderr.String()} {
		if strings.Contains(output, token) || strings.Contains(output, "canary") {
			t.Errorf("a secret is shown:\n%s", output)
		}
	}
}

func TestLinksAreLoggedOnlyByTheDemo(t *testing.T) { // SEC-79
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil, "--demo")
	in.askForReset(t)
	link, found := in.stderr.await(linkInLog(), in.exited)
	if !found || !strings.HasPrefix(link, in.url+"/demo/app/users/") {
		t.Fatalf("%q\n%s", link, in.stderr)
	}
	if !strings.Contains(in.stderr.String(), "links of mails are logged") {
		t.Error("there is no warning")
	}

	// The same database, not as a demonstration.
	dir := t.TempDir()
	serveHere(t, dir, nil, "--demo").stop()
	plain := serveHere(t, dir, nil)
	plain.askForReset(t)
	plain.stop()
	if text := plain.stderr.String(); strings.Contains(text, "token=") || strings.Count(text, "mails are dropped") != 1 {
		t.Errorf("log:\n%s", text)
	}
}

func TestSenderFollowsThePublicURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://id.example.com": "Writ <writ@id.example.com>", "http://127.0.0.1:8080": "Writ <writ@localhost>",
		"https://[::1]:8443": "Writ <writ@localhost>", "http://localhost:8080": "Writ <writ@localhost>",
	} {
		if got := defaultSender(url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}
