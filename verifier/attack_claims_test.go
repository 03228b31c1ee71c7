package verifier_test

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// SEC-40 SEC-41: one token has one spelling, and what is not one is refused before anything is made of it.
func TestTextsThatAreNoTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	p := s.parts
	forgeries := map[string]forgery{}
	for name, raw := range map[string]string{
		"nothing": "", "dots": "..", "two parts": p[0] + "." + p[1], "four parts": s.raw + ".x", "padding": s.raw + "==",
		"line feed behind": s.raw + "\n", "line feed inside": p[0] + "." + p[1][:8] + "\n" + p[1][8:] + "." + p[2], "space in front": " " + s.raw,
		"NUL behind": s.raw + "\x00", "Bearer": "Bearer " + s.raw, "JWE": s.raw + ".a.b",
		"flattened":           `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`,
		"general":             `{"payload":"` + p[1] + `","signatures":[{"protected":"` + p[0] + `","signature":"` + p[2] + `"}]}`,
		"spare bits":          p[0] + "." + p[1] + "." + p[2][:len(p[2])-1] + spare(p[2][len(p[2])-1]),
		"8 kB and one":        s.raw + strings.Repeat("A", claims.MaxTokenSize+1-len(s.raw)),
		"a megabyte":          strings.Repeat("A", 1<<20),
		"a megabyte of dots":  strings.Repeat(".", 1<<20),
		"data behind":         s.server.Sign(s.header, []byte(s.claims+"{}")),
		"repeated claim":      s.server.Sign(s.header, []byte(strings.TrimSuffix(s.claims, "}")+`,"sub":"somebody"}`)),
		"repeated, escaped":   s.server.Sign(s.header, []byte(strings.TrimSuffix(s.claims, "}")+`,"s\u0075b":"somebody"}`)),
		"claim in capitals":   s.server.Sign(s.header, []byte(strings.TrimSuffix(s.claims, "}")+`,"SUPERUSER":true}`)),
		"not UTF-8":           s.server.Sign(s.header, []byte(strings.Replace(s.claims, "dana", "da\xff", 1))),
		"lone surrogate":      s.server.Sign(s.header, []byte(strings.Replace(s.claims, "dana", `\ud800`, 1))),
		"nested":              s.server.Sign(s.header, []byte(strings.TrimSuffix(s.claims, "}")+`,"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`)),
		"array":               s.server.Sign(s.header, []byte("["+s.claims+"]")),
		"null":                s.server.Sign(s.header, []byte("null")),
		"exp is a text":       s.claiming(t, func(c map[string]any) { c["exp"] = "9999999999" }),
		"exp is null":         s.claiming(t, func(c map[string]any) { c["exp"] = nil }),
		"exp is a fraction":   s.claiming(t, func(c map[string]any) { c["exp"] = json.Number("9999999999.5") }),
		"exp is huge":         s.claiming(t, func(c map[string]any) { c["exp"] = json.Number("1e400") }),
		"exp overflows":       s.claiming(t, func(c map[string]any) { c["exp"] = json.Number("9223372036854775808") }),
		"gen is a text":       s.claiming(t, func(c map[string]any) { c["gen"] = "9" }),
		"roles are a text":    s.claiming(t, func(c map[string]any) { c["roles"] = "admin" }),
		"header repeats alg":  s.signed(s.headerWith(`"alg":"none"`)),
		"header in capitals":  s.signed(s.headerWith(`"ALG":"none"`)),
		"data behind header":  s.signed(s.header + "{}"),
		"header is an array":  s.signed("[" + s.header + "]"),
		"level is unknown":    s.claiming(t, func(c map[string]any) { c["level"] = "root" }),
		"gen is negative":     s.claiming(t, func(c map[string]any) { c["gen"] = -1 }),
		"status is malformed": s.claiming(t, func(c map[string]any) { c["status"] = "valid" }),
	} {
		forgeries[name] = forgery{raw, verifier.ErrMalformed}
	}
	s.attacked(t, forgeries)
}

// spare gives a character with the same four leading bits and other spare bits; 64 bytes leave four bits over.
func spare(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

// SEC-41: what is too long costs nothing, however long it is.
func TestOversizeCostsNothing(t *testing.T) {
	s := newScene(t, "ES256")
	raw := strings.Repeat("A", 16<<20)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = s.v.Verify(ctx, raw) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// SEC-42: to the second, with and without leeway, at first sight and from the cache.
func TestTimesHaveExactBoundaries(t *testing.T) {
	t.Parallel()
	const life = 100
	for _, leeway := range []int64{0, 1, 60} {
		t.Run(fmt.Sprint(leeway), func(t *testing.T) {
			t.Parallel()
			issued := time.Now().Truncate(time.Second)
			now := &fixedClock{}
			now.set(issued)
			server := verifytest.New(t, verifytest.Now(now.now))
			v := server.Verifier(func(c *verifier.Config) { c.Leeway = time.Duration(leeway) * time.Second })
			dana := verifytest.User("dana")
			dana.Expires = new(issued.Unix() + life)
			for _, test := range []struct {
				after time.Duration
				want  error
			}{
				{0, nil},
				{time.Duration(life+leeway)*time.Second - 1, nil},
				{time.Duration(life+leeway) * time.Second, verifier.ErrExpired},
				{time.Duration(life+leeway)*time.Second + 1, verifier.ErrExpired},
				{time.Duration(life+leeway+1) * time.Second, verifier.ErrExpired},
			} {
				now.set(issued)
				fresh, seen := server.Issue(dana), server.Issue(dana)
				accepted(t, v, seen)
				now.set(issued.Add(test.after))
				for name, raw := range map[string]string{"first sight": fresh, "cached": seen} {
					if _, err := v.Verify(t.Context(), raw); !is(err, test.want) {
						t.Errorf("%s, %v after: got %v, want %v", name, test.after, err, test.want)
					}
				}
			}
			// iat in the future: a minute, whatever the leeway.
			now.set(issued)
			for ahead, want := range map[int64]error{60: nil, 61: verifier.ErrNotYet, 3600: verifier.ErrNotYet} {
				early := verifytest.User("dana")
				early.IssuedAt, early.Expires = issued.Unix()+ahead, new(issued.Unix()+2*3600)
				if _, err := v.Verify(t.Context(), server.Issue(early)); !is(err, want) {
					t.Errorf("iat %d s ahead: got %v, want %v", ahead, err, want)
				}
			}
		})
	}
}

// SEC-42
func TestLeewayIsAMinuteAtMost(t *testing.T) {
	t.Parallel()
	for _, leeway := range []time.Duration{-1, time.Minute + 1, time.Hour} {
		if _, err := verifier.New(t.Context(), verifier.Config{Issuer: "https://id.example.com/acme/shop", Leeway: leeway}); err == nil {
			t.Errorf("%v was taken", leeway)
		}
	}
}

// SEC-43: exactly one of the audiences must be ours, letter by letter, in both forms.
func TestAudienceIsComparedExactly(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	own := s.server.Issuer()
	audience := func(value any) string { return s.claiming(t, func(c map[string]any) { c["aud"] = value }) }
	accepted(t, s.v, audience(own))
	accepted(t, s.v, audience([]string{"https://other.example", own}))
	s.attacked(t, map[string]forgery{
		"another":          {audience("https://other.example"), verifier.ErrAudience},
		"others":           {audience([]string{"a", "b"}), verifier.ErrAudience},
		"none":             {audience([]string{}), verifier.ErrAudience},
		"empty":            {audience(""), verifier.ErrAudience},
		"slash behind":     {audience(own + "/"), verifier.ErrAudience},
		"longer":           {audience(own + "x"), verifier.ErrAudience},
		"shorter":          {audience(own[:len(own)-1]), verifier.ErrAudience},
		"other case":       {audience(strings.ToUpper(own)), verifier.ErrAudience},
		"the client":       {audience(verifytest.ApplicationID), verifier.ErrAudience},
		"any":              {audience("*"), verifier.ErrAudience},
		"the management's": {audience(s.server.ManagementIssuer()), verifier.ErrAudience},
		"null":             {audience(nil), verifier.ErrMalformed},
		"an object":        {audience(map[string]any{own: true}), verifier.ErrMalformed},
		"with a number":    {audience([]any{own, 1}), verifier.ErrMalformed},
	})
	configured := s.server.Verifier(func(c *verifier.Config) { c.Audience = "https://api.example.com" })
	refused(t, configured, s.raw, verifier.ErrAudience)
	accepted(t, configured, audience([]string{own, "https://api.example.com"}))
	accepted(t, configured, s.server.Issue(verifytest.Organization()))
}

// SEC-44: all issuers of a server sign with the same keys, so only the comparison of iss keeps tenants apart.
func TestIssuersWithTheSameKeysAreKeptApart(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256", func(c *verifier.Config) { c.ManagementIssuer, c.Organization = "", "" })
	own := s.server.Issuer()
	issuer := func(value any) string {
		return s.claiming(t, func(c map[string]any) { c["iss"], c["aud"] = value, []any{value, own} })
	}
	s.attacked(t, map[string]forgery{
		"other application":  {issuer(strings.Replace(own, "shop", "bank", 1)), verifier.ErrIssuer},
		"other organization": {issuer(strings.Replace(own, "acme", "umbrella", 1)), verifier.ErrIssuer},
		"management":         {issuer(s.server.ManagementIssuer()), verifier.ErrIssuer},
		"organization token": {s.server.Issue(verifytest.Organization()), verifier.ErrIssuer},
		"admin token":        {s.server.Issue(verifytest.Admin("olga", verifytest.OrganizationName)), verifier.ErrIssuer},
		"slash behind":       {issuer(own + "/"), verifier.ErrIssuer},
		"other case":         {issuer(strings.Replace(own, "acme", "Acme", 1)), verifier.ErrIssuer},
		"default port":       {issuer(strings.Replace(own, "/acme", ":80/acme", 1)), verifier.ErrIssuer},
		"dot segments":       {issuer(own + "/../shop"), verifier.ErrIssuer},
		"escaped":            {issuer(strings.Replace(own, "shop", "%73hop", 1)), verifier.ErrIssuer},
		"localhost":          {issuer(strings.Replace(own, "127.0.0.1", "localhost", 1)), verifier.ErrIssuer},
		"empty":              {issuer(""), verifier.ErrIssuer},
	})
}

// SEC-45 SEC-64: no other kind of signed document passes for an access token.
func TestOtherKindsOfDocumentsAreNoAccessTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	forgeries := map[string]forgery{}
	for _, typ := range []string{
		"JWT", "jwt", "", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "id_token", "id+jwt", "logout+jwt", "secevent+jwt", "statuslist+jwt",
		"token-introspection+jwt", "writ-revocations+jwt", "writ-policy+jwt", "dpop+jwt", "refresh+jwt", "JOSE",
	} {
		forgeries["typ "+typ] = forgery{s.server.SignAs(typ, []byte(s.claims)), verifier.ErrMalformed}
	}
	s.attacked(t, forgeries)
}

// SEC-46: nothing that is written about a token or its refusal has its text or its user's name.
func TestTokensAreNotShown(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	token := accepted(t, s.v, s.raw)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{token, []*verifier.Token{token}, struct{ T *verifier.Token }{token}} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, s.parts[2]) || strings.Contains(text, "dana") || text == "" {
				t.Errorf("%s: %s", format, text)
			}
		}
	}
	for _, raw := range []string{s.raw + "x", s.parts[0] + "." + s.parts[1] + ".canary", s.server.SignAs("canary", []byte(s.claims))} {
		if _, err := s.v.Verify(t.Context(), raw); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), s.parts[1]) {
			t.Errorf("got %v", err)
		}
	}
}

// SEC-61b: an ES256 signature (r, s) holds as (r, n-s), too. Both texts are one token, and die together.
func TestBothFormsOfASignatureAreRevoked(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string][]bool{"none seen": {false, false}, "first seen": {true, false}, "second seen": {false, true}, "both seen": {true, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "ES256")
			raw := s.server.Issue(verifytest.User("erik"))
			cut := strings.LastIndexByte(raw, '.') + 1
			signature := decode(t, raw[cut:])
			n := elliptic.P256().Params().N
			new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:])).FillBytes(signature[32:])
			twin := raw[:cut] + encode(signature)
			for i, text := range []string{raw, twin} {
				if seen[i] {
					accepted(t, s.v, text)
				}
			}
			s.server.Revoke(raw)
			s.server.Wait(s.v)
			for range 2 {
				refused(t, s.v, raw, verifier.ErrRevoked)
				refused(t, s.v, twin, verifier.ErrRevoked)
			}
		})
	}
}
