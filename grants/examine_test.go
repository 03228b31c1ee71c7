package grants

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// session gives the caller behind an admin's session.
func (f *fixture) session(t *testing.T, admin models.Admin) *Caller {
	t.Helper()
	caller, err := f.SessionCaller(t.Context(), &models.PortalSession{
		AdminID: admin.ID, Generation: admin.Generation, PasswordChanged: admin.PasswordChanged,
	})
	must(t, err)
	return caller
}

// An examination finds every reason for which AuthenticateToken refuses a token, and none for one that it accepts.
func TestExamineAgreesWithAuthenticate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, c := range map[string]struct {
		end     func(f *fixture, token string) error
		reasons []Reason
	}{
		"good": {func(*fixture, string) error { return nil }, nil},
		"expired": {func(f *fixture, _ string) error {
			f.clock.advance(25 * time.Hour)
			return nil
		}, []Reason{ReasonExpired}},
		"revoked": {func(f *fixture, token string) error {
			return f.RevokePresented(ctx, f.shop, f.dana.ID.String(), token, nil)
		}, []Reason{ReasonRevoked}},
		"all of the user's": {func(f *fixture, _ string) error {
			return f.RevokeUserTokens(ctx, f.shop, f.dana.ID)
		}, []Reason{ReasonGeneration}},
		"disabled": {func(f *fixture, _ string) error {
			return f.changeDana(ctx, func(u *models.User) { u.Disabled = true })
		}, []Reason{ReasonDisabled, ReasonGeneration}},
		"inactive": {func(f *fixture, _ string) error {
			return f.changeDana(ctx, func(u *models.User) { u.Activated = false })
		}, []Reason{ReasonInactive, ReasonGeneration}},
		"deleted user": {func(f *fixture, _ string) error {
			_, err := f.store.DeleteUser(ctx, f.shop.Application.ID, f.dana.ID)
			return err
		}, []Reason{ReasonSubject, ReasonGeneration}},
		"deleted application": {func(f *fixture, _ string) error {
			return f.store.DeleteApplication(ctx, f.shop.Application.ID)
		}, []Reason{ReasonApplication}},
		"dropped key": {func(f *fixture, _ string) error {
			rows, err := f.store.SigningKeys(ctx)
			if err != nil {
				return err
			}
			ring, _ := f.Keys.(*keys.Ring)
			for _, row := range rows {
				if _, err := ring.Drop(ctx, row.KID); err != nil {
					return err
				}
			}
			return nil
		}, []Reason{ReasonKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			issued, err := f.Token(t.Context(), f.login())
			must(t, err)
			must(t, c.end(f, issued.AccessToken))
			e, err := f.Examine(t.Context(), f.session(t, f.olga), " Bearer "+issued.AccessToken+"\n")
			must(t, err)
			for _, reason := range c.reasons {
				if !slices.Contains(e.Reasons, reason) {
					t.Errorf("reasons %q lack %q", e.Reasons, reason)
				}
			}
			_, err = f.AuthenticateToken(t.Context(), issued.AccessToken)
			if (err != nil) != e.Refused(false) || (err != nil) != (c.reasons != nil) {
				t.Errorf("refused: %v, examined: %q", err, e.Reasons)
			}
			if e.Key == nil || e.Key.State == "" || !strings.Contains(e.Payload, f.dana.ID.String()) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func (f *fixture) changeDana(ctx context.Context, change func(*models.User)) error {
	_, err := f.store.UpdateUser(ctx, f.shop.Application.ID, f.dana.ID, func(u *models.User) error {
		change(u)
		return nil
	})
	return err
}

// Who has no rights in an organization learns nothing of its tokens but what they say and whether they are genuine.
//
// SEC-70
func TestExamineTellsNothingOfForeignTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rita := f.admin(t, "rita", "rita@example.com", adminPassword)
	must(t, f.store.CreateAdmin(t.Context(), rita, f.stall.Organization.ID))
	user, err := f.Token(t.Context(), f.login())
	must(t, err)
	client, err := f.Token(t.Context(), f.own(f.shop, f.shopSecret))
	must(t, err)
	admin, err := f.Token(t.Context(), with(f.login(), func(r *TokenRequest) { r.Tenant, r.Username, r.Password = nil, "olga", adminPassword }))
	must(t, err)
	must(t, f.RevokeUserTokens(t.Context(), f.shop, f.dana.ID))
	must(t, f.RevokeClientTokens(t.Context(), f.shop.Application.ID))
	for name, token := range map[string]string{"user": user.AccessToken, "client": client.AccessToken, "admin": admin.AccessToken} {
		foreign, err := f.Examine(t.Context(), f.session(t, rita), token)
		must(t, err)
		if foreign.Examined || foreign.Refused(false) || !foreign.Signed || foreign.Claims == nil {
			t.Errorf("%s: %+v", name, foreign)
		}
		for _, may := range []models.Admin{f.olga, f.root} {
			own, err := f.Examine(t.Context(), f.session(t, may), token)
			must(t, err)
			if !own.Examined || own.Refused(false) != (name != "admin") {
				t.Errorf("%s for %s: %+v", name, may.Username, own)
			}
		}
	}
	colleague := f.admin(t, "cora", "cora@example.com", adminPassword)
	must(t, f.store.CreateAdmin(t.Context(), colleague, f.shop.Organization.ID))
	if e, err := f.Examine(t.Context(), f.session(t, colleague), admin.AccessToken); err != nil || e.Examined {
		t.Errorf("a colleague's token: %v, %+v", err, e)
	}
}

// Nothing that was not signed here has anything looked up, whatever it says about itself.
func TestExamineOfForgedAndForeign(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	issued, err := f.Token(t.Context(), f.login())
	must(t, err)
	head, rest, _ := strings.Cut(issued.AccessToken, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	enc := base64.RawURLEncoding.EncodeToString
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	must(t, err)
	for raw, reason := range map[string]Reason{
		head + "." + enc([]byte(strings.Replace(string(decoded), f.dana.ID.String(), uuid.NewString(), 1))) + "." + signature: ReasonSignature,
		head + "." + payload + "." + enc(make([]byte, 64)):                                                                    ReasonSignature,
		enc([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + payload + ".":                                                       ReasonForm,
		enc([]byte(`{"typ":"at+jwt","alg":"ES256","kid":"x"}`)) + "." + payload + "." + signature:                             ReasonKey,
		enc([]byte(`{"typ":"at+jwt","alg":"ES256","kid":7}`)) + "." + enc([]byte(`{"sub":7}`)) + "." + signature:              ReasonForm,
	} {
		e, err := f.Examine(t.Context(), f.session(t, f.root), raw)
		must(t, err)
		if e.Signed || e.Examined || !slices.Contains(e.Reasons, reason) || !e.Refused(true) {
			t.Errorf("%s: %+v", raw, e)
		}
	}
	for _, garbage := range []string{
		"", "Bearer ", "rubbish", "a.b", "a.b.c.d", "!.!.!", enc([]byte("[]")) + "." + payload + "." + signature, head + "." + enc([]byte("{")) + ".x",
		strings.Repeat("x", 9000), enc([]byte(`{"a":`+strings.Repeat("[", 600)+strings.Repeat("]", 600)+"}")) + "." + payload + ".",
	} {
		if _, err := f.Examine(t.Context(), f.session(t, f.root), garbage); !isInvalid(err) {
			t.Errorf("%.40q: %v", garbage, err)
		}
	}
	bidi := enc([]byte("{\"typ\":\"x\u202e\u0000\"}"))
	if _, err := f.Examine(t.Context(), f.session(t, f.root), bidi+"."+payload+"."); err == nil {
		t.Error("a control character in JSON")
	}
	e, err := f.Examine(t.Context(), f.session(t, f.root), enc([]byte("{\"typ\":\"x\u202ey\"}"))+"."+payload+".")
	if err != nil || strings.Contains(e.Header, "\u202e") {
		t.Errorf("%v: %q", err, e.Header)
	}
}

func isInvalid(err error) bool {
	var invalid *models.Invalid
	return errors.As(err, &invalid)
}
