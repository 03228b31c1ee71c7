package keys

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// MasterKeySize is the length of a master key in bytes.
const MasterKeySize = chacha20poly1305.KeySize

// Errors of Open; callers compare with errors.Is.
var (
	// ErrMasterKey says that the text was sealed under another master key.
	ErrMasterKey = errors.New("sealed under another master key: is the right master key file or WRIT_MASTER_KEY in use?")
	// ErrSealed says that the text was damaged, or sealed for another purpose.
	ErrSealed = errors.New("sealed text is damaged or was sealed for another purpose")
)

// A sealed text is: version, id of the master key, nonce, ciphertext with tag. The id lets a later version find what still has to
// be sealed again under a new master key.
const (
	sealVersion = 1
	masterIDLen = 4
	sealHeader  = 1 + masterIDLen
)

// Sealer encrypts secrets at rest with XChaCha20-Poly1305 under the master key. It may be used concurrently. Its random nonces
// (192 bits) never need counting.
type Sealer struct {
	aead cipher.AEAD
	id   [masterIDLen]byte
}

// NewSealer makes a sealer of a master key of MasterKeySize random bytes.
func NewSealer(master []byte) (*Sealer, error) {
	if len(master) != MasterKeySize {
		return nil, fmt.Errorf("keys: a master key has %d bytes, not %d", MasterKeySize, len(master))
	}
	aead, err := chacha20poly1305.NewX(master)
	if err != nil {
		return nil, err
	}
	s := &Sealer{aead: aead}
	// The prefix keeps the id apart from any other hash of the key; 32 bits of it tell nothing about 256 random ones.
	sum := sha256.Sum256(append([]byte("writ master key id\x00"), master...))
	copy(s.id[:], sum[:])
	return s, nil
}

// ID names the master key; it tells nothing about it.
func (s *Sealer) ID() string { return hex.EncodeToString(s.id[:]) }

// Seal encrypts a text. Only an Open with the same purpose reads it, so that sealed texts cannot be moved to another place.
func (s *Sealer) Seal(purpose string, plaintext []byte) ([]byte, error) {
	nonceEnd := sealHeader + s.aead.NonceSize()
	sealed := make([]byte, nonceEnd, nonceEnd+len(plaintext)+s.aead.Overhead())
	sealed[0] = sealVersion
	copy(sealed[1:], s.id[:])
	if _, err := rand.Read(sealed[sealHeader:]); err != nil {
		return nil, err
	}
	return s.aead.Seal(sealed, sealed[sealHeader:], plaintext, []byte(purpose)), nil //nolint:gosec // G407: the nonce is random, see above
}

// Open decrypts what Seal made. It returns ErrMasterKey or ErrSealed.
func (s *Sealer) Open(purpose string, sealed []byte) ([]byte, error) {
	nonceEnd := sealHeader + s.aead.NonceSize()
	if len(sealed) < nonceEnd+s.aead.Overhead() || sealed[0] != sealVersion {
		return nil, ErrSealed
	}
	if subtle.ConstantTimeCompare(sealed[1:sealHeader], s.id[:]) != 1 {
		return nil, ErrMasterKey
	}
	plain, err := s.aead.Open(nil, sealed[sealHeader:nonceEnd], sealed[nonceEnd:], []byte(purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
