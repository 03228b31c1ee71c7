package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSIGTERMFinishesWhatIsInFlightAndExitsZero(t *testing.T) {
	t.Parallel()
	in := serveApart(t, t.TempDir(), "--demo")
	app := in.printed(t, "client of demo/app")
	body := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, app.name, app.password)

	connection := dial(t, in.url)
	// RFC 9110 §10.1.1: the 100 says that a handler waits for the body, so the request is in flight.
	if _, err := fmt.Fprintf(connection, "POST /demo/app/token HTTP/1.1\r\nHost: writ\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := in.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitUntilRefused(t, in.url)
	if _, err := io.WriteString(connection, body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), "access_token") {
		t.Errorf("in flight: %d %s %v", response.StatusCode, text, err)
	}
	select {
	case <-in.exited:
	case <-time.After(patience):
		t.Fatal("still running")
	}
	if code := in.command.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, in.stderr)
	}
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() }) //nolint:errcheck,gosec // a test's connection
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return connection
}

func waitUntilRefused(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return
		}
		connection.Close() //nolint:errcheck,gosec // only a probe
	}
	t.Fatal("new connections are still accepted")
}

// TestAnAcknowledgedRevocationSurvivesSuddenDeath kills Writ directly after it acknowledged a revocation, over and over on the
// same database: of one token and, in every second round, of all tokens of the user.
// SEC-61, SEC-62
func TestAnAcknowledgedRevocationSurvivesSuddenDeath(t *testing.T) {
	t.Parallel()
	rounds := 50
	if testing.Short() {
		rounds = 6
	}
	dir := t.TempDir()
	in := serveApart(t, dir, "--demo", "--public-url=http://127.0.0.1")
	user, app := in.printed(t, "app user of demo/app"), in.printed(t, "client of demo/app")
	userLogin := fmt.Sprintf(passwordLogin, user.name, user.password)
	clientLogin := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, app.name, app.password)
	var refused []string
	for round := range rounds {
		token, other := in.token(t, "/demo/app/token", userLogin), in.token(t, "/demo/app/token", userLogin)
		alive := in.token(t, "/demo/app/token", clientLogin)
		if a := in.get(t, "/demo/app/users/me", token); a.status != http.StatusOK {
			t.Fatalf("round %d: fresh token: %d %s", round, a.status, a.body)
		}
		refused = append(refused, token)
		everything := round%2 == 1
		if everything {
			refused = append(refused, other)
		}
		acknowledged := revoke(t, in, token, everything, user.name, alive)
		in.kill()
		if acknowledged.status != http.StatusOK {
			t.Fatalf("round %d: revocation: %d %s", round, acknowledged.status, acknowledged.body)
		}
		in = serveApart(t, dir, "--public-url=http://127.0.0.1")
		if a := in.get(t, "/demo/app/users/me", token); a.status != http.StatusUnauthorized || !strings.Contains(a.body, `"auth_invalid"`) {
			t.Fatalf("round %d: revoked token: %d %s", round, a.status, a.body)
		}
		if a := in.get(t, "/demo/app/users/me", other); (a.status == http.StatusOK) == everything {
			t.Fatalf("round %d: the user's other token, all revoked %v: %d %s", round, everything, a.status, a.body)
		}
		if a := in.get(t, "/demo/app", alive); a.status != http.StatusOK {
			t.Fatalf("round %d: token that nobody revoked: %d %s", round, a.status, a.body)
		}
	}
	for i, token := range refused {
		if a := in.get(t, "/demo/app/users/me", token); a.status != http.StatusUnauthorized {
			t.Errorf("token %d lives again: %d %s", i, a.status, a.body)
		}
	}
}

func revoke(t *testing.T, in *instance, token string, everything bool, user, client string) answer {
	t.Helper()
	if everything {
		return request(t, http.MethodPost, in.url+"/demo/app/users/"+user+"/revoketokens", "", "Authorization", "Bearer "+client)
	}
	return request(t, http.MethodPost, in.url+"/demo/app/revoke", "token="+token, "Content-Type", "application/x-www-form-urlencoded")
}
