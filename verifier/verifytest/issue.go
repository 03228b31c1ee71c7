package verifytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
)

// key is a signing key.
type key struct {
	id        string
	algorithm string
	private   crypto.Signer
	signer    jws.Signer
	public    json.RawMessage // JWK
}

const rsaBits = 2048

func newKey(t testing.TB, algorithm string) *key {
	t.Helper()
	k := &key{algorithm: algorithm}
	var err error
	switch algorithm {
	case "RS256", "PS256":
		k.private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err == nil {
		k.signer, err = jws.NewSigner(jwa.SignatureAlgorithm(algorithm))
	}
	if err == nil {
		err = k.publish()
	}
	if err != nil {
		t.Fatalf("verifytest: key for %s: %v", algorithm, err)
	}
	return k
}

func (k *key) publish() error {
	public, err := jwk.FromRaw(k.private.Public())
	if err != nil {
		return err
	}
	mark, err := public.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return err
	}
	k.id = base64.RawURLEncoding.EncodeToString(mark)
	for name, value := range map[string]any{jwk.KeyIDKey: k.id, jwk.AlgorithmKey: k.algorithm, jwk.KeyUsageKey: "sig"} {
		if err := public.Set(name, value); err != nil {
			return err
		}
	}
	k.public, err = json.Marshal(public)
	return err
}

func (k *key) sign(typ string, payload []byte) string {
	return k.signHeader(fmt.Sprintf(`{"typ":%q,"alg":%q,"kid":%q}`, typ, k.algorithm, k.id), payload)
}

// signHeader has no test to fail: a fuzz target's is another one than that of the server.
func (k *key) signHeader(header string, payload []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode(payload)
	signature, err := k.signer.Sign([]byte(text), k.private)
	if err != nil {
		panic(fmt.Sprintf("verifytest: %v", err))
	}
	return text + "." + encode(signature)
}

// KeySet is the JWKS as it is published now.
func (s *Server) KeySet() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{}
	for _, k := range s.keys {
		set.Keys = append(set.Keys, k.public)
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(fmt.Sprintf("verifytest: %v", err))
	}
	return text
}

// KeyID is the kid of the key that signs now.
func (s *Server) KeyID() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.signing().id
}

// Key is the private key that signs now, for forgeries.
func (s *Server) Key() crypto.Signer {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.signing().private
}

// Sign signs a payload under a header, both as they are, so that a test can make any token that is wrong in some way.
func (s *Server) Sign(header string, payload []byte) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.signing().signHeader(header, payload)
}

// SignAs signs a payload under another typ than that of access tokens.
func (s *Server) SignAs(typ string, payload []byte) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.signing().sign(typ, payload)
}

// User are the claims of an application user of that name; the sub belongs to the name.
func User(name string, roles ...string) claims.Claims {
	return claims.Claims{Level: claims.ApplicationUser, Subject: uuidOf("user " + name), Username: name, Roles: append([]string{}, roles...)}
}

// Application are the claims of the application's client.
func Application() claims.Claims {
	return claims.Claims{Level: claims.Application, Subject: applicationUUID, ClientID: ApplicationID}
}

// Organization are the claims of the organization's client.
func Organization() claims.Claims {
	return claims.Claims{Level: claims.Organization, Subject: organizationUUID, ClientID: ClientID}
}

// Admin are the claims of an admin who is a member of these organizations.
func Admin(name string, organizations ...string) claims.Claims {
	return claims.Claims{
		Level: claims.AdminUser, Subject: uuidOf("admin " + name), Username: name, Orgs: append([]string{}, organizations...),
	}
}

// Issue makes a token. What the claims leave open gets a fitting value, an exp in an hour among them.
func (s *Server) Issue(c claims.Claims) string {
	if c.Expires == nil {
		expires := s.now().Add(defaultLifetime).Unix()
		c.Expires = &expires
	}
	return s.IssueNonExpiring(c)
}

// IssueNonExpiring is Issue for tokens that have no exp unless the claims have one.
func (s *Server) IssueNonExpiring(c claims.Claims) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	payload, err := json.Marshal(s.filled(c))
	if err != nil {
		panic(fmt.Sprintf("verifytest: %v", err))
	}
	return s.signing().sign(claims.Type, payload)
}

func (s *Server) filled(c claims.Claims) claims.Claims {
	management := c.Level == claims.Organization || c.Level == claims.AdminUser
	orElse(&c.Level, claims.ApplicationUser)
	orElse(&c.Subject, uuidOf("user of "+rand.Text()))
	orElse(&c.ID, uuidOf(rand.Text()))
	orElse(&c.IssuedAt, s.now().Unix())
	orElse(&c.Generation, s.generation(c.Subject))
	if management {
		orElse(&c.Issuer, s.management.issuer)
		orElse(&c.ClientID, clientOfAdmins)
	} else {
		orElse(&c.Issuer, s.application.issuer)
		orElse(&c.ClientID, ApplicationID)
		orElse(&c.App, ApplicationName)
		orElse(&c.AppID, applicationUUID)
	}
	if c.Level != claims.AdminUser {
		orElse(&c.Org, OrganizationName)
		orElse(&c.OrgID, organizationUUID)
	}
	if c.Audience == nil {
		c.Audience = claims.Audience{c.Issuer}
	}
	return c
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// generation is the one that new tokens of the subject get. The lock is held.
func (s *Server) generation(sub string) int64 { return max(s.generations[sub], generationAtStart) }

// read takes the claims out of a token that this server has made.
func (s *Server) read(raw string) *claims.Claims {
	s.t.Helper()
	parts, err := claims.Split(raw)
	if err != nil {
		s.t.Fatalf("verifytest: %v", err)
	}
	c, err := claims.Parse(parts.Payload)
	if err != nil {
		s.t.Fatalf("verifytest: %v", err)
	}
	return c
}

// uuidOf gives the same uuid for the same name.
func uuidOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562 §5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
