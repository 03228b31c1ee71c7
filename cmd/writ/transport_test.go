package main

import (
	"strings"
	"testing"
)

// Passwords and tokens do not leave the machine in the clear unless somebody says so.
//
// SEC-74
func TestPlainHTTPBeyondThisMachineIsRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string // a part of the problem; empty: none
	}{
		{nil, ""},
		{[]string{"--listen=localhost:80"}, ""},
		{[]string{"--listen=[::1]:80"}, ""},
		{[]string{"--listen=127.8.9.1:80"}, ""},
		{[]string{"--listen=0.0.0.0:80"}, "listen: \"0.0.0.0:80\" can be reached from other machines"},
		{[]string{"--listen=:80"}, "can be reached from other machines"},
		{[]string{"--listen=[::]:80"}, "can be reached from other machines"},
		{[]string{"--listen=192.0.2.1:80"}, "can be reached from other machines"},
		{[]string{"--listen=id.example.com:80"}, "can be reached from other machines"},
		{[]string{"--listen=:80", "--demo"}, "can be reached from other machines"},
		{[]string{"--listen=:80", "--trusted-proxies="}, "can be reached from other machines"},
		{[]string{"--listen=:80", "--public-url=https://id.example.com"}, "can be reached from other machines"},
		{[]string{"--listen=:80", "--trusted-proxies=10.0.0.0/8"}, ""},
		{[]string{"--listen=:80", "--insecure-plain-http"}, ""},
		{[]string{"--listen=:80", "--tls-cert=c", "--tls-key=k"}, ""},
		{[]string{"--listen=:80", "--tls-cert=c"}, "tls-cert and tls-key: both or neither"},
		{[]string{"--tls-key=k"}, "tls-cert and tls-key: both or neither"},
		{[]string{"--tls-cert=c", "--tls-key=k", "--public-url=http://id.example.com"}, "public-url: \"http://id.example.com\" is not what clients use"},
		{[]string{"--tls-cert=c", "--tls-key=k", "--public-url=https://id.example.com"}, ""},
	} {
		_, err := configure(tc.args, nil, (*configuration).checkTransport)
		if tc.want == "" && err == nil {
			continue
		}
		if err == nil || tc.want == "" || !strings.HasPrefix(err.Error(), "1 problem") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", tc.args, err, tc.want)
		}
	}
	// Nothing was opened, and the exit code is that of every wrong configuration.
	code, stdout, stderr := output(t, nil, "serve", "--listen=0.0.0.0:0", "--data-dir="+t.TempDir())
	if code != exitConfiguration || stdout != "" || !strings.Contains(stderr, "insecure-plain-http=on") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	// Commands that do not listen need not say how they would.
	if _, _, stderr := output(t, nil, "org", "list", "--listen=0.0.0.0:80", "--data-dir="+t.TempDir()); strings.Contains(stderr, "plain HTTP") {
		t.Errorf("an operator's command: %s", stderr)
	}
}

// SEC-74, SEC-75
func TestTheInsecureOverrideWorksAndWarns(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil, "--listen=0.0.0.0:0", "--insecure-plain-http", "--max-connections=5")
	if n := strings.Count(in.stderr.String(), "insecure-plain-http is on"); n != 1 {
		t.Errorf("%d warnings: %s", n, in.stderr)
	}
	c := &configuration{maxConnections: 1 << 40}
	if limit, lowered := c.connectionLimit(); !lowered || limit < 1 || limit >= c.maxConnections {
		t.Errorf("limit %d of a process that may open fewer files", limit)
	}
	c.maxConnections = 1
	if limit, lowered := c.connectionLimit(); lowered || limit != 1 {
		t.Errorf("limit %d", limit)
	}
}
