package grants

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// refreshTokenTTL is how long a family lives after the login, in ms, where the application says nothing: 30 days.
const refreshTokenTTL int64 = 2_592_000_000

// refreshAllowed is wire contract §2.6.
func refreshAllowed(_ *Service, req *TokenRequest) error {
	if !req.Tenant.Application.Settings.RefreshTokens {
		return UnauthorizedClient()
	}
	return nil
}

func badRefreshToken() *Error { return InvalidGrant("invalid refresh token") }

// proveRefreshToken is RFC 6749 §6. The token is spent only when everything else about the request is right, by attachRefreshToken or
// register; presenting a spent one ends its family, because one of the two who hold it has stolen it (RFC 9700 §4.14.2).
func proveRefreshToken(ctx context.Context, s *Service, req *TokenRequest, c *client) (subject, error) {
	if req.RefreshToken == "" {
		return subject{}, badRefreshToken().rfc(http.StatusBadRequest, "invalid_request")
	}
	row, err := s.Store.RefreshToken(ctx, hashOpaque(req.RefreshToken))
	req.tried = account{kind: auditUser, tenant: req.Tenant}
	if row.ApplicationID == req.Tenant.Application.ID {
		req.tried.id = row.UserID
	}
	switch {
	case errors.Is(err, models.ErrNotFound):
		return subject{}, badRefreshToken()
	case err != nil:
		return subject{}, failure(err)
	case row.ApplicationID != req.Tenant.Application.ID, row.ClientID != c.id, row.Expires <= s.Now().UnixMilli():
		// RFC 6749 §10.4: bound to the client it was issued to. A stranger's attempt must not end the owner's family.
		return subject{}, badRefreshToken()
	case row.Used != nil:
		if err := s.allowRetry(ctx, &row); err != nil {
			return subject{}, err
		}
	case row.Idle(s.Now().UnixMilli(), req.Tenant.Application.Settings.RefreshTokenIdleTTL):
		return subject{}, badRefreshToken()
	}
	if wider := beyond(req.Scope, row.Scope); wider != "" {
		return subject{}, InvalidScope(asciiOnly(wider))
	}
	user, err := s.Store.User(ctx, row.ApplicationID, row.UserID.String())
	switch {
	case errors.Is(err, models.ErrNotFound), err == nil && user.Generation != row.Generation:
		return subject{}, badRefreshToken()
	case err != nil:
		return subject{}, failure(err)
	}
	if err := userState(req.Tenant, &user); err != nil {
		return subject{}, err
	}
	who, err := s.userSubject(ctx, req.Tenant, &user)
	who.spent, who.scope = &row, row.Scope
	return who, err
}

// allowRetry lets a client present a token a second time that it has just used: the answer may have been lost on the way. It must come
// soon, and nobody may have used what the answer held. The store decides about that again when it spends the token.
func (s *Service) allowRetry(ctx context.Context, row *models.RefreshToken) error {
	if !row.MayRetry(s.Now().UnixMilli(), s.grace()) {
		return s.endFamily(ctx, row.Family)
	}
	successor, err := s.Store.RefreshToken(ctx, row.Successor)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return badRefreshToken()
	case err != nil:
		return failure(err)
	case successor.Used != nil && successor.Successor != nil:
		return s.endFamily(ctx, row.Family)
	}
	// A successor that is used and has none itself was replaced by another retry just now: the store knows the new one.
	return nil
}

// grace (ms) is how long a spent refresh token may be presented again.
func (s *Service) grace() int64 { return s.RefreshGrace.Milliseconds() }

// spendingFailed answers for a refresh token that was spent or ended while the request was on its way.
func (s *Service) spendingFailed(ctx context.Context, spent *models.RefreshToken, err error) error {
	switch {
	case errors.Is(err, models.ErrSpent):
		return s.endFamily(ctx, spent.Family)
	case errors.Is(err, models.ErrNotFound):
		return badRefreshToken()
	case errors.Is(err, models.ErrConflict):
		// Nothing was spent. Had the subject's tokens been revoked, there would be no refresh token any more.
		return Unavailable(fmt.Errorf("the key was dropped meanwhile: %w", err))
	}
	return failure(err)
}

func (s *Service) endFamily(ctx context.Context, family uuid.UUID) error {
	s.Logger.Warn("a spent refresh token was presented; its family is ended", "family", family)
	if err := s.Store.EndRefreshFamily(ctx, family); err != nil {
		return failure(err)
	}
	return badRefreshToken().Because(errReused)
}

// errReused marks the refusal of a refresh token that was spent before, for the audit trail.
var errReused = errors.New("a spent refresh token was presented")

// beyond gives the first requested scope that is not among the granted ones; "" if all are.
func beyond(requested, granted string) string {
	have := strings.Fields(granted)
	for scope := range strings.FieldsSeq(requested) {
		if !slices.Contains(have, scope) {
			return scope
		}
	}
	return ""
}

// attachRefreshToken gives the answer its refresh token: the first of a family after a login, the next after a refresh. A token that
// does not expire has none beside it; register has ended the family.
func (s *Service) attachRefreshToken(ctx context.Context, token *Token, who subject, c *client, life lifetime) error {
	if life.never || who.level != claims.ApplicationUser || who.user == nil || !who.tenant.Application.Settings.RefreshTokens {
		return nil
	}
	opaque := newOpaque()
	next := s.nextRefreshToken(opaque, token, who, c)
	if who.spent == nil {
		switch err := s.Store.CreateRefreshToken(ctx, next); {
		case errors.Is(err, models.ErrConflict):
			// The user's tokens were revoked, or he was deleted, after his password was compared: this token is dead already.
			return BadLogin().Because(err)
		case err != nil:
			return failure(err)
		}
	} else if err := s.Store.RotateRefreshToken(ctx, who.spent.Hash, s.grace(), next); err != nil {
		return s.spendingFailed(ctx, who.spent, err)
	}
	token.RefreshToken = opaque
	return nil
}

func (s *Service) nextRefreshToken(opaque string, token *Token, who subject, c *client) models.RefreshToken {
	now := s.Now().UnixMilli()
	next := models.RefreshToken{
		Hash: hashOpaque(opaque), Family: uuid.New(), ApplicationID: who.tenant.Application.ID, UserID: who.id,
		ClientID: c.id, Scope: token.Claims.Scope, Generation: who.generation, Created: now, Expires: now + refreshTokenTTL,
	}
	if ttl := who.tenant.Application.Settings.RefreshTokenTTL; ttl != nil {
		next.Expires = now + *ttl
	}
	if who.spent != nil {
		// The family keeps its absolute end and its whole scope: narrowing one access token does not narrow the next.
		next.Family, next.Expires, next.Scope = who.spent.Family, who.spent.Expires, who.spent.Scope
	}
	return next
}

// opaqueBytes is the size of a refresh token: 256 random bits.
const opaqueBytes = 32

func newOpaque() string {
	random := make([]byte, opaqueBytes)
	rand.Read(random) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(random)
}

func hashOpaque(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
