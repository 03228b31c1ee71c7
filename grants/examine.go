package grants

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// Reason is why a token is refused.
type Reason string

// What a reader of the token finds by himself: every one of them refuses it.
const (
	ReasonForm      Reason = "form"      // no access token as Writ writes them
	ReasonKey       Reason = "key"       // no published key has its kid
	ReasonSignature Reason = "signature" // it was changed, or somebody else made it
	ReasonIssuer    Reason = "issuer"    // of another server, or not for who it says
	ReasonExpired   Reason = "expired"
	ReasonNotYet    Reason = "notyet" // issued in the future
)

// What only Writ knows, and whoever follows its revocation feed.
const (
	ReasonRevoked     Reason = "revoked"    // this token, by its jti
	ReasonGeneration  Reason = "generation" // every token of the subject of that time
	ReasonSubject     Reason = "subject"    // there is no such subject any more
	ReasonDisabled    Reason = "disabled"
	ReasonInactive    Reason = "inactive"
	ReasonApplication Reason = "application" // the application is deleted
)

// Live tells whether the reason does not show in the token itself.
func (r Reason) Live() bool {
	switch r {
	case ReasonRevoked, ReasonGeneration, ReasonSubject, ReasonDisabled, ReasonInactive, ReasonApplication:
		return true
	case ReasonForm, ReasonKey, ReasonSignature, ReasonIssuer, ReasonExpired, ReasonNotYet:
	}
	return false
}

// Examination is what can be said about a token. It does not hold the token.
type Examination struct {
	Header, Payload string         // JSON, indented
	Claims          *claims.Claims // nil: they are not as Writ writes them
	KeyID           string
	Key             *keys.Status // nil: there is no such key
	Signed          bool         // a published key has signed it
	Examined        bool         // its live state was looked up: the caller may know it
	Registered      *models.RegisteredToken
	Reasons         []Reason
}

// Refused tells whether Writ refuses the token; offline, whether a verifier refuses it that knows nothing but the keys.
func (e *Examination) Refused(offline bool) bool {
	for _, reason := range e.Reasons {
		if !offline || !reason.Live() {
			return true
		}
	}
	return false
}

// Examine takes a token apart for an admin who wants to know what it is worth. Whether it is revoked, and whether its subject lives, is looked up
// only for a token that is genuine and whose subject's organization the caller has every right in; an admin's tokens are his own business and
// the superuser's. Nobody is told more about foreign tokens than they and the published keys say. Nothing is recorded.
// It answers a *models.Invalid for what is no token at all.
func (s *Service) Examine(ctx context.Context, caller *Caller, raw string) (*Examination, error) {
	raw = bare(raw)
	e, err := takeApart(raw)
	if err != nil {
		return nil, err
	}
	if err := s.examineKey(ctx, e); err != nil {
		return nil, err
	}
	payload, err := s.Keys.Verify(raw)
	switch {
	case errors.Is(err, claims.ErrForm):
		e.Reasons = append(e.Reasons, ReasonForm)
		return e, nil
	case errors.Is(err, keys.ErrUnknownKey):
		e.Reasons = append(e.Reasons, ReasonKey)
	case err != nil:
		e.Reasons = append(e.Reasons, ReasonSignature)
	default:
		e.Signed = true
		e.Claims, _ = claims.Parse(payload) // what it says is a reason below
	}
	if e.Claims == nil {
		if e.Signed {
			e.Reasons = append(e.Reasons, ReasonForm)
		}
		return e, nil
	}
	s.examineClaims(e)
	if e.Signed && e.Claims.Level.Valid() && s.mayExamine(caller, e.Claims) {
		e.Examined = true
		return e, s.examineState(ctx, e)
	}
	return e, nil
}

// bare is a token without what people copy along with it.
func bare(raw string) string {
	raw = strings.TrimSpace(raw)
	if scheme, token, found := strings.Cut(raw, " "); found && strings.EqualFold(scheme, "bearer") {
		raw = strings.TrimSpace(token)
	}
	return raw
}

// takeApart decodes what it is given as far as it can be shown, more generously than anything that trusts it.
func takeApart(raw string) (*Examination, error) {
	switch {
	case raw == "":
		return nil, models.Illegal("token is required")
	case len(raw) > claims.MaxTokenSize:
		return nil, models.Illegal("this is longer than any token of Writ")
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, models.Illegal("a token has three parts with dots between them, this has %d", len(parts))
	}
	var e Examination
	for i, into := range []*string{&e.Header, &e.Payload} {
		decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, models.Illegal("part %d of the token is damaged: it is not base64url", i+1)
		}
		if *into = readable(decoded); *into == "" {
			return nil, models.Illegal("part %d of the token is not a JSON object", i+1)
		}
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	_ = json.Unmarshal([]byte(e.Header), &header) // a kid of another type is none
	e.KeyID = header.KeyID
	// Shown, not trusted: see Signed.
	e.Claims, _ = claims.Parse([]byte(e.Payload))
	return &e, nil
}

// maxMembers bounds the objects and arrays of what is indented, for each level costs.
const maxMembers = 500

// readable indents an object, without characters that move others about; "" if it is none.
func readable(text []byte) string {
	var indented bytes.Buffer
	if !bytes.HasPrefix(text, []byte("{")) || bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) > maxMembers ||
		json.Indent(&indented, text, "", "  ") != nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, indented.String())
}

// examineKey finds the token's key and its state, which are in the published keys and in the feed for everybody.
func (s *Service) examineKey(ctx context.Context, e *Examination) error {
	status, err := s.Keys.Status(ctx, e.KeyID)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err != nil {
		return failure(err)
	}
	e.Key = &status
	return nil
}

func (s *Service) examineClaims(e *Examination) {
	err := e.Claims.Validate(claims.Expectation{Issuers: []string{s.issuerOf(e.Claims)}}, s.Now())
	switch {
	case err == nil:
	case errors.Is(err, claims.ErrExpired):
		e.Reasons = append(e.Reasons, ReasonExpired)
	case errors.Is(err, claims.ErrNotYet):
		e.Reasons = append(e.Reasons, ReasonNotYet)
	case errors.Is(err, claims.ErrIssuer), errors.Is(err, claims.ErrAudience):
		e.Reasons = append(e.Reasons, ReasonIssuer)
	default:
		e.Reasons = append(e.Reasons, ReasonForm)
	}
}

// mayExamine tells whether the caller may know the live state behind genuine claims.
func (s *Service) mayExamine(caller *Caller, set *claims.Claims) bool {
	if caller.Superuser {
		return true
	}
	owner := set.OrgID
	switch set.Level {
	case claims.AdminUser:
		return caller.ID().String() == set.Subject
	case claims.Organization:
		owner = set.Subject
	case claims.ApplicationUser, claims.Application, claims.Guest:
	}
	organization, err := uuid.Parse(owner)
	return err == nil && caller.OrganizationAccess(organization)
}

// examineState looks up everything that AuthenticateToken does, and does not stop at the first reason.
func (s *Service) examineState(ctx context.Context, e *Examination) error {
	generation, reason, err := s.examineSubject(ctx, e.Claims)
	if err != nil {
		return err
	}
	if reason != "" {
		e.Reasons = append(e.Reasons, reason)
	}
	jti, wrong := uuid.Parse(e.Claims.ID)
	subject, wrongSubject := uuid.Parse(e.Claims.Subject)
	if errors.Join(wrong, wrongSubject) != nil {
		e.Reasons = append(e.Reasons, ReasonForm)
	}
	if s.denylist.denies(jti, uuid.Nil, 0) {
		e.Reasons = append(e.Reasons, ReasonRevoked)
	}
	if e.Claims.Generation < generation || s.denylist.denies(uuid.Nil, subject, e.Claims.Generation) {
		e.Reasons = append(e.Reasons, ReasonGeneration)
	}
	if !e.Claims.NonExpiring() {
		return nil
	}
	row, err := s.Store.RegisteredToken(ctx, e.Claims.ID)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err != nil {
		return failure(err)
	}
	e.Registered = &row
	return nil
}

// examineSubject gives the generation of the subject, and the reason why his tokens are refused.
func (s *Service) examineSubject(ctx context.Context, set *claims.Claims) (generation int64, reason Reason, err error) {
	gone := ReasonSubject
	switch set.Level {
	case claims.ApplicationUser, claims.Application:
		var tenant *Tenant
		if tenant, err = s.tenantOf(ctx, set); err != nil {
			gone = ReasonApplication
			break
		}
		if set.Level == claims.Application {
			return tenant.client.Generation, "", nil
		}
		var user models.User
		if user, err = s.Store.User(ctx, tenant.Application.ID, set.Subject); err == nil {
			return user.Generation, stateReason(user.Disabled, user.Activated), nil
		}
	case claims.Organization:
		var caller *Caller
		if caller, generation, err = s.organizationCaller(ctx, set); err == nil && caller != nil {
			return generation, "", nil
		}
	case claims.AdminUser:
		var admin models.Admin
		if admin, err = s.Store.Admin(ctx, set.Subject); err == nil {
			confirmed := admin.Confirmed || !s.AdminConfirmation || admin.Superuser
			return admin.Generation, stateReason(admin.Disabled, admin.Activated && confirmed), nil
		}
	case claims.Guest:
	}
	if err == nil || errors.Is(err, models.ErrNotFound) {
		return 0, gone, nil
	}
	return 0, "", failure(err)
}

func stateReason(disabled, active bool) Reason {
	switch {
	case disabled:
		return ReasonDisabled
	case !active:
		return ReasonInactive
	}
	return ""
}
