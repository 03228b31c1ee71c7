package interop

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNginx changes the three lines that the example says to change, and runs nginx in the foreground until the test ends.
func startNginx(t *testing.T, program, issuer, behind string) *service {
	t.Helper()
	content, err := os.ReadFile("../examples/nginx/nginx.conf")
	must(t, err)
	address, configuration := freeAddress(t), string(content)
	for old, changed := range map[string]string{
		"listen 127.0.0.1:9080;": "listen " + address + ";", "http://127.0.0.1:9000;": behind + ";", "http://127.0.0.1:8080/demo/app/": issuer + "/",
	} {
		if strings.Count(configuration, old) != 1 {
			t.Fatalf("nginx.conf has not %q once", old)
		}
		configuration = strings.Replace(configuration, old, changed, 1)
	}
	// The workers of a root's nginx are somebody else, who must get at the temporary files.
	folder, err := os.MkdirTemp("", "writ-nginx-") //nolint:usetesting // a folder of t.TempDir is in one that nobody else may enter
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(folder)) })
	must(t, os.Chmod(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(configuration), 0o644)) //nolint:gosec // a folder of this test's own

	said := newTranscript()
	process := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-p", folder, "-e", "stderr", "-c", filepath.Join(folder, "nginx.conf"), "-g", "daemon off;")
	process.Stderr = said
	must(t, process.Start())
	t.Cleanup(func() { end(t, process, said) })
	awaitListener(t, address, said)
	return newService(t, "http://"+address)
}

// freeAddress was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer free.Close() //nolint:errcheck // nobody has connected
	return free.Addr().String()
}

func awaitListener(t *testing.T, address string, said *transcript) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; <-time.After(10 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nothing listens on %s: %s", address, said)
}
