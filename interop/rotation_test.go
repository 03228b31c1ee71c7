package interop

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/store"
	"github.com/writ-auth/writ/verifier"
)

// How much the rotations below are watched: a million verifications in all (see race_test.go for fewer).
const (
	wantedChecks     = rotations * 50_000
	rotationInterval = 3 * time.Hour
	tokenLifeMinutes = 90
	newEachMinute    = 2
	leaves           = 2*180 - 30
	mostPublished    = 12               // a key leaves a day after it has signed, which is eight rotations
	comesBack        = 15 * time.Second // the longest pause between two attempts, and some
)

// SEC-49
// SEC-51
//
// Keys rotate twenty times in sixty hours of a bubble's clock, under a real server and real verifiers: one stays connected, one loses its
// network for an hour in which the key changes. Every token that lives is verified all the time: none is ever refused.
func TestRotationsFailNoVerification(t *testing.T) {
	t.Parallel()
	// Both have goroutines that never end, which a bubble does not allow; they have no timers, and know the time from whoever calls them.
	passwords := grants.NewPasswords(grants.Policy{MinLength: 8}, 1)
	db, err := store.Open(t.Context(), store.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: tokenLifeMinutes * 60_000, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		sleep(time.Until(now)) // a bubble begins in the year 2000
		w := newRotating(t, db, passwords)
		steady, returning := w.verifier(t), w.verifier(t)
		var tokens []string
		checks, signers := 0, map[string]bool{}
		const minutes = (rotations + 1) * int(rotationInterval/time.Minute)
		perMinute := wantedChecks/minutes + 1
		for minute := range minutes {
			for range newEachMinute {
				raw := w.token(t)
				signers[kidOf(t, raw)] = true
				tokens = append(tokens, raw)
			}
			tokens = tokens[max(0, len(tokens)-newEachMinute*(tokenLifeMinutes-1)):]
			// The keys change in minutes 180, 360 and so on; the absence is around one of them.
			if minute == leaves {
				returning.line.cut()
			}
			if minute == leaves+60 {
				returning.line.mend()
				sleep(comesBack)
				must(t, returning.Ready())
			}
			away := minute >= leaves && minute < leaves+60
			for i := range perMinute {
				on := steady
				if i%2 == 1 && !away {
					on = returning
				}
				// From the newest on: a token is checked in the moment in which it was issued, and every minute until its end.
				if _, err := on.Verify(t.Context(), tokens[len(tokens)-1-i/2%len(tokens)]); err != nil {
					t.Fatalf("minute %d, check %d: %v", minute, i, err)
				}
				checks++
			}
			if away && minute == leaves+59 {
				// What it cannot know it must not invent: nothing is refused that its keys still cover.
				for _, raw := range tokens[:len(tokens)/3] {
					if _, err := returning.Verify(t.Context(), raw); err != nil && !errors.Is(err, verifier.ErrStale) {
						t.Errorf("offline: %v", err)
					}
				}
			}
			sleep(time.Minute)
			synctest.Wait()
		}
		if checks < wantedChecks || len(signers) <= rotations {
			t.Errorf("%d checks of tokens signed by %d keys, want %d of %d", checks, len(signers), wantedChecks, rotations+1)
		}
		t.Logf("%d verifications, %d signing keys, %d published now", checks, len(signers), w.published(t))
		if published := w.published(t); published > mostPublished {
			t.Errorf("%d keys are published", published)
		}
	})
}

// rotating is a server with the fast life of keys, in a bubble.
type rotating struct {
	net        *pipes
	ring       *keys.Ring
	service    *grants.Service
	id, secret string
}

const rotatingURL = "http://127.0.0.1:8080"

func newRotating(t *testing.T, db *store.Store, passwords *grants.Passwords) *rotating {
	t.Helper()
	w := &rotating{net: newPipes()}
	quiet := slog.New(slog.DiscardHandler)
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	w.ring, err = keys.Open(t.Context(), keys.Config{
		Store: db, Sealer: sealer, Algorithm: "ES256", Rotation: rotationInterval, Logger: quiet,
	})
	must(t, err)
	secrets := grants.NewSecrets(sealer, true)
	w.service, err = grants.New(t.Context(), grants.Config{
		PublicURL: rotatingURL, TokenTTL: tokenLifeMinutes * 60_000, NonExpiring: true, Superuser: "superuser",
		Store: db, Keys: w.ring, Passwords: passwords, Secrets: secrets, Now: time.Now, Logger: quiet,
	})
	must(t, err)
	hub, err := feed.New(t.Context(), feed.Config{Store: db, Signer: w.ring, Now: time.Now, Logger: quiet})
	must(t, err)
	db.Subscribe(func(change models.Change) { w.ring.Apply(t.Context(), change) })
	db.Subscribe(w.service.Apply)
	db.Subscribe(hub.Apply)
	handler := server.New(server.Config{
		PublicURL: rotatingURL, Version: "test", Now: time.Now, Logger: quiet, Grants: w.service, Store: db, Keys: w.ring, Feed: hub,
		Passwords: passwords, Secrets: secrets,
	})
	w.found(t, db, secrets)

	http := handler.HTTPServer()
	var loops sync.WaitGroup
	for _, loop := range []func(){
		func() { _ = http.Serve(w.net) }, func() { _ = db.Run(t.Context()) }, func() { _ = w.ring.Run(t.Context()) }, func() { _ = hub.Run(t.Context()) },
	} {
		loops.Go(loop)
	}
	t.Cleanup(func() {
		must(t, http.Close())
		loops.Wait()
	})
	return w
}

// found makes organization acme with application shop.
func (w *rotating) found(t *testing.T, db *store.Store, secrets *grants.Secrets) {
	t.Helper()
	acme, err := models.NewOrganization("acme", time.Now())
	must(t, err)
	shop, err := models.NewApplication(acme.ID, "shop", time.Now())
	must(t, err)
	owner, _, err := secrets.NewClient(models.OrganizationClient, acme.ID, time.Now())
	must(t, err)
	client, secret, err := secrets.NewClient(models.ApplicationClient, shop.ID, time.Now())
	must(t, err)
	w.id, w.secret = client.ClientID(), secret
	must(t, db.CreateOrganization(t.Context(), store.NewOrganization{Organization: acme, Client: owner, Applications: []store.NewApplication{
		{Application: shop, Client: client, Roles: models.DefaultRoles(shop.ID, false, time.Now())},
	}}))
}

// token asks the token endpoint, as a client would.
func (w *rotating) token(t *testing.T) string {
	t.Helper()
	tenant, err := w.service.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	token, err := w.service.Token(t.Context(), grants.TokenRequest{
		Tenant: tenant, Dialect: grants.RFC6749, GrantType: "client_credentials", Client: grants.PresentedClient{ID: w.id, Secret: w.secret},
	})
	must(t, err)
	return token.AccessToken
}

type reader struct {
	*verifier.Verifier

	line *line
}

func (w *rotating) verifier(t *testing.T) reader {
	t.Helper()
	way := &line{to: w.net}
	transport := &http.Transport{DialContext: way.dial}
	v, err := verifier.New(t.Context(), verifier.Config{Issuer: rotatingURL + "/acme/shop", HTTPClient: &http.Client{Transport: transport}})
	must(t, err)
	t.Cleanup(func() {
		v.Close()
		transport.CloseIdleConnections()
	})
	return reader{v, way}
}

func (w *rotating) published(t *testing.T) int {
	t.Helper()
	var set struct{ Keys []json.RawMessage }
	must(t, json.Unmarshal(w.ring.JWKS().Body, &set))
	return len(set.Keys)
}

func kidOf(t *testing.T, raw string) string {
	t.Helper()
	token, err := claims.Split(raw)
	must(t, err)
	return token.Header.KeyID
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sleep lets the time of a bubble pass.
func sleep(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // in a bubble this takes no time
