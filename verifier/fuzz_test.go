package verifier_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// FuzzVerify compares with a slow and simple reader made of other parts: jwx for the signature, encoding/json for what the token says.
// Whatever Verify accepts, that reader accepts and understands in the same way; a second look says what the first one said.
func FuzzVerify(f *testing.F) {
	server := verifytest.New(f)
	v := server.Verifier()
	good := server.Issue(verifytest.User("dana", "clerk"))
	parts := strings.Split(good, ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	f.Add(string(header), payload, "", "")
	f.Add(string(header), payload, "=", "")
	f.Add(string(header), payload, "", "x")
	f.Add(string(header), bytes.Replace(payload, []byte(`"exp"`), []byte(`"Exp"`), 1), "", "")
	f.Add(string(header), append(payload, `{"sub":"x"}`...), "", "")
	f.Add(strings.Replace(string(header), "at+jwt", "JWT", 1), payload, "", "")
	f.Add(strings.Replace(string(header), "ES256", "none", 1), payload, "", "")
	f.Add(`{"typ":"at+jwt","alg":"ES256","kid":"","kid":"x"}`, payload, "", "")
	f.Fuzz(func(t *testing.T, header string, payload []byte, behind, before string) {
		for _, raw := range []string{before + server.Sign(header, payload) + behind, before + good + behind} {
			token, err := v.Verify(t.Context(), raw)
			again, errAgain := v.Verify(t.Context(), raw)
			if !sameError(err, errAgain) || (err == nil) != (token != nil) {
				t.Fatalf("first %v, %v, then %v, %v", token, err, again, errAgain)
			}
			said, ok := slowRead(server, raw)
			switch {
			case err != nil && raw == good:
				t.Fatalf("a good token is refused: %v", err)
			case err == nil && !ok:
				t.Fatalf("accepted against the slow reader: %q", raw)
			case err == nil && (said.Subject != token.Subject() || said.ID != token.ID() || said.Level != token.Level() || !slices.Equal(said.Roles, token.Claims().Roles)):
				t.Fatalf("the slow reader says %+v, Verify %+v", said, token.Claims())
			}
		}
	})
}

func sameError(a, b error) bool { return a == nil && b == nil || a != nil && b != nil && is(a, b) }

func slowRead(server *verifytest.Server, raw string) (said claims.Claims, ok bool) {
	payload, err := jws.Verify([]byte(raw), jws.WithKey(jwa.ES256, server.Key().Public()))
	if err != nil {
		return said, false
	}
	message, err := jws.Parse([]byte(raw))
	if err != nil {
		return said, false
	}
	protected := message.Signatures()[0].ProtectedHeaders()
	if protected.Type() != "at+jwt" || protected.KeyID() != server.KeyID() || protected.Algorithm() != jwa.ES256 || len(protected.Critical()) > 0 {
		return said, false
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return said, false
	}
	now := time.Now().Unix()
	return said, said.Issuer == server.Issuer() && slices.Contains(said.Audience, server.Issuer()) &&
		(said.Expires == nil || *said.Expires > now-1) && said.IssuedAt <= now+61 && said.Subject != "" && said.ID != "" &&
		(said.Level == claims.ApplicationUser || said.Level == claims.Application) && said.Generation > 0
}
