package main

import (
	"fmt"
	"strings"
	"testing"
)

// What is collected is written before the program ends, and what was recorded is there after the next start. SEC-80
func TestTheAuditTrailSurvivesAStop(t *testing.T) {
	t.Parallel()
	const password, wrong = "canary-right-41", "canary-wrong-42"
	dir, environ := t.TempDir(), []string{"WRIT_SUPERUSER_PASSWORD=" + password}
	first := serveHere(t, dir, environ)
	first.post(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", wrong))
	if code := first.stop(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	second := serveHere(t, dir, environ)
	token := second.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", password))
	a := second.get(t, "/management/audit?limit=100", token)
	for _, part := range []string{`"action":"login.failed"`, `"action":"key.create"`, `"action":"admin.create"`, `"level":"system"`, `"source":"127.0.0.1"`} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s is missing: %s", part, a.body)
		}
	}
	if a := second.get(t, "/management/audit/chain", token); !strings.Contains(a.body, `"intact":true`) {
		t.Error(a.body)
	}
	if strings.Contains(a.body, "canary") {
		t.Errorf("a password is in the trail: %s", a.body)
	}
}
