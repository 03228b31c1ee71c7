package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func projectFile(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// composeEnvironment reads the map "environment" of one block of docker-compose.yml, with the defaults of its variables. Names without a
// value are passed on only if they are set, and so absent here.
func composeEnvironment(t *testing.T, block string) map[string]string {
	t.Helper()
	environment, inBlock, depth := map[string]string{}, false, -1
	for line := range strings.Lines(projectFile(t, "docker-compose.yml")) {
		text := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case strings.HasPrefix(line, block+":"):
			inBlock = true
		case !inBlock:
		case indent <= len(block)-len(strings.TrimLeft(block, " ")):
			return environment
		case text == "environment:":
			depth = indent
		case depth >= 0 && indent <= depth:
			depth = -1
		case depth >= 0:
			name, value, _ := strings.Cut(text, ":")
			if value = strings.Trim(strings.TrimSpace(value), `"`); value != "" {
				environment[name] = interpolate(value)
			}
		}
	}
	return environment
}

// interpolate takes the defaults of ${NAME:-default}, which may hold another one.
func interpolate(value string) string {
	innermost := regexp.MustCompile(`\$\{[A-Z_]+:-([^${}]*)\}`)
	for innermost.MatchString(value) {
		value = innermost.ReplaceAllString(value, "$1")
	}
	return value
}

// imageEnvironment is what the image sets.
func imageEnvironment(t *testing.T) map[string]string {
	t.Helper()
	environment := map[string]string{}
	_, instruction, found := strings.Cut(projectFile(t, "Dockerfile"), "\nENV ")
	if !found {
		t.Fatal("the Dockerfile has no ENV")
	}
	for line := range strings.Lines(instruction) {
		name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), `\`)), "=")
		environment[name] = value
		if !strings.HasSuffix(strings.TrimSpace(line), `\`) {
			break
		}
	}
	return environment
}

// container is the environment of a container. here replaces what cannot be on this machine: a fixed port, a folder of the image.
func container(t *testing.T, block string, here map[string]string) (environ []string) {
	t.Helper()
	environment := imageEnvironment(t)
	maps.Copy(environment, composeEnvironment(t, block))
	for name, value := range here {
		if environment[name] == "" {
			t.Errorf("%s is not in the environment of %s", name, block)
		}
		environment[name] = value
	}
	for name, value := range environment {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// What `docker compose up` starts, without Docker: the same settings in a process of its own.
func TestTheComposeFileStartsOneServer(t *testing.T) {
	t.Parallel()
	in := startApart(t, container(t, "  writ", map[string]string{"WRIT_LISTEN": "0.0.0.0:0", "WRIT_DATA_DIR": t.TempDir()}), "serve")
	in.waitUntilListening(t)
	port := in.url[strings.LastIndexByte(in.url, ':'):]
	if code, _, stderr := output(t, []string{"WRIT_LISTEN=0.0.0.0" + port}, "healthcheck"); code != exitOK {
		t.Errorf("healthcheck: %d %s", code, stderr)
	}
	if a := request(t, "GET", "http://127.0.0.1"+port+"/.well-known/oauth-authorization-server/management", ""); !strings.Contains(a.body, `"issuer":"http://localhost:8080/management"`) {
		t.Errorf("%s", a.body)
	}
	log := in.stderr.String()
	for _, bad := range []string{"mean nothing", "ERROR"} {
		if strings.Contains(log, bad) {
			t.Errorf("log: %s", log)
		}
	}
	if !strings.Contains(log, "insecure-plain-http is on") || !strings.HasPrefix(log, "{") {
		t.Errorf("log: %s", log)
	}
	if code := in.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// The image and the compose file know only settings that exist, no default password, and a health check that is a command.
func TestTheImageAndTheComposeFileAreConsistent(t *testing.T) {
	t.Parallel()
	compose, dockerfile := projectFile(t, "docker-compose.yml"), projectFile(t, "Dockerfile")
	known := map[string]bool{"WRIT_PORT": true, "WRIT_CLUSTER_URL": true, "WRIT_CLUSTER_PORT": true} // of the compose file itself
	for _, s := range settings() {
		known[s.environment()] = true
	}
	for _, name := range regexp.MustCompile(`\bWRIT_[A-Z_]+`).FindAllString(compose+dockerfile, -1) {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	for _, want := range []string{"FROM scratch", "USER 65532:65532", `HEALTHCHECK `, `CMD ["/writ", "healthcheck"]`} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
	for _, block := range []string{"  writ", "x-replica", "  postgres"} {
		environment := composeEnvironment(t, block)
		if len(environment) == 0 {
			t.Errorf("%s has no environment", block)
		}
		for name := range environment {
			if regexp.MustCompile(`(PASSWORD|SECRET|MASTER_KEY)$`).MatchString(name) {
				t.Errorf("%s: %s has a default", block, name)
			}
		}
	}
	if proxy := composeEnvironment(t, "x-replica")["WRIT_TRUSTED_PROXIES"]; !strings.Contains(compose, "ipv4_address: "+proxy+" ") {
		t.Errorf("replicas trust %s, which is not the proxy", proxy)
	}
	if code, _, _ := output(t, nil, "healthcheck", "--help"); code != exitOK {
		t.Error("there is no healthcheck")
	}
	upstreams := regexp.MustCompile(`server (replica-\d):8080`).FindAllStringSubmatch(projectFile(t, "docs", "deploy", "nginx.conf"), -1)
	services := regexp.MustCompile(`(?m)^  (replica-\d):`).FindAllStringSubmatch(compose, -1)
	names := func(found [][]string) (all []string) {
		for _, match := range found {
			all = append(all, match[1])
		}
		return all
	}
	if !slices.Equal(names(upstreams), names(services)) || len(services) != 3 {
		t.Errorf("the proxy knows %v, there are %v", names(upstreams), names(services))
	}
}
