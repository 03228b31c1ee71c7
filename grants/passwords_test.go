package grants

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/models"
)

func testPasswords() *Passwords { return NewPasswords(Policy{MinLength: 8, Cost: cheap}, 2) }

// SEC-26
func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"quiet-harbor-7":               "",
		"seven77":                      "error_length_policy: must be at least 8 characters",
		"":                             "error_length_policy: must be at least 8 characters",
		"äöüÄÖÜß":                      "error_length_policy: must be at least 8 characters",
		"e\u0301e\u0301e\u0301e\u0301": "error_length_policy: must be at least 8 characters", // four after NFC
		"password1":                    "error_common_policy: must not be a commonly used password",
		"PassWord1":                    "error_common_policy: must not be a commonly used password",
		strings.Repeat("é", 256):       "",
		strings.Repeat("é", 257):       "error_length_policy: must be no longer than 256 characters",
		"bad\xffutf8-text":             "error_encoding_policy: must be valid UTF-8",
		"nul\x00byte-inside":           "",
	} {
		err := testPasswords().Check(password)
		var invalid *models.Invalid
		if got := reasonOf(err, &invalid); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
		if got := reasonOf(Policy{MinLength: 8}.Check(password), &invalid); got != want {
			t.Errorf("%q without a pool: %q, want %q", password, got, want)
		}
	}
	if err := NewPasswords(Policy{MinLength: 4, AllowCommon: true, Cost: cheap}, 1).Check("password"); err != nil {
		t.Errorf("common passwords allowed: %v", err)
	}
}

func reasonOf(err error, invalid **models.Invalid) string {
	if errors.As(err, invalid) {
		return (*invalid).Reason
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// SEC-25
func TestLongAndUnusualPasswordsAreNeitherCutNorConfused(t *testing.T) {
	t.Parallel()
	p := testPasswords()
	long := strings.Repeat("long and unicode ✓ ", 13)
	for _, password := range []string{long, "nul\x00byte-one", strings.Repeat("a", 72) + "-the end"} {
		hash, err := p.Hash(t.Context(), password)
		must(t, err)
		for other, want := range map[string]bool{
			password: true, password + "x": false, password[:len(password)-1]: false, strings.Replace(password, "\x00", "", 1) + "y": false,
		} {
			ok, _, err := p.Verify(t.Context(), hash, other)
			must(t, err)
			if ok != want {
				t.Errorf("%q against %q: %v", other, password, ok)
			}
		}
	}
	hash, err := p.Hash(t.Context(), "caf\u00e9-au-lait")
	must(t, err)
	if ok, _, _ := p.Verify(t.Context(), hash, "cafe\u0301-au-lait"); !ok {
		t.Error("the same text in another normal form is refused")
	}
	cut := strings.Repeat("a", MaxPasswordLength)
	hash, err = p.Hash(t.Context(), cut)
	must(t, err)
	if ok, _, _ := p.Verify(t.Context(), hash, cut+strings.Repeat("b", 100_000)); ok {
		t.Error("what follows a long password is ignored")
	}
}

// SEC-24
func TestDefaultHashIsArgon2idAtTheMinimumOfOWASP(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8}, 1)
	hash, err := p.Hash(t.Context(), "quiet-harbor-7")
	must(t, err)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", hash[:32])
	}
	if ok, outdated, err := p.Verify(t.Context(), hash, "quiet-harbor-7"); !ok || outdated || err != nil {
		t.Errorf("verify: %v, %v, %v", ok, outdated, err)
	}
}

func TestWeakerHashesAreReplacedAtTheNextLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.Passwords = NewPasswords(Policy{MinLength: 8, Cost: Cost{Memory: 128, Time: 1, Threads: 1}}, 1)
	})
	imported, err := bcrypt.GenerateFromPassword([]byte(userPassword), bcrypt.MinCost)
	must(t, err)
	weak := f.user(t, "legacy", func(u *models.User) { u.PasswordHash = string(imported) })
	f.token(t, with(f.login(), func(r *TokenRequest) { r.Username = "legacy" }))
	now, err := f.store.User(t.Context(), f.shop.Application.ID, weak.ID.String())
	must(t, err)
	if !strings.HasPrefix(now.PasswordHash, "$argon2id$") || now.Generation != weak.Generation {
		t.Errorf("after the login: %s, generation %d", now.PasswordHash[:10], now.Generation)
	}
	f.token(t, with(f.login(), func(r *TokenRequest) { r.Username = "legacy" }))
}

func TestUnusableHashesMatchNothing(t *testing.T) {
	t.Parallel()
	p := testPasswords()
	for _, hash := range []string{
		"", "x", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
		"$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$2b$99$short", "$argon2id$v=19$m=64,t=0,p=0$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
	} {
		if ok, _, err := p.Verify(t.Context(), hash, ""); ok || err != nil {
			t.Errorf("%q: %v, %v", hash, ok, err)
		}
		if ValidHash(hash) {
			t.Errorf("%q counts as valid", hash)
		}
	}
}

// SEC-27
func TestAFullQueueIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	hold, held := make(chan struct{}), make(chan struct{})
	go func() {
		_ = p.run(t.Context(), func() { close(held); <-hold })
	}()
	<-held
	var queued sync.WaitGroup
	for range queuePerWorker {
		queued.Go(func() { _ = p.run(t.Context(), func() {}) })
	}
	for p.Queued() < queuePerWorker {
		t.Log("waiting for the queue to fill")
	}
	_, _, err := p.Verify(t.Context(), "", "x")
	if e, ok := err.(*Error); !ok || e.Status != 503 || e.RetryAfter <= 0 { //nolint:errorlint // Verify promises *Error
		t.Errorf("got %v", err)
	}
	close(hold)
	queued.Wait()
}

func TestNobodyHashesForACallerWhoIsGone(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.run(ctx, func() { t.Error("hashed all the same") }); code(t, err, RFC6749) != "temporarily_unavailable" {
		t.Errorf("got %v", err)
	}
	must(t, p.run(t.Context(), func() {})) // the abandoned job has passed the only worker by now
}

// SEC-31
func TestChangingAPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.store.UpdateOrganization(t.Context(), orgOf(f.shop), func(o *models.Organization) error {
		o.PasswordHistorySize = 2
		return nil
	})
	must(t, err)
	f.shop, err = f.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	app, err := f.AuthenticateClient(t.Context(), f.clientID(f.shop), f.shopSecret, "")
	must(t, err)
	change := func(caller *Caller, user, before, after, want string) {
		t.Helper()
		err := f.ChangeUserPassword(t.Context(), f.shop, caller, user, before, after, "192.0.2.1")
		var invalid *models.Invalid
		var got string
		switch {
		case errors.Is(err, models.ErrNotFound):
			got = "not found"
		case errors.As(err, &invalid):
			got = invalid.Code
		default:
			got = code(t, err, Usergrid)
		}
		if got != want {
			t.Errorf("%s: %q to %q: %q, want %q", user, before, after, got, want)
		}
	}
	guest := &Caller{}
	token := f.token(t, f.login())
	change(guest, "dana", "", "", "illegal_argument")
	change(guest, "dana", userPassword, "", "illegal_argument")
	change(guest, "dana", "", "new-harbor-8", "illegal_argument")
	change(guest, "dana", "wrong", "new-harbor-8", "auth_invalid_username_or_password")
	change(guest, "nobody", userPassword, "new-harbor-8", "auth_invalid_username_or_password")
	change(app, "nobody", "", "new-harbor-8", "not found")
	change(guest, "dana", userPassword, "short", models.CodePasswordPolicy)
	change(guest, "dana", userPassword, userPassword, "recently_used_password")
	must(t, f.accepted(t.Context(), token.AccessToken))
	change(guest, "dana", userPassword, "new-harbor-8", "")
	if err := f.accepted(t.Context(), token.AccessToken); !errors.Is(err, ErrRevoked) {
		t.Errorf("the older token: %v", err)
	}
	change(app, "dana", "wrong", userPassword, "recently_used_password")
	change(app, "dana", "wrong", "third-harbor-9", "")
	change(app, "dana", "", userPassword, "")
	f.token(t, f.login())
	root := &Caller{Level: "admin_user", Superuser: true, Admin: &f.root}
	admin := func(caller *Caller, ref, before, want string) {
		t.Helper()
		err := f.ChangeAdminPassword(t.Context(), caller, ref, before, "new-harbor-8", "192.0.2.1")
		if got := code(t, err, Usergrid); got != want {
			t.Errorf("admin %s: %q, want %q", ref, got, want)
		}
	}
	admin(guest, "olga", "wrong", "auth_invalid_username_or_password")
	admin(guest, "nobody", "wrong", "auth_invalid_username_or_password")
	admin(root, "superuser", rootPassword, "illegal_argument")
	admin(guest, "olga", adminPassword, "")
	admin(root, "olga", "", "recently_used_password")
}
