package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// SealPurpose binds a sealed private key to its kid, so that sealed parts cannot be swapped between rows.
func SealPurpose(kid string) string { return "signing-key:" + kid }

// key is a stored key ready for use; everything that does not change between two signatures is prepared once.
type key struct {
	row           models.SigningKey
	private       any // *ecdsa.PrivateKey, deterministicECDSA, *rsa.PrivateKey or ed25519.PrivateKey: never a jwk.Key, which is converted at every call
	public        crypto.PublicKey
	signer        jws.Signer
	verifier      jws.Verifier
	signatureSize int    // bytes, exact
	header        string // encoded JOSE header of access tokens with the dot behind it
	jwk           []byte // public members only
}

// generate makes a new key and the row that stores it.
func generate(sealer *Sealer, name string, purpose Purpose, state string, now time.Time) (models.SigningKey, error) {
	alg, err := algorithmNamed(name)
	if err != nil {
		return models.SigningKey{}, err
	}
	for {
		private, err := alg.generate()
		if err != nil {
			return models.SigningKey{}, err
		}
		row, err := seal(sealer, private, name, purpose, state, now)
		// One thumbprint in 64 begins like a flag, and would have to be typed in a special way in an emergency.
		if err != nil || row.KID[0] != '-' {
			return row, err
		}
	}
}

// seal makes the row that stores a private key.
func seal(sealer *Sealer, private crypto.Signer, name string, purpose Purpose, state string, now time.Time) (models.SigningKey, error) {
	kid, err := thumbprint(private.Public())
	if err != nil {
		return models.SigningKey{}, err
	}
	public, err := publicJWK(private.Public(), name, kid)
	if err != nil {
		return models.SigningKey{}, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return models.SigningKey{}, err
	}
	sealed, err := sealer.Seal(SealPurpose(kid), plain)
	if err != nil {
		return models.SigningKey{}, err
	}
	return models.SigningKey{
		KID: kid, Alg: name, Purpose: string(purpose), State: state, Public: public, Sealed: sealed,
		Created: now.UnixMilli(), Changed: now.UnixMilli(),
	}, nil
}

// load opens a stored key. It returns ErrMasterKey or ErrBadKey; nothing of the key is in the error.
func load(sealer *Sealer, row models.SigningKey, hedged bool) (*key, error) {
	alg, err := algorithmNamed(row.Alg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	if p := Purpose(row.Purpose); p != Ordinary && p != NonExpiring {
		return nil, fmt.Errorf("%w: purpose %q", ErrBadKey, row.Purpose)
	}
	private, err := openPrivate(sealer, row)
	if err != nil {
		return nil, err
	}
	k := &key{row: row, private: private, public: private.Public()}
	if err := k.belongsTogether(); err != nil {
		return nil, err
	}
	if k.signatureSize = alg.signatureSize(k.public); k.signatureSize == 0 {
		return nil, fmt.Errorf("%w: not a key for %s", ErrBadKey, row.Alg)
	}
	if ec, is := private.(*ecdsa.PrivateKey); is && !hedged {
		k.private = deterministicECDSA{ec}
	}
	if k.signer, err = jws.NewSigner(alg.jwa); err != nil {
		return nil, err
	}
	if k.verifier, err = jws.NewVerifier(alg.jwa); err != nil {
		return nil, err
	}
	if k.header, err = encodeHeader(claims.Type, row.Alg, row.KID); err != nil {
		return nil, err
	}
	// The published form is made from the proved key, never copied from the row: nothing else can get into it.
	k.jwk, err = publicJWK(k.public, row.Alg, row.KID)
	return k, err
}

func openPrivate(sealer *Sealer, row models.SigningKey) (crypto.Signer, error) {
	plain, err := sealer.Open(SealPurpose(row.KID), row.Sealed)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		// The cause could describe the plain text.
		return nil, fmt.Errorf("%w: private part is not PKCS #8", ErrBadKey)
	}
	private, is := parsed.(crypto.Signer)
	if !is {
		return nil, fmt.Errorf("%w: private part cannot sign", ErrBadKey)
	}
	return private, nil
}

// belongsTogether proves that private part, public part and kid are of one key.
func (k *key) belongsTogether() error {
	kid, err := thumbprint(k.public)
	if err != nil || kid != k.row.KID {
		return fmt.Errorf("%w: kid is not the key's thumbprint", ErrBadKey)
	}
	stored, err := jwk.ParseKey(k.row.Public)
	if err != nil {
		return fmt.Errorf("%w: public part is not a JWK", ErrBadKey)
	}
	mark, err := stored.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(mark) != kid {
		return fmt.Errorf("%w: public part is of another key", ErrBadKey)
	}
	return nil
}

// same tells whether a row is still the key that was loaded; its state may differ, and so may the sealing, for what was proved
// once stays proved by the thumbprint.
func (k *key) same(row models.SigningKey) bool {
	return k.row.KID == row.KID && k.row.Alg == row.Alg && k.row.Purpose == row.Purpose && bytes.Equal(k.row.Public, row.Public)
}

func (k *key) in(row models.SigningKey) *key {
	moved := *k
	moved.row = row
	return &moved
}

// thumbprint is the kid of a key. RFC 7638 §3.
func thumbprint(public crypto.PublicKey) (string, error) {
	k, err := jwk.FromRaw(public)
	if err != nil {
		return "", err
	}
	mark, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(mark), nil
}

func (k *key) sign(payload []byte) (string, error) {
	return k.signBehind(k.header, payload, claims.MaxTokenSize)
}

func (k *key) signBehind(header string, payload []byte, limit int) (string, error) {
	encoding := base64.RawURLEncoding
	size := len(header) + encoding.EncodedLen(len(payload)) + 1 + encoding.EncodedLen(k.signatureSize)
	if size > limit {
		return "", ErrTooLarge
	}
	token := make([]byte, 0, size)
	token = append(token, header...)
	token = encoding.AppendEncode(token, payload)
	signature, err := k.signer.Sign(token, k.private)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature)), nil
}

func (k *key) verify(token claims.Compact) error {
	// RFC 8725 §3.1: the algorithm is the key's, never the token's choice.
	if token.Header.Algorithm != k.row.Alg {
		return fmt.Errorf("%w: alg is not the key's", ErrSignature)
	}
	if len(token.Signature) != k.signatureSize {
		return fmt.Errorf("%w: wrong length", ErrSignature)
	}
	if k.verifier.Verify([]byte(token.SigningInput), token.Signature, k.public) != nil {
		return ErrSignature
	}
	return nil
}
