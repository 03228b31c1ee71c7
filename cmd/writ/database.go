package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"

	"github.com/writ-auth/writ/store"
)

// checkDatabase checks how the database was given.
func checkDatabase(set map[string]given) (problems []string) {
	if given, named := set["database"]; named && strings.HasPrefix(given.origin, "--") && hasPassword(given.value) {
		problems = append(problems, given.origin+": other users of the machine can read the password in arguments: set WRIT_DATABASE or write it "+
			"into the configuration file")
	}
	return problems
}

func hasPassword(database string) bool {
	u, err := url.Parse(database)
	if err != nil {
		return false // it is refused anyway
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

// exposedDatabase tells whether somebody on the way to the database could read along, or pretend to be it.
func exposedDatabase(database string) bool {
	u, err := url.Parse(database)
	if err != nil || !store.IsPostgres(database) {
		return false
	}
	host := u.Hostname()
	if named := u.Query().Get("host"); named != "" {
		host = named
	}
	if host == "" || strings.HasPrefix(host, "/") || isLoopback(host) {
		return false
	}
	return u.Query().Get("sslmode") != "verify-full"
}

// throttleSecret follows from the master key, so that all replicas have the same.
func throttleSecret(master []byte) []byte {
	mac := hmac.New(sha256.New, master)
	mac.Write([]byte("writ throttle"))
	return mac.Sum(nil)
}
