package insight

import (
	"slices"

	"github.com/writ-auth/writ/claims"
)

// Kind is what is counted: one of a fixed set, whatever callers invent.
type Kind int

// Where each group of kinds begins.
const (
	tokens      Kind = 0
	failures    Kind = tokens + 4*6
	revocations Kind = failures + 7
	legacy      Kind = revocations + 5
	kinds            = int(legacy) + 6
)

// Counts are the numbers of all kinds.
type Counts [kinds]uint64

// Levels are the levels of tokens.
func Levels() []claims.Level {
	return []claims.Level{claims.ApplicationUser, claims.Application, claims.Organization, claims.AdminUser}
}

// Grants are the ways to a token; the last two have no name in a request.
func Grants() []string {
	return []string{"client_credentials", "password", "pin", "refresh_token", "reissue", "impersonation"}
}

// Issued is a token. The first level and the first grant stand for what nobody has heard of, so that no token is missing.
func Issued(level claims.Level, grant string) Kind {
	row, column := Kind(0), Kind(0)
	switch level {
	case claims.Application:
		row = 1
	case claims.Organization:
		row = 2
	case claims.AdminUser:
		row = 3
	case claims.ApplicationUser, claims.Guest:
	}
	switch grant {
	case "password":
		column = 1
	case "pin":
		column = 2
	case "refresh_token":
		column = 3
	case "reissue":
		column = 4
	case "impersonation":
		column = 5
	}
	return tokens + row*6 + column
}

// Failures are why requests failed: at a token endpoint, and the last two elsewhere.
func Failures() []string {
	return []string{"login", "client", "throttled", "request", "server", "expired", "refused"}
}

// NoToken is a token request that was refused, by the error's code.
func NoToken(code string) Kind {
	switch code {
	case "invalid_grant", "authentication":
		return failures
	case "invalid_client", "auth_invalid_credentials", "auth_bad_access_token", "expired_token", "auth_invalid", "unauthorized":
		return failures + 1
	case "too_many_requests":
		return failures + 2
	case "internal_error", "service_unavailable":
		return failures + 4
	}
	return failures + 3
}

// Refused is a credential that was refused on another request, by the error's code.
func Refused(code string) Kind {
	switch code {
	case "expired_token":
		return failures + 5
	case "internal_error", "service_unavailable":
		return failures + 4
	}
	return failures + 6
}

// Revocations are what was revoked: one token, all of a user, client or admin, or those of a signing key.
func Revocations() []string { return []string{"token", "user", "client", "admin", "key"} }

// Revoked is a revocation.
func Revoked(what string) Kind { return revocations + Kind(max(0, slices.Index(Revocations(), what))) }

// Legacies are the features that compat=strict switches off.
func Legacies() []string {
	return []string{"query_token", "query_client", "get_token", "password_grant", "pin_grant", "json_token"}
}

// Legacy is a request that used the feature with this place among Legacies.
func Legacy(feature int) Kind { return legacy + Kind(feature) }

// ByLevel are the tokens of a level.
func (c *Counts) ByLevel(level claims.Level) (n uint64) {
	for _, grant := range Grants() {
		n += c[Issued(level, grant)]
	}
	return n
}

// ByGrant are the tokens of a grant.
func (c *Counts) ByGrant(grant string) (n uint64) {
	for _, level := range Levels() {
		n += c[Issued(level, grant)]
	}
	return n
}

// Failed are the failures of a name of Failures.
func (c *Counts) Failed(why string) uint64 { return c[failures+Kind(slices.Index(Failures(), why))] }

// Revoked are the revocations of a name of Revocations.
func (c *Counts) Revoked(what string) uint64 { return c[Revoked(what)] }

// Legacy are the requests that used a feature of Legacies.
func (c *Counts) Legacy(feature string) uint64 {
	return c[Legacy(slices.Index(Legacies(), feature))]
}
