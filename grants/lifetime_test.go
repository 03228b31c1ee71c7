package grants

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// TestLifetimes is the table of wire contract §3 as far as it is arithmetic; the server's tests send the same rows over HTTP.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	unset := (*int64)(nil)
	for _, c := range []struct {
		row     int
		level   claims.Level
		setting *int64
		ttl     any
		deny    bool
		want    lifetime
		maximum int64 // of the refusal
	}{
		{1, claims.ApplicationUser, unset, nil, false, lifetime{millis: 86_400_000}, 0},
		{2, claims.ApplicationUser, unset, json.Number("1800000"), false, lifetime{millis: 1_800_000}, 0},
		{5, claims.ApplicationUser, unset, "86400001", false, lifetime{}, 86_400_000},
		{6, claims.ApplicationUser, unset, "0", false, lifetime{never: true}, 0},
		{7, claims.ApplicationUser, unset, json.Number("0"), true, lifetime{}, 86_400_000},
		{8, claims.ApplicationUser, new(int64(1_800_000)), nil, false, lifetime{millis: 1_800_000}, 0},
		{9, claims.ApplicationUser, new(int64(1_800_000)), json.Number("0"), false, lifetime{}, 1_800_000},
		{10, claims.Application, new(int64(1000)), json.Number("1001"), false, lifetime{}, 1000},
		{11, claims.Application, new(int64(31_536_000_000)), nil, false, lifetime{millis: 31_536_000_000}, 0},
		{12, claims.ApplicationUser, new(int64(0)), nil, false, lifetime{never: true}, 0},
		{13, claims.ApplicationUser, new(int64(0)), json.Number("172800000"), false, lifetime{millis: 172_800_000}, 0},
		{14, claims.ApplicationUser, new(int64(0)), "9223372036854775807", false, lifetime{}, HardMax},
		{15, claims.ApplicationUser, new(int64(0)), nil, true, lifetime{millis: 86_400_000}, 0},
		{16, claims.Organization, new(int64(1_800_000)), nil, false, lifetime{millis: 86_400_000}, 0},
		{18, claims.AdminUser, unset, "2000", false, lifetime{millis: 2000}, 0},
		{19, claims.ApplicationUser, unset, json.Number("999"), false, lifetime{millis: 999}, 0},
		{20, claims.ApplicationUser, new(int64(600_000)), "600001", false, lifetime{}, 600_000},
	} {
		s := &Service{Config: Config{TokenTTL: 86_400_000, NonExpiring: !c.deny}}
		tenant := &Tenant{Application: models.Application{Settings: models.Settings{AccessTokenTTL: c.setting}}}
		ttl, err := ParseTTL(c.ttl)
		must(t, err)
		got, err := s.lifetime(ttl, c.level, tenant)
		if got != c.want {
			t.Errorf("row %d: %+v, want %+v", c.row, got, c.want)
		}
		if wanted := c.maximum > 0; wanted != (err != nil) {
			t.Errorf("row %d: error %v", c.row, err)
		} else if wanted {
			text := "Your token age cannot be more than the maximum age of " + strconv.FormatInt(c.maximum, 10) + " milliseconds"
			if e := err.(*Error); e.Description != text || e.Code != "illegal_argument" || e.In(RFC6749).Code != "invalid_request" { //nolint:errorlint,forcetypeassert // lifetime promises *Error
				t.Errorf("row %d: %+v", c.row, e)
			}
		}
	}
}

// SEC-18
func TestTTLSyntax(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{
		"derp", json.Number("-1"), json.Number("1.5"), "1e3", json.Number("1e3"), "-0", "+1", " 1", "1 ", "0x10", "NaN", "9223372036854775808",
		"99999999999999999999999999", "１", true,
		[]any{},
		map[string]any{},
		1.0,
	} {
		if _, err := ParseTTL(bad); code(t, err, Usergrid) != "illegal_argument" || code(t, err, RFC6749) != "invalid_request" {
			t.Errorf("%v (%T): %v", bad, bad, err)
		}
	}
	for _, absent := range []any{nil, ""} {
		if ttl, err := ParseTTL(absent); err != nil || ttl.IsSet() {
			t.Errorf("%v: %v, %v", absent, ttl, err)
		}
	}
}

func FuzzParseTTL(f *testing.F) {
	for _, seed := range []string{"", "0", "1800000", "-1", "1e3", "9223372036854775807", "9223372036854775808", "007"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fromForm, err := ParseTTL(text)
		fromJSON, errJSON := ParseTTL(json.Number(text))
		if text != "" && ((err == nil) != (errJSON == nil) || fromForm != fromJSON) {
			t.Fatalf("form says %v, %v; JSON says %v, %v", fromForm, err, fromJSON, errJSON)
		}
		want, oracle := strconv.ParseUint(text, 10, 63)
		if valid := oracle == nil; text != "" && valid != (err == nil) {
			t.Fatalf("%q: %v, oracle %v", text, err, oracle)
		}
		if err == nil && text != "" && fromForm.millis != int64(want) {
			t.Fatalf("%q is %d", text, fromForm.millis)
		}
	})
}

func TestExpiryIsNeverEarlierAndLessThanASecondLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.advance(123 * time.Millisecond)
	for _, millis := range []int64{1, 999, 1000, 1001, 60_000, 86_400_000} {
		token := f.token(t, with(f.login(), func(r *TokenRequest) { r.TTL = TTL{set: true, millis: millis} }))
		promised := f.clock.now().UnixMilli() + millis
		if late := *token.Claims.Expires*1000 - promised; late < 0 || late >= 1000 {
			t.Errorf("ttl %d: exp is %d ms late", millis, late)
		}
		if token.ExpiresIn != millis/1000 {
			t.Errorf("ttl %d: expires_in %d", millis, token.ExpiresIn)
		}
	}
}

// SEC-49: a key that rotates cannot stay for a hundred years.
func TestVeryLongTokensAreSignedByTheLongTermKey(t *testing.T) {
	t.Parallel()
	for millis, want := range map[int64]keys.Purpose{
		86_400_000: keys.Ordinary, keys.LongestOrdinary.Milliseconds(): keys.Ordinary,
		keys.LongestOrdinary.Milliseconds() + 1: keys.NonExpiring, HardMax: keys.NonExpiring,
	} {
		if got := (lifetime{millis: millis}).purpose(); got != want {
			t.Errorf("%d ms: %s", millis, got)
		}
	}
	if (lifetime{never: true}).purpose() != keys.NonExpiring {
		t.Error("for ever")
	}
}

// SEC-19
func TestNonExpiringTokensAreRegistered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	req := with(f.login(), func(r *TokenRequest) { r.TTL, r.Label = TTL{set: true}, "warehouse scanner" })
	token := f.token(t, req)
	if token.ExpiresIn != math.MaxInt32 || token.Claims.Expires != nil {
		t.Fatalf("expires_in %d, exp %v", token.ExpiresIn, token.Claims.Expires)
	}
	row, err := f.store.RegisteredToken(t.Context(), token.Claims.ID)
	must(t, err)
	if row.Label != "warehouse scanner" || row.Subject != f.dana.ID || row.IssuedFrom != req.Source || row.IssuedBy != f.dana.ID ||
		row.Organization != "acme" || row.Application != "shop" || row.Level != "application_user" || row.Revoked != nil {
		t.Errorf("registered as %+v", row)
	}
	signed, err := claims.Split(token.AccessToken)
	must(t, err)
	if row.KID != signed.Header.KeyID || row.KID == "" {
		t.Errorf("registered with the key %q", row.KID)
	}
	f.clock.advance(99 * 365 * 24 * time.Hour)
	must(t, f.accepted(t.Context(), token.AccessToken))
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.NonExpiringExp = true })
	req.Tenant = f.shop
	if token = f.token(t, req); token.Claims.Expires == nil || *token.Claims.Expires != claims.FarFuture {
		t.Errorf("exp %v, want the year 9999", token.Claims.Expires)
	}
}
