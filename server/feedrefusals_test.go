package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// Every way in which Writ itself refuses a token that once was valid (grants.AuthenticateToken), and what the feed says of it. Resource
// servers must refuse the same tokens: those that know the feed from before, and those that come later.
// SEC-61 SEC-62 SEC-64
func TestWhateverWritRefusesTheFeedRefuses(t *testing.T) {
	t.Parallel()
	type world struct {
		*fixture

		ctx              context.Context
		dana, forever    string // tokens
		shop, acme, olga string
	}
	user := func(change func(*models.User)) func(*world) error {
		return func(w *world) error {
			_, err := w.store.UpdateUser(w.ctx, w.fixture.shop.ID, w.fixture.dana.ID, func(u *models.User) error { change(u); return nil })
			return err
		}
	}
	admin := func(change func(*models.Admin)) func(*world) error {
		return func(w *world) error {
			_, err := w.store.UpdateAdmin(w.ctx, w.fixture.olga.ID, func(a *models.Admin) error { change(a); return nil })
			return err
		}
	}
	imported := func(record models.UserRecord) func(*world) error {
		return func(w *world) error {
			record.Username = "dana"
			_, err := w.store.ImportUsers(w.ctx, models.UserImport{
				Application: w.fixture.shop.ID, Users: []models.UserRecord{record}, OnConflict: models.ConflictUpdate,
			})
			return err
		}
	}
	drop := func(purpose string) func(*world) error {
		return func(w *world) error {
			rows, err := w.store.SigningKeys(w.ctx)
			for _, row := range rows {
				if row.Purpose == purpose && row.State == models.KeySigning {
					_, err = w.Keys.Drop(w.ctx, row.KID)
				}
			}
			return err
		}
	}
	for _, c := range []struct {
		name string
		do   func(*world) error
		// why the feed refuses the tokens of dana (one that expires, one that does not), shop, acme and olga; "": they stay valid
		dana, forever, shop, acme, olga string
	}{
		{name: "nothing", do: func(*world) error { return nil }},
		{name: "a token is revoked", dana: "token", do: func(w *world) error {
			return w.service.Revoke(w.ctx, tenant(t, w.fixture), grants.PresentedClient{}, w.dana, "")
		}},
		{name: "a registered token is revoked", forever: "token", do: func(w *world) error {
			_, err := w.store.RevokeRegistered(w.ctx, models.TokenFilter{Subject: w.fixture.dana.ID})
			return err
		}},
		{name: "all tokens of a user", dana: "subject", forever: "token", do: func(w *world) error {
			return w.service.RevokeUserTokens(w.ctx, tenant(t, w.fixture), w.fixture.dana.ID)
		}},
		{name: "a user is disabled", dana: "subject", forever: "token", do: user(func(u *models.User) { u.Disabled = true })},
		{name: "a user is disabled and enabled", dana: "subject", forever: "token", do: func(w *world) error {
			must(t, user(func(u *models.User) { u.Disabled = true })(w))
			return user(func(u *models.User) { u.Disabled = false })(w)
		}},
		{name: "a user is deactivated", dana: "subject", forever: "token", do: user(func(u *models.User) { u.Activated = false })},
		{name: "a user is deleted", dana: "subject", forever: "token", do: func(w *world) error {
			_, err := w.store.DeleteUser(w.ctx, w.fixture.shop.ID, w.fixture.dana.ID)
			return err
		}},
		{name: "a user's password changes", dana: "subject", forever: "token", do: func(w *world) error {
			a := w.do(t, "PUT", "/acme/shop/users/dana/password", `{"oldpassword":"`+userPassword+`","newpassword":"loud-meadow-31"}`)
			a.check(t, scenario{wantStatus: 200})
			return nil
		}},
		{name: "an import disables a user", dana: "subject", forever: "token", do: imported(models.UserRecord{Disabled: new(true)})},
		{name: "an import deactivates a user", dana: "subject", forever: "token", do: imported(models.UserRecord{Activated: new(false)})},
		{name: "an application's client", shop: "subject", do: func(w *world) error { return w.service.RevokeClientTokens(w.ctx, w.fixture.shop.ID) }},
		{name: "an application is deleted", dana: "ended", forever: "ended", shop: "ended", do: func(w *world) error {
			return w.store.DeleteApplication(w.ctx, w.fixture.shop.ID)
		}},
		{name: "an application is deleted and restored", dana: "subject", forever: "token", shop: "subject", do: func(w *world) error {
			must(t, w.store.DeleteApplication(w.ctx, w.fixture.shop.ID))
			_, err := w.store.RestoreApplication(w.ctx, w.fixture.shop.ID)
			return err
		}},
		{name: "an organization's client", acme: "subject", do: func(w *world) error { return w.service.RevokeClientTokens(w.ctx, w.fixture.acme.ID) }},
		{name: "an organization is deleted", dana: "ended", forever: "ended", shop: "ended", acme: "subject", do: func(w *world) error {
			return w.store.DeleteOrganization(w.ctx, w.fixture.acme.ID)
		}},
		{name: "all tokens of an admin", olga: "subject", do: func(w *world) error { return w.service.RevokeAdminTokens(w.ctx, w.fixture.olga.ID) }},
		{name: "an admin is disabled", olga: "subject", do: admin(func(a *models.Admin) { a.Disabled = true })},
		{name: "an admin is deactivated", olga: "subject", do: admin(func(a *models.Admin) { a.Activated = false })},
		{name: "an admin's address is not confirmed, where that begins to be demanded", olga: "subject", do: func(w *world) error {
			must(t, admin(func(a *models.Admin) { a.Confirmed = false })(w))
			w.service.AdminConfirmation = true
			return w.store.DenyUnconfirmed(w.ctx)
		}},
		{name: "a key is dropped", dana: "key", shop: "key", acme: "key", olga: "key", do: drop(models.KeyForOrdinary)},
		// Its tokens are revoked one by one besides, so that even readers who know no keys refuse them.
		{name: "the key of tokens for ever is dropped", forever: "key", do: drop(models.KeyForNonExpiring)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{fixture: newServer(t, options{}), ctx: t.Context()}
			w.dana, w.shop, w.acme, w.olga = bare(w.asDana(t)), bare(w.asShop(t)), bare(w.asAcme(t)), bare(w.asOlga(t))
			w.forever = w.tokenOf(t, "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"`+userPassword+`","ttl":0}`)
			early := map[string]*reader{"/acme/shop": w.newReader(t, "/acme/shop"), "/management": w.newReader(t, "/management")}
			for _, r := range early {
				r.sync(t)
			}
			must(t, c.do(w))
			w.clock.advance(31 * time.Second) // complete lists may be that old
			must(t, w.store.CatchUp(w.ctx))
			for _, token := range []struct{ name, raw, path, why string }{
				{"dana", w.dana, "/acme/shop", c.dana},
				{"for ever", w.forever, "/acme/shop", c.forever},
				{"shop", w.shop, "/acme/shop", c.shop},
				{"acme", w.acme, "/management", c.acme},
				{"olga", w.olga, "/management", c.olga},
			} {
				_, err := w.service.AuthenticateToken(w.ctx, token.raw)
				if (err != nil) != (token.why != "") {
					t.Errorf("%s: Writ itself says %v", token.name, err)
				}
				late := w.newReader(t, token.path)
				for who, r := range map[string]*reader{"early": early[token.path], "late": late} {
					r.sync(t)
					if why := r.refuses(token.raw); why != token.why {
						t.Errorf("%s, %s reader: refused by %q, want %q", token.name, who, why, token.why)
					}
				}
			}
		})
	}
}

func TestWhileNoKeySignsReadersOfTheFeedAreAskedToComeBack(t *testing.T) {
	t.Parallel()
	var answer *grants.Error
	if err := feedError(fmt.Errorf("signing: %w", keys.ErrNoKey)); !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable || answer.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
}
