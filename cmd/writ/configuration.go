package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-auth/writ/mail"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// configuration is every setting, parsed and checked.
type configuration struct {
	demo               bool
	listen             string
	publicURL          string // empty: from the address listened on
	tlsCert, tlsKey    string // empty: plain HTTP
	trustedProxies     []netip.Prefix
	insecurePlainHTTP  bool
	maxConnections     int
	metricsListen      string // empty: /metrics of listen
	dataDir            string
	database           string
	connections        int // 0: the store's default
	superuser          string
	superuserPassword  string // empty: generated at the first start
	masterKey          []byte // nil: from masterKeyFile
	masterKeyFile      string // empty: master.key in dataDir, made when absent
	strict             bool
	tokenTTL           time.Duration
	nonExpiring        bool
	algorithm          string
	keyRotation        time.Duration // 0: never by itself
	hedgedECDSA        bool
	keepSecrets        bool
	publicRegistration bool
	adminConfirmation  bool
	adminApproval      bool
	passwordMinLength  int
	refreshGrace       int
	allowCommon        bool
	allowedOrigins     []string
	smtp               *mail.Server // nil: none
	mailFrom           string       // empty: from publicURL
	auditUserLogins    bool
	feedForClients     bool
	auditRetention     time.Duration // 0: for ever
	logFormat          string
	logLevel           slog.Level
	unknownVariables   []string // names of WRIT_ variables that mean nothing
}

// configure reads flags, environment and file, in this order of precedence, and checks everything before anything opens; checks are those
// of one command. The error is a *configurationError that lists every problem.
func configure(args, environ []string, checks ...func(*configuration) []string) (*configuration, error) {
	table := settings()
	flags, problems := readFlags(args, table)
	environment, unknown := readEnvironment(environ, table)
	var file map[string]given
	if path, named := first("config", flags, environment); named {
		var more []string
		file, more = readFile(path.value, table)
		problems = append(problems, more...)
	}
	c := &configuration{unknownVariables: unknown}
	set := map[string]given{}
	for _, s := range table {
		v, found := first(s.name, flags, environment, file)
		if found {
			set[s.name] = v
		} else if v.value = s.fallback; v.value == "" {
			continue
		}
		if err := s.parse(c, v.value); err != nil {
			problems = append(problems, describe(s, v, err))
		}
	}
	problems = append(problems, c.complete(set)...)
	for _, check := range checks {
		problems = append(problems, check(c)...)
	}
	if len(problems) > 0 {
		return nil, &configurationError{problems}
	}
	return c, nil
}

func first(name string, sources ...map[string]given) (given, bool) {
	for _, source := range sources {
		if v, found := source[name]; found {
			return v, true
		}
	}
	return given{}, false
}

// describe repeats the value unless it may hold a secret: a URL's user information does.
func describe(s setting, v given, err error) string {
	if s.secret || strings.ContainsAny(v.value, "@?") && strings.Contains(v.value, "://") || store.IsPostgres(v.value) {
		return fmt.Sprintf("%s: %v", v.origin, err)
	}
	return fmt.Sprintf("%s: %q %v", v.origin, v.value, err)
}

// complete fills in the defaults that follow from other settings and checks what concerns several of them.
func (c *configuration) complete(set map[string]given) (problems []string) {
	if c.database == "" {
		c.database = "sqlite:" + filepath.Join(c.dataDir, "writ.db")
	}
	if _, named := set["public-registration"]; !named && c.demo {
		c.publicRegistration = true
	}
	key, keyGiven := set["master-key"]
	keyFile, fileGiven := set["master-key-file"]
	if keyGiven && fileGiven {
		problems = append(problems, fmt.Sprintf("%s and %s: only one of them may be set", key.origin, keyFile.origin))
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		problems = append(problems, "tls-cert and tls-key: both or neither must be set")
	}
	problems = append(problems, checkDatabase(set)...)
	if c.demo && models.Fold(c.superuser) == demoAdmin {
		problems = append(problems, fmt.Sprintf("superuser: %q is the name of the demo's admin user", c.superuser))
	}
	return append(problems, c.checkSuperuserPassword(set["superuser-password"].origin)...)
}
