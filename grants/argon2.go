package grants

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Cost is how much work a new hash takes: the parameters of argon2id. Older hashes keep theirs and are replaced at the next login.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// owaspMinimum is OWASP's minimum for argon2id: 19 MiB, two passes, one lane; about 60 ms on one core.
func owaspMinimum() Cost { return Cost{Memory: 19 << 10, Time: 2, Threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32
)

// storedHash is a parsed hash of the database.
type storedHash interface {
	matches(password []byte) bool
	weakerThan(current Cost) bool
}

var errHashFormat = errors.New("unknown hash format")

// parseHash reads a PHC string of argon2id, or a bcrypt or legacy hash as imports bring it.
func parseHash(text string) (storedHash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon2(text)
	case strings.HasPrefix(text, "{"):
		return parseLegacy(text)
	}
	if h, err := parseBcrypt(text); err == nil {
		return h, nil
	}
	return nil, errHashFormat
}

// ValidHash tells whether an imported hash can be verified here; FormOf tells more.
func ValidHash(text string) bool {
	_, err := parseHash(text)
	return err == nil
}

func (c Cost) hash(password []byte) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails (Go 1.24)
	sum := argon2.IDKey(password, salt, c.Time, c.Memory, c.Threads, hashBytes)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads, encode(salt), encode(sum))
}

type argon2Hash struct {
	cost      Cost
	salt, sum []byte
}

// Bounds of parameters in a stored hash: a row somebody wrote by hand must not exhaust the machine.
const (
	maxArgonMemory = 1 << 20 // KiB
	maxArgonTime   = 16
)

func parseArgon2(text string) (storedHash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return nil, errHashFormat
	}
	var version int
	var h argon2Hash
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return nil, errHashFormat
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.Memory, &h.cost.Time, &h.cost.Threads); n != 3 || err != nil {
		return nil, errHashFormat
	}
	if h.cost.Memory > maxArgonMemory || h.cost.Time < 1 || h.cost.Time > maxArgonTime || h.cost.Threads < 1 {
		return nil, errHashFormat
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return nil, errHashFormat
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 128 {
		return nil, errHashFormat
	}
	return h, nil
}

func (h argon2Hash) matches(password []byte) bool {
	sum := argon2.IDKey(password, h.salt, h.cost.Time, h.cost.Memory, h.cost.Threads, uint32(len(h.sum))) //nolint:gosec // at most 128
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

func (h argon2Hash) weakerThan(current Cost) bool {
	return h.cost.Memory < current.Memory || h.cost.Time < current.Time || len(h.sum) < hashBytes
}

// bcryptHash looks at the first 72 bytes of a password, as the system it came from did; the first login replaces it.
type bcryptHash []byte

const bcryptLimit = 72

func (h bcryptHash) matches(password []byte) bool {
	return bcrypt.CompareHashAndPassword(h, password[:min(len(password), bcryptLimit)]) == nil
}

func (bcryptHash) weakerThan(Cost) bool { return true }
