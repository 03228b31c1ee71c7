package main

import "strings"

// kind says how a setting is written in the configuration file. In flags and environment everything is text.
type kind int

const (
	text   kind = iota // a string
	number             // an integer
	toggle             // "on" or "off", in the file also a boolean; the flag alone means on
	list               // comma-separated, in the file also an array of strings
)

// setting is one row of the table that flags, environment names, file keys, help and validation follow from.
type setting struct {
	name     string
	kind     kind
	fallback string // in the notation of a flag
	derived  string // how help describes a default that follows from other settings
	usage    string
	secret   bool // environment and file only: other users of the machine see arguments. Never shown in a problem.
	outside  bool // flag and environment only: names the file itself
	parse    func(c *configuration, value string) error
}

// environment is the name of the environment variable.
func (s setting) environment() string {
	return "WRIT_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// settings is the table, in the order of help. It is the only place where a setting is named.
func settings() []setting {
	return []setting{
		{
			name: "config", outside: true, usage: "configuration file (TOML); its keys are the names of this list",
			parse: func(*configuration, string) error { return nil },
		},
		{
			name: "demo", kind: toggle, fallback: "off", usage: "on an empty database create organization demo and print credentials and curl lines",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.demo) },
		},
		{
			name: "listen", fallback: "127.0.0.1:8080", usage: "address and port to serve on; port 0 takes a free one",
			parse: func(c *configuration, v string) error { return parseListen(v, &c.listen) },
		},
		{
			name: "public-url", derived: "http:// or https:// and the address listened on", usage: "scheme, host and port that clients use, without a path; every issuer starts with it",
			parse: func(c *configuration, v string) error { return parsePublicURL(v, &c.publicURL) },
		},
		{
			name: "tls-cert", derived: "none, plain HTTP", usage: "file with the TLS certificate and its chain (PEM), read again when it changes",
			parse: func(c *configuration, v string) error { return parseNotEmpty(v, &c.tlsCert) },
		},
		{
			name: "tls-key", derived: "none, plain HTTP", usage: "file with the private key of tls-cert (PEM)",
			parse: func(c *configuration, v string) error { return parseNotEmpty(v, &c.tlsKey) },
		},
		{
			name: "trusted-proxies", kind: list, derived: "none", usage: "addresses or networks of reverse proxies, comma-separated; only their X-Forwarded-For, X-Forwarded-Proto and Forwarded count",
			parse: func(c *configuration, v string) error { return parseProxies(v, &c.trustedProxies) },
		},
		{
			name: "insecure-plain-http", kind: toggle, fallback: "off", usage: "listen for plain HTTP beyond this machine, although nobody there speaks TLS",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.insecurePlainHTTP) },
		},
		{
			name: "max-connections", kind: number, fallback: "10000", usage: "open connections, 1 to 1000000; more wait for one that ends or is idle",
			parse: func(c *configuration, v string) error { return parseNumber(v, &c.maxConnections, 1, 1_000_000) },
		},
		{
			name: "metrics-listen", derived: "none, /metrics of listen answers this machine only", usage: "address and port for /metrics alone, for anybody who can reach it",
			parse: func(c *configuration, v string) error { return parseListen(v, &c.metricsListen) },
		},
		{
			name: "data-dir", fallback: "./writ-data", usage: "folder of the database and the master key, made with mode 0700",
			parse: func(c *configuration, v string) error { return parseNotEmpty(v, &c.dataDir) },
		},
		{
			name: "database", derived: "sqlite:DATA-DIR/writ.db", usage: "sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME, whose password is no argument but in environment or file",
			parse: func(c *configuration, v string) error { return parseDatabase(v, &c.database) },
		},
		{
			name: "database-connections", kind: number, derived: "20", usage: "most connections that this process opens to PostgreSQL, 6 to 1000",
			parse: func(c *configuration, v string) error { return parseNumber(v, &c.connections, 6, 1000) },
		},
		{
			name: "superuser", fallback: "superuser", usage: "username of the superuser",
			parse: func(c *configuration, v string) error { return parseUsername(v, &c.superuser) },
		},
		{
			name: "superuser-password", secret: true, derived: "generated and printed once", usage: "password of the superuser; a new one replaces the old at the next start",
			parse: func(c *configuration, v string) error { return parseNotEmpty(v, &c.superuserPassword) },
		},
		{
			name: "master-key", secret: true, usage: "32 bytes in base64 that seal the private keys; in place of a file",
			parse: func(c *configuration, v string) error { return parseMasterKey(v, &c.masterKey) },
		},
		{
			name: "master-key-file", derived: "DATA-DIR/master.key, made at the first start; required with PostgreSQL", usage: "file with the master key in base64, mode 0600",
			parse: func(c *configuration, v string) error { return parseNotEmpty(v, &c.masterKeyFile) },
		},
		{
			name: "compat", fallback: "usergrid", usage: "usergrid (everything Apache Usergrid clients send) or strict (OAuth 2.1)",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "strict", &c.strict, "usergrid", "strict")
			},
		},
		{
			name: "token-ttl", fallback: "24h", usage: "lifetime of tokens, such as 30m or 24h, and the longest that may be asked for where an application sets none",
			parse: func(c *configuration, v string) error { return parseTTL(v, &c.tokenTTL) },
		},
		{
			name: "nonexpiring", fallback: "allow", usage: "allow or deny tokens that never expire (ttl=0)",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "allow", &c.nonExpiring, "allow", "deny")
			},
		},
		{
			name: "refresh-grace", kind: number, fallback: "0", usage: "seconds, up to 60, in which a client may present a used refresh token again; 0: its family ends",
			parse: func(c *configuration, v string) error { return parseNumber(v, &c.refreshGrace, 0, 60) },
		},
		{
			name: "alg", fallback: "ES256", usage: "signature algorithm of new keys: ES256, RS256, PS256 or EdDSA; another one begins a rotation",
			parse: func(c *configuration, v string) error {
				return parseWord(v, &c.algorithm, "ES256", "RS256", "PS256", "EdDSA")
			},
		},
		{
			name: "key-rotation", fallback: "30d", usage: "how long a key signs before another takes its place, such as 90d; off leaves it to `writ keys rotate`",
			parse: func(c *configuration, v string) error { return parseRotation(v, &c.keyRotation) },
		},
		{
			name: "ecdsa-nonce", fallback: "deterministic", usage: "deterministic (RFC 6979, fast) or hedged (resists fault injection)",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "hedged", &c.hedgedECDSA, "deterministic", "hedged")
			},
		},
		{
			name: "client-secrets", fallback: "sealed", usage: "sealed (kept a second time, sealed, to be shown again) or once (shown only when made)",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "sealed", &c.keepSecrets, "sealed", "once")
			},
		},
		{
			name: "public-registration", kind: toggle, fallback: "off", derived: "off, with demo on", usage: "anyone may register organizations and admin users",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.publicRegistration) },
		},
		{
			name: "admin-confirmation", kind: toggle, fallback: "off", usage: "new admin users must confirm their e-mail address",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.adminConfirmation) },
		},
		{
			name: "admin-approval", kind: toggle, fallback: "off", usage: "new admin users wait until the superuser activates them",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.adminApproval) },
		},
		{
			name: "password-min-length", kind: number, fallback: "8", usage: "shortest password in code points, 4 to 256",
			parse: func(c *configuration, v string) error { return parseNumber(v, &c.passwordMinLength, 4, 256) },
		},
		{
			name: "password-common", fallback: "refuse", usage: "refuse or allow the most common passwords",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "allow", &c.allowCommon, "refuse", "allow")
			},
		},
		{
			name: "allowed-origins", kind: list, derived: "none", usage: "origins of web pages that may call the API, comma-separated; * for all",
			parse: func(c *configuration, v string) error { return parseOrigins(v, &c.allowedOrigins) },
		},
		{
			name: "smtp-url", secret: true, derived: "none, mails are dropped", usage: "SMTP server for the mails of account states: smtp://user:password@host:port, or smtps://",
			parse: func(c *configuration, v string) error { return parseSMTP(v, &c.smtp) },
		},
		{
			name: "mail-from", derived: "writ@ and the host of public-url", usage: "sender of mails, such as writ@example.com",
			parse: func(c *configuration, v string) error { return parseSender(v, &c.mailFrom) },
		},
		{
			name: "audit-user-logins", kind: toggle, fallback: "off", usage: "record every login of an application user in the audit trail, not only the failed ones",
			parse: func(c *configuration, v string) error { return parseToggle(v, &c.auditUserLogins) },
		},
		{
			name: "audit-retention", fallback: "365d", usage: "how long the audit trail is kept, such as 90d or 48h; 0 for ever",
			parse: func(c *configuration, v string) error { return parseRetention(v, &c.auditRetention) },
		},
		{
			name: "feed-access", fallback: "public", usage: "who may read the revocation feed: public, or client (clients and admins of the application or organization)",
			parse: func(c *configuration, v string) error {
				return parseChoice(v, "client", &c.feedForClients, "public", "client")
			},
		},
		{
			name: "log-format", fallback: "text", usage: "text or json",
			parse: func(c *configuration, v string) error { return parseWord(v, &c.logFormat, "text", "json") },
		},
		{
			name: "log-level", fallback: "info", usage: "debug, info, warn or error",
			parse: func(c *configuration, v string) error { return parseLevel(v, &c.logLevel) },
		},
	}
}
