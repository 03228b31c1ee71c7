package verifier

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
)

// Token is a verified token: whose it is, and what it says. Roles, groups and organizations are those of now, as far as the feed has
// told of changes. It never changes, so that one Token may serve many requests; the text that came is not in it.
type Token struct {
	claims   claims.Claims
	key      string        // kid
	jti, sub revocation.ID // hashed once
	held     atomic.Pointer[held]
}

// ID is the jti.
func (t *Token) ID() string { return t.claims.ID }

// Issuer is the iss.
func (t *Token) Issuer() string { return t.claims.Issuer }

// Subject is the sub: the uuid of the user, application, organization or admin.
func (t *Token) Subject() string { return t.claims.Subject }

// ClientID is the client that asked for the token.
func (t *Token) ClientID() string { return t.claims.ClientID }

// Level says what kind of subject this is.
func (t *Token) Level() claims.Level { return t.claims.Level }

// Username is empty for applications and organizations.
func (t *Token) Username() string { return t.claims.Username }

// Organization is the name of the organization; empty for admins.
func (t *Token) Organization() string { return t.claims.Org }

// Application is the name of the application; empty at the management issuer.
func (t *Token) Application() string { return t.claims.App }

// Superuser tells whether this is the superuser of the server.
func (t *Token) Superuser() bool { return t.claims.Superuser }

// KeyID is the kid of the key that signed the token.
func (t *Token) KeyID() string { return t.key }

// IssuedAt is the iat.
func (t *Token) IssuedAt() time.Time { return time.Unix(t.claims.IssuedAt, 0) }

// NonExpiring tells whether the token lives until it is revoked.
func (t *Token) NonExpiring() bool { return t.claims.NonExpiring() }

// Expires is the exp; false for a non-expiring token.
func (t *Token) Expires() (expires time.Time, ends bool) {
	if t.NonExpiring() {
		return time.Time{}, false
	}
	return time.Unix(*t.claims.Expires, 0), true
}

// HasRole tells whether an application user has this role. Role names are lower case.
func (t *Token) HasRole(name string) bool { return slices.Contains(t.claims.Roles, name) }

// InGroup tells whether an application user is in the group of this path, or in one below it.
func (t *Token) InGroup(path string) bool {
	return path != "" && slices.ContainsFunc(t.claims.Groups, func(group string) bool {
		below, is := strings.CutPrefix(group, path)
		return is && (below == "" || below[0] == '/')
	})
}

// HasScope tells whether the token has this scope.
func (t *Token) HasScope(name string) bool {
	if name == "" {
		return false
	}
	for scope := range strings.SplitSeq(t.claims.Scope, " ") {
		if scope == name {
			return true
		}
	}
	return false
}

// Claims gives a copy of everything the token says.
func (t *Token) Claims() claims.Claims {
	c := t.claims
	c.Audience, c.Roles, c.Groups = slices.Clone(c.Audience), slices.Clone(c.Roles), slices.Clone(c.Groups)
	c.Permissions, c.Orgs = slices.Clone(c.Permissions), slices.Clone(c.Orgs)
	if c.Expires != nil {
		expires := *c.Expires
		c.Expires = &expires
	}
	if c.Status != nil {
		status := *c.Status
		if status.List != nil {
			entry := *status.List
			status.List = &entry
		}
		c.Status = &status
	}
	return c
}

// String names the token for logs, without its text and without the name of its user.
func (t *Token) String() string {
	return fmt.Sprintf("%s token %s of %s", t.claims.Level, t.claims.ID, t.claims.Subject)
}

// Format implements fmt.Formatter: no verb shows more than String.
func (t *Token) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(t.String())) }

// LogValue implements slog.LogValuer.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("level", string(t.claims.Level)), slog.String("jti", t.claims.ID), slog.String("sub", t.claims.Subject))
}

// changed applies a claim change. It gives the same token if that changes nothing.
func (t *Token) changed(change revocation.Change, organization string) *Token {
	next := &Token{claims: t.claims, key: t.key, jti: t.jti, sub: t.sub}
	switch {
	case t.claims.Level == claims.ApplicationUser && change.Member == nil:
		if slices.Equal(change.Roles, t.claims.Roles) && slices.Equal(change.Groups, t.claims.Groups) {
			return t
		}
		// What is absent is empty. The rules in the token followed from the roles it had.
		next.claims.Roles, next.claims.Groups, next.claims.Permissions = change.Roles, change.Groups, nil
	case t.claims.Level == claims.AdminUser && change.Member != nil:
		if slices.Contains(t.claims.Orgs, organization) == *change.Member {
			return t
		}
		next.claims.Orgs = without(t.claims.Orgs, organization)
		if *change.Member {
			next.claims.Orgs = append(next.claims.Orgs, organization)
		}
	default:
		return t
	}
	return next
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(other string) bool { return other == name })
}
