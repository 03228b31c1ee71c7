package keys

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/models"
)

func TestOpenCreatesOneKeyPerPurposeAndFindsThemAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, NonExpiring)
	for _, purpose := range []Purpose{Ordinary, NonExpiring} {
		rows := w.rows(purpose)
		if len(rows) != 1 || rows[0].Alg != "ES256" || rows[0].State != StateSigning || rows[0].Created <= start {
			t.Errorf("%s: %+v", purpose, rows)
		}
	}
	again := w.open("ES256")
	if len(w.rows(Ordinary)) != 1 || len(w.rows(NonExpiring)) != 1 {
		t.Error("opened twice, keys created twice")
	}
	if got, err := again.Verify(raw); err != nil || string(got) != payload {
		t.Errorf("a token from before the restart: %v", err)
	}
	if !r.Ready() || !again.Ready() {
		t.Error("not ready")
	}
}

// SEC-53: neither the rows nor the log have anything of a private key.
func TestPrivateKeysAreSealedAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	for _, k := range r.current.Load().keys {
		private := k.private.(deterministicECDSA).key //nolint:forcetypeassert // an ES256 ring
		scalar, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{string(scalar), encode(scalar)} {
			if strings.Contains(string(k.row.Sealed)+string(k.row.Public)+string(r.JWKS().Body)+w.log.String(), secret) {
				t.Error("a private key is in the clear")
			}
		}
	}
	if !strings.Contains(w.log.String(), "signing key created") {
		t.Errorf("log: %s", w.log)
	}
}

func TestReplicasThatStartTogetherAgreeOnTheKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rings := make([]*Ring, 8)
	var group sync.WaitGroup
	for i := range rings {
		config := w.config("EdDSA")
		group.Go(func() {
			var err error
			if rings[i], err = Open(t.Context(), config); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	if len(w.rows(Ordinary)) != 1 || len(w.rows(NonExpiring)) != 1 {
		t.Errorf("%d and %d keys", len(w.rows(Ordinary)), len(w.rows(NonExpiring)))
	}
	for _, r := range rings {
		if r.JWKS().ETag != rings[0].JWKS().ETag {
			t.Error("replicas publish different keys")
		}
	}
}

func TestOpenUnderAnotherMasterKeyFailsClearly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open("ES256")
	w.sealer = newSealer(t, 2)
	if r, err := Open(t.Context(), w.config("ES256")); !errors.Is(err, ErrMasterKey) || r != nil {
		t.Errorf("got %v, %v", r, err)
	}
	if len(w.rows(Ordinary)) != 1 {
		t.Error("a second key was created")
	}
}

func TestOpenRefusesAnIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*Config){
		"no store": func(c *Config) { c.Store = nil }, "no sealer": func(c *Config) { c.Sealer = nil },
		"no algorithm": func(c *Config) { c.Algorithm = "" }, "none": func(c *Config) { c.Algorithm = "none" },
		"HS256": func(c *Config) { c.Algorithm = "HS256" }, "lower case": func(c *Config) { c.Algorithm = "es256" },
	} {
		config := w.config("ES256")
		change(&config)
		if _, err := Open(t.Context(), config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if rows := w.rows(Ordinary); len(rows) != 0 {
		t.Errorf("keys were created: %v", rows)
	}
}

func TestChangedAlgorithmBeginsARotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.open("ES256")
	old := w.sign(before, Ordinary)
	after := w.open("EdDSA")
	if got := strings.Join(after.Algorithms(), " "); got != "ES256 EdDSA" {
		t.Errorf("algorithms %s", got)
	}
	for _, purpose := range purposes() {
		rows := w.rows(purpose)
		if len(rows) != 2 || rows[0].State != StateSigning || rows[1].State != StateAnnounced || rows[1].Alg != "EdDSA" {
			t.Errorf("%s: %+v", purpose, rows)
		}
	}
	// A replica that still has the old setting, or a second start, begins no other one.
	w.open("ES256")
	w.open("EdDSA")
	w.advance(DefaultAnnounce)
	if err := after.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, purpose := range purposes() {
		rows := w.rows(purpose)
		if len(rows) != 2 || rows[0].State != StateRetiring || rows[1].State != StateSigning {
			t.Errorf("%s: %+v", purpose, rows)
		}
	}
	if got, err := after.Verify(old); err != nil || string(got) != payload {
		t.Errorf("an older token: %v", err)
	}
	// The other replica follows instead of signing with a retiring key.
	if err := before.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := after.Verify(w.sign(before, Ordinary)); err != nil || before.current.Load().signing[Ordinary].row.Alg != "EdDSA" {
		t.Errorf("the other replica signs with %s, %v", before.current.Load().signing[Ordinary].row.Alg, err)
	}
	checkJWKS(t, before)
}

func TestACommandBesideAServerKeepsTheAlgorithm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open("EdDSA")
	config := w.config("ES256")
	config.Beside = true
	r, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	w.expect(Ordinary, "signing")
	if _, err := r.Rotate(t.Context(), Ordinary, false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Drop(t.Context(), w.rows(NonExpiring)[0].KID); err != nil {
		t.Fatal(err)
	}
	for _, row := range append(w.rows(Ordinary), w.rows(NonExpiring)...) {
		if row.Alg != "EdDSA" {
			t.Errorf("%+v", row)
		}
	}
	w.expect(Ordinary, "signing announced")
	w.expect(NonExpiring, "dropped signing")
}

// SEC-49
func TestAnnouncedKeyIsPublishedAndVerifiesButDoesNotSign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	announced, err := generate(w.sealer, "ES256", Ordinary, StateAnnounced, w.now())
	if err != nil {
		t.Fatal(err)
	}
	w.create(announced)
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(r.JWKS().Body, []byte(announced.KID)) {
		t.Error("not published")
	}
	k := r.current.Load()
	if k.signing[Ordinary].row.KID == announced.KID {
		t.Error("it signs")
	}
	// Another replica may have promoted it a moment ago.
	raw, err := k.keys[announced.KID].sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(raw); err != nil {
		t.Error(err)
	}
}

func TestOpenPromotesAnAnnouncedKeyWhenNoneSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	announced, err := generate(w.sealer, "ES256", Ordinary, StateAnnounced, w.now())
	if err != nil {
		t.Fatal(err)
	}
	w.create(announced)
	w.open("ES256")
	if rows := w.rows(Ordinary); len(rows) != 1 || rows[0].State != StateSigning {
		t.Errorf("%+v", rows)
	}
}

// SEC-52
func TestRemovedKeyVerifiesNothingAfterReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, Ordinary)
	before := r.JWKS()
	w.remove(w.rows(Ordinary)[0])
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuse(t, r, "token of the removed key", raw, ErrUnknownKey)
	if r.Ready() || r.JWKS().ETag == before.ETag || bytes.Contains(r.JWKS().Body, []byte(w.rows(Ordinary)[0].KID)) {
		t.Error("the removed key is still there")
	}
	if _, err := r.Sign(Ordinary, []byte(payload)); !errors.Is(err, ErrNoKey) {
		t.Errorf("Sign: %v", err)
	}
	w.open("ES256")
	if err := r.Reload(t.Context()); err != nil || !r.Ready() {
		t.Errorf("no new key after a restart: %v", err)
	}
}

// SEC-53: whoever can write to the database, but does not have the master key, cannot make us trust or publish a key.
func TestKeysWithoutAProvedPrivatePartAreNotLoaded(t *testing.T) {
	t.Parallel()
	origin := newWorld(t)
	origin.open("ES256")
	good, other := origin.rows(Ordinary)[0], origin.rows(NonExpiring)[0]
	for name, change := range map[string]func(*models.SigningKey){
		"sealed part of another key": func(k *models.SigningKey) { k.Sealed = other.Sealed },
		"public part of another key": func(k *models.SigningKey) { k.Public = other.Public },
		"kid of another key":         func(k *models.SigningKey) { k.KID = other.KID },
		"kid in another spelling":    func(k *models.SigningKey) { k.KID += "=" },
		"everything but the sealing": func(k *models.SigningKey) { k.KID, k.Public = other.KID, other.Public },
		"everything but the kid":     func(k *models.SigningKey) { k.Sealed, k.Public = other.Sealed, other.Public },
		"no sealed part":             func(k *models.SigningKey) { k.Sealed = []byte{} },
		"no public part":             func(k *models.SigningKey) { k.Public = []byte{} },
		"public part is no JWK":      func(k *models.SigningKey) { k.Public = []byte("x") },
		"sealed part damaged":        func(k *models.SigningKey) { k.Sealed = flip(k.Sealed, len(k.Sealed)-1, 1) },
		"another algorithm":          func(k *models.SigningKey) { k.Alg = "EdDSA" },
		"RSA algorithm":              func(k *models.SigningKey) { k.Alg = "PS256" },
		"algorithm none":             func(k *models.SigningKey) { k.Alg = "none" },
		"another purpose":            func(k *models.SigningKey) { k.Purpose = "feed" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, state := range []string{StateSigning, StateAnnounced, StateRetiring} {
				row := good
				row.State = state
				change(&row)
				if k, err := load(origin.sealer, row, false); k != nil || !errors.Is(err, ErrBadKey) && !errors.Is(err, ErrSealed) {
					t.Errorf("%s: %v", state, err)
				}
				w := newWorld(t)
				w.create(row)
				if _, err := Open(t.Context(), w.config("ES256")); err == nil {
					t.Errorf("%s: Open accepts it", state)
				}
			}
		})
	}
}

func TestReloadLeavesABadKeyOutAndReportsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, Ordinary)
	evil, err := generate(newSealer(t, 1), "ES256", Ordinary, StateSigning, w.now())
	if err != nil {
		t.Fatal(err)
	}
	evil.Sealed = []byte("nothing")
	w.create(evil)
	w.remove(w.rows(NonExpiring)[0])
	if err := r.Reload(t.Context()); !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), evil.KID) {
		t.Errorf("got %v", err)
	}
	if bytes.Contains(r.JWKS().Body, []byte(evil.KID)) || len(r.current.Load().keys) != 1 {
		t.Error("the bad key is published, or the removed one stayed")
	}
	if _, err := r.Verify(raw); err != nil {
		t.Errorf("good key: %v", err)
	}
}

// SEC-39: readers need neither database nor lock.
func TestReadersWorkWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	ended, end := context.WithCancel(t.Context())
	end()
	before := r.JWKS().ETag
	if err := r.Reload(ended); err == nil {
		t.Fatal("the store answers a context that has ended")
	}
	r.config.Store = nil // any use from here on is a panic
	raw := w.sign(r, Ordinary)
	if _, err := r.Verify(raw); err != nil {
		t.Error(err)
	}
	refuse(t, r, "unknown kid", forge(t, r, header("at+jwt", "ES256", "../../'--"), payload), ErrUnknownKey)
	if r.JWKS().ETag != before || !r.Ready() {
		t.Error("a failed Reload changed the keys")
	}
}

func TestReadersAndReloadsRunTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				raw, err := r.Sign(Ordinary, []byte(payload))
				if err == nil {
					_, err = r.Verify(raw)
				}
				if err != nil || len(r.JWKS().Body) == 0 {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Go(func() {
		for range 20 {
			if err := r.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}

// SEC-54
func TestNewKeysAreStrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if public, _ := publicOf(w.open("PS256")); public.(*rsa.PublicKey).N.BitLen() != 3072 { //nolint:forcetypeassert // an RSA ring
		t.Error("RSA keys are not of 3072 bits")
	}
	if public, _ := publicOf(newWorld(t).open("ES256")); public.(*ecdsa.PublicKey).Curve != elliptic.P256() { //nolint:forcetypeassert // ES256
		t.Error("not on P-256")
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a weak key is what is tested
	if err != nil {
		t.Fatal(err)
	}
	row, err := seal(w.sealer, weak, "RS256", Ordinary, StateSigning, w.now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(w.sealer, row, false); !errors.Is(err, ErrBadKey) {
		t.Errorf("a key of 1024 bits: %v", err)
	}
}
