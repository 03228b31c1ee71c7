package storetest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// token is a registered token of a user of shop in his first generation.
func (f *fixture) token(user uuid.UUID) models.RegisteredToken {
	return models.RegisteredToken{
		JTI: "jti-" + user.String(), Subject: user, Level: "application_user", OrganizationID: &f.acme.ID, ApplicationID: &f.shop.ID,
		Organization: "acme", Application: "shop", Label: "printer", Generation: 1,
		Issued: f.clock.ms.Load(), IssuedBy: user, IssuedFrom: "192.0.2.7",
	}
}

// denied gathers all denials.
func (f *fixture) denied(t *testing.T, s *store.Store) (map[string]models.DeniedToken, map[uuid.UUID]models.DeniedSubject) {
	t.Helper()
	tokens, subjects := map[string]models.DeniedToken{}, map[uuid.UUID]models.DeniedSubject{}
	must(t, s.Denials(t.Context(),
		func(token models.DeniedToken) { tokens[token.JTI] = token },
		func(subject models.DeniedSubject) { subjects[subject.Subject] = subject }))
	return tokens, subjects
}

//nolint:thelper // these are the tests themselves
var denials = []contract{
	{"a denied token is told once with everything about it", func(t *testing.T, f *fixture) {
		expires := f.clock.now().Unix() + 3600
		token := models.DeniedToken{JTI: "one", Scope: f.shop.ID.String(), Expires: &expires}
		log := f.written(t, func() { must(t, f.DenyToken(t.Context(), token)) }, "token_denied one")
		token.Created = f.clock.ms.Load()
		var detail models.DeniedToken
		must(t, json.Unmarshal([]byte(log[0].Detail), &detail))
		equal(t, "detail", detail, token)
		f.written(t, func() { must(t, f.DenyToken(t.Context(), token)) })
		tokens, _ := f.denied(t, f.Store)
		equal(t, "denials", tokens, map[string]models.DeniedToken{"one": token})
	}},
	{"denials survive a restart", func(t *testing.T, f *fixture) { // SEC-61
		must(t, f.DenyToken(t.Context(), models.DeniedToken{JTI: "for ever", Scope: models.ManagementScope}))
		f.raise(t)
		tokens, subjects := f.denied(t, f.Store)
		must(t, f.Close())
		again := f.open(t, serverTTL)
		tokensAgain, subjectsAgain := f.denied(t, again)
		equal(t, "tokens", tokensAgain, tokens)
		equal(t, "subjects", subjectsAgain, subjects)
		user, err := again.User(t.Context(), f.shop.ID, "dana")
		must(t, err)
		equal(t, "generation", user.Generation, 2)
	}},
	{"denying a registered token marks it revoked", func(t *testing.T, f *fixture) {
		token := f.token(f.dana.ID)
		must(t, f.RegisterToken(t.Context(), token))
		must(t, f.DenyToken(t.Context(), models.DeniedToken{JTI: token.JTI, Scope: f.shop.ID.String()}))
		got, err := f.RegisteredToken(t.Context(), token.JTI)
		must(t, err)
		equal(t, "revoked", *got.Revoked, f.clock.ms.Load())
	}},
	{"denials are pruned in batches when they no longer matter", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		expires := f.clock.now().Unix() + 10
		for i := range 7 {
			must(t, f.DenyToken(ctx, models.DeniedToken{JTI: strconv.Itoa(i), Scope: "x", Expires: &expires}))
		}
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "for ever", Scope: "x"}))
		f.raise(t)
		refresh := f.refreshToken(2)
		refresh.Expires = f.clock.ms.Load() + 1000
		must(t, f.CreateRefreshToken(ctx, refresh))
		f.prunes(t, 0)
		f.clock.advance(9 * time.Minute) // a resource server, or a clock that is behind, may still accept what expired this long ago
		f.prunes(t, 1)
		_, err := f.RefreshToken(ctx, refresh.Hash)
		fails(t, err, models.ErrNotFound)
		f.clock.advance(2 * time.Minute)
		tokens, subjects := f.denied(t, f.Store)
		equal(t, "denied tokens listed", len(tokens), 1)
		equal(t, "denied subjects listed", len(subjects), 1)
		f.prunes(t, 3)
		f.prunes(t, 3)
		f.prunes(t, 1)
		f.clock.advance(48 * time.Hour)
		f.prunes(t, 1)
		tokens, subjects = f.denied(t, f.Store)
		equal(t, "denied tokens left", len(tokens), 1)
		equal(t, "denied subjects left", len(subjects), 0)
	}},
}

// prunes removes one batch of three.
func (f *fixture) prunes(t *testing.T, want int) {
	t.Helper()
	got, err := f.PruneDenials(t.Context(), 3)
	must(t, err)
	equal(t, "pruned rows", got, want)
}

//nolint:thelper // these are the tests themselves
var registered = []contract{
	{"a token is registered for the present generation of each level only", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		user := f.token(f.dana.ID)
		application := models.RegisteredToken{JTI: "app", Subject: f.shop.ID, Level: "application", ApplicationID: &f.shop.ID, Generation: 1}
		organization := models.RegisteredToken{JTI: "org", Subject: f.acme.ID, Level: "organization", OrganizationID: &f.acme.ID, Generation: 1}
		admin := models.RegisteredToken{JTI: "adm", Subject: f.root.ID, Level: "admin_user", Generation: 1}
		for _, token := range []models.RegisteredToken{user, application, organization, admin} {
			other := token
			other.Generation = 2
			fails(t, f.RegisterToken(ctx, other), models.ErrConflict)
			other = token
			other.Subject = uuid.New()
			fails(t, f.RegisterToken(ctx, other), models.ErrConflict)
			must(t, f.RegisterToken(ctx, token))
			got, err := f.RegisteredToken(ctx, token.JTI)
			must(t, err)
			equal(t, token.Level, got, token)
			fails(t, f.RegisterToken(ctx, token), models.ErrConflict)
		}
		if f.RegisterToken(ctx, models.RegisteredToken{JTI: "x", Subject: f.dana.ID, Level: "guest"}) == nil {
			t.Error("registered a token of no level")
		}
		_, err := f.RegisteredToken(ctx, "none")
		fails(t, err, models.ErrNotFound)
	}},
	{"no registration escapes a revocation that runs at the same time", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		race(t, 20, isConflict, func(i int) error {
			if i == 10 {
				_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation++; return nil })
				return err
			}
			token := f.token(f.dana.ID)
			token.JTI = strconv.Itoa(i)
			return f.RegisterToken(ctx, token)
		})
		all, _, err := f.RegisteredTokens(ctx, models.TokenFilter{Subject: f.dana.ID}, models.Page{Limit: 100})
		must(t, err)
		tokens, _ := f.denied(t, f.Store)
		for _, token := range all {
			if _, denied := tokens[token.JTI]; !denied || token.Revoked == nil {
				t.Errorf("token %s of generation %d lives on", token.JTI, token.Generation)
			}
		}
	}},
	{"registered tokens are listed newest first, by every filter", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for i := range 5 {
			f.clock.advance(time.Second)
			token := f.token(f.dana.ID)
			token.JTI = fmt.Sprint("t", i)
			must(t, f.RegisterToken(ctx, token))
		}
		must(t, f.RegisterToken(ctx, models.RegisteredToken{JTI: "adm", Subject: f.root.ID, Level: "admin_user", Generation: 1}))
		for name, filter := range map[string]models.TokenFilter{
			"subject":      {Subject: f.dana.ID},
			"application":  {ApplicationID: f.shop.ID},
			"organization": {OrganizationID: f.acme.ID},
			"level":        {Level: "application_user"},
			"all of them":  {Subject: f.dana.ID, ApplicationID: f.shop.ID, OrganizationID: f.acme.ID, Level: "application_user"},
		} {
			got := []string{}
			all(t, 2, func(page models.Page) ([]models.RegisteredToken, string, error) {
				return f.RegisteredTokens(ctx, filter, page)
			}, func(token models.RegisteredToken) { got = append(got, token.JTI) })
			equal(t, name, got, []string{"t4", "t3", "t2", "t1", "t0"})
		}
		one, _, err := f.RegisteredTokens(ctx, models.TokenFilter{JTI: "t3", Subject: f.dana.ID}, models.Page{})
		must(t, err)
		equal(t, "by jti", len(one), 1)
		none, _, err := f.RegisteredTokens(ctx, models.TokenFilter{JTI: "t3", Subject: f.root.ID}, models.Page{})
		must(t, err)
		equal(t, "of another", len(none), 0)
	}},
	{"revoking by filter denies each live token for ever", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		want := []string{}
		for i := range 3 {
			token := f.token(f.dana.ID)
			token.JTI = fmt.Sprint("t", i)
			must(t, f.RegisterToken(ctx, token))
			want = append(want, "token_denied "+token.JTI)
		}
		f.revokes(t, models.TokenFilter{JTI: "t1", Subject: f.root.ID}, 0)
		f.revokes(t, models.TokenFilter{JTI: "t1", Subject: f.dana.ID}, 1, want[1])
		f.revokes(t, models.TokenFilter{Subject: f.dana.ID}, 2, want[0], want[2])
		f.revokes(t, models.TokenFilter{Subject: f.dana.ID}, 0)
		tokens, _ := f.denied(t, f.Store)
		equal(t, "denials", len(tokens), 3)
		equal(t, "denial", tokens["t0"], models.DeniedToken{JTI: "t0", Scope: f.shop.ID.String(), Created: f.clock.ms.Load()})
	}},
	{"an empty filter does not revoke everybody", func(t *testing.T, f *fixture) {
		must(t, f.RegisterToken(t.Context(), f.token(f.dana.ID)))
		if _, err := f.RevokeRegistered(t.Context(), models.TokenFilter{}); err == nil {
			t.Error("accepted")
		}
		tokens, _ := f.denied(t, f.Store)
		equal(t, "denials", len(tokens), 0)
	}},
	{"more tokens than a statement can name are revoked at once", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		const many = 1203
		for i := range many {
			token := f.token(f.dana.ID)
			token.JTI = strconv.Itoa(i)
			must(t, f.RegisterToken(ctx, token))
		}
		count, err := f.RevokeRegistered(ctx, models.TokenFilter{Subject: f.dana.ID})
		must(t, err)
		equal(t, "revoked", count, many)
		tokens, _ := f.denied(t, f.Store)
		equal(t, "denied", len(tokens), many)
	}},
}

func (f *fixture) revokes(t *testing.T, filter models.TokenFilter, want int, entries ...string) {
	t.Helper()
	f.written(t, func() {
		got, err := f.RevokeRegistered(t.Context(), filter)
		must(t, err)
		equal(t, "revoked", got, want)
	}, entries...)
}
