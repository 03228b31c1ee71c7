package grants

import (
	"crypto/md5"  //nolint:gosec // what other systems made; replaced at the first login
	"crypto/sha1" //nolint:gosec // as above
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Hashes that other systems made come in by import only, and each is replaced at the first right login. They are written as
//
//	{sha1}DIGEST             {md5}DIGEST             {sha1-md5}DIGEST
//	{bcrypt-sha1}$2a$…       {bcrypt-md5}$2a$…       {bcrypt-sha1-raw}$2a$…
//
// and each may end with $SALT. DIGEST is in hex or base64 (either alphabet, padding or none). A name is read from the outside to the
// inside: sha1-md5 is the SHA-1 of the MD5 of the password. An inner digest is passed on as lower-case hex; sha1-raw passes on its 20
// bytes as Java makes a text of them, which is Apache Usergrid's chain ["sha-1","bcrypt"]. The salt is text and stands before
// the input of every digest, as it did there.

// HashForm tells how a stored hash was made.
type HashForm struct {
	Name string // "argon2id", "bcrypt", or the word in braces of a legacy hash
	// Fast says that somebody who reads the database can try passwords by the billion.
	Fast bool
	// Salted says that equal passwords have different hashes. (The salt of a legacy hash may still be the same for everybody.)
	Salted bool
}

// FormOf names the form of a hash; false means that it cannot be verified here.
func FormOf(hash string) (HashForm, bool) {
	stored, err := parseHash(hash)
	if err != nil {
		return HashForm{}, false
	}
	switch h := stored.(type) {
	case argon2Hash:
		return HashForm{Name: "argon2id", Salted: true}, true
	case legacyHash:
		slow := h.bcrypt != nil
		return HashForm{Name: h.name, Fast: !slow, Salted: slow || h.salt != ""}, true
	}
	return HashForm{Name: "bcrypt", Salted: true}, true
}

// legacyHash is a chain of digests, perhaps with bcrypt around it.
type legacyHash struct {
	name   string
	steps  []step
	salt   string
	digest []byte     // what the last step must give, where bcrypt is not around it
	bcrypt bcryptHash // or nil
}

// step is one digest of a chain and how it is passed on.
type step func([]byte) []byte

// legacyChain gives the steps of a name, the innermost first, and the size of the outermost digest; 0: bcrypt is around it.
func legacyChain(name string) (steps []step, size int, known bool) {
	switch name {
	case "sha1":
		return []step{sha1Raw}, sha1.Size, true
	case "md5":
		return []step{md5Raw}, md5.Size, true
	case "sha1-md5":
		return []step{md5Hex, sha1Raw}, sha1.Size, true
	case "bcrypt-sha1":
		return []step{sha1Hex}, 0, true
	case "bcrypt-md5":
		return []step{md5Hex}, 0, true
	case "bcrypt-sha1-raw":
		return []step{sha1Java}, 0, true
	}
	return nil, 0, false
}

func sha1Raw(b []byte) []byte  { sum := sha1.Sum(b); return sum[:] } //nolint:gosec // see the imports
func md5Raw(b []byte) []byte   { sum := md5.Sum(b); return sum[:] }  //nolint:gosec // see the imports
func sha1Hex(b []byte) []byte  { return hex.AppendEncode(nil, sha1Raw(b)) }
func md5Hex(b []byte) []byte   { return hex.AppendEncode(nil, md5Raw(b)) }
func sha1Java(b []byte) []byte { return javaText(sha1Raw(b)) }

// maxLegacyHash bounds the text of a hash with its salt.
const maxLegacyHash = 512

func parseLegacy(text string) (storedHash, error) {
	name, rest, closed := strings.Cut(strings.TrimPrefix(text, "{"), "}")
	h := legacyHash{name: name}
	var size int
	var known bool
	if h.steps, size, known = legacyChain(name); !closed || !known || len(text) > maxLegacyHash || !utf8.ValidString(text) {
		return nil, errHashFormat
	}
	var body string
	var ended bool
	if size == 0 {
		if len(rest) < bcryptLength {
			return nil, errHashFormat
		}
		body = rest[:bcryptLength]
		if rest = rest[bcryptLength:]; rest != "" {
			ended = strings.HasPrefix(rest, "$")
			h.salt = strings.TrimPrefix(rest, "$")
		}
		inner, err := parseBcrypt(body)
		if err != nil || rest != "" && !ended {
			return nil, errHashFormat
		}
		h.bcrypt = inner
	} else {
		if body, h.salt, ended = strings.Cut(rest, "$"); !decodeDigest(body, size, &h.digest) {
			return nil, errHashFormat
		}
	}
	// A salt that was forgotten would make every login fail.
	if ended && h.salt == "" {
		return nil, errHashFormat
	}
	return h, nil
}

// decodeDigest reads hex or base64. The lengths tell them apart. Usergrid keeps an MD5 as base64 of its hex.
func decodeDigest(text string, size int, into *[]byte) bool {
	if len(text) == 2*size {
		sum, err := hex.DecodeString(text)
		*into = sum
		return err == nil
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	sum, err := encoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return false
	}
	if len(sum) == 2*size {
		return decodeDigest(string(sum), size, into)
	}
	*into = sum
	return len(sum) == size
}

func (h legacyHash) matches(password []byte) bool {
	value := password
	for _, step := range h.steps {
		value = step(append([]byte(h.salt), value...))
	}
	if h.bcrypt != nil {
		return h.bcrypt.matches(value)
	}
	return subtle.ConstantTimeCompare(value, h.digest) == 1
}

func (legacyHash) weakerThan(Cost) bool { return true }

// bcryptLength is the length of a bcrypt hash: $2b$, the cost, $, 22 characters of salt and 31 of hash.
const bcryptLength = 60

// maxBcryptCost bounds what a hash that somebody made elsewhere costs at a login: 2^16 rounds are about four seconds.
const maxBcryptCost = 16

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func parseBcrypt(text string) (bcryptHash, error) {
	if len(text) != bcryptLength || strings.Trim(text[7:], bcryptAlphabet) != "" || text[6] != '$' {
		return nil, errHashFormat
	}
	switch text[:4] {
	case "$2a$", "$2b$", "$2y$":
	default:
		return nil, errHashFormat
	}
	if cost, err := bcrypt.Cost([]byte(text)); err != nil || cost > maxBcryptCost {
		return nil, errHashFormat
	}
	return bcryptHash(text), nil
}

// javaText is what Java's new String(raw, UTF_8).getBytes(UTF_8) gives: whatever is no UTF-8 becomes U+FFFD, once for the longest
// beginning of a sequence, and once for a surrogate of three bytes.
func javaText(raw []byte) []byte {
	text := make([]byte, 0, 3*len(raw))
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			size = malformed(raw)
		}
		text = utf8.AppendRune(text, r)
		raw = raw[size:]
	}
	return text
}

// malformed is the number of bytes that one U+FFFD stands for.
func malformed(raw []byte) int {
	continues := func(i int) bool { return i < len(raw) && raw[i]&0xC0 == 0x80 }
	switch first := raw[0]; {
	case !continues(1) || first < 0xE0 || first > 0xF4:
		return 1
	case first == 0xE0 && raw[1] < 0xA0, first == 0xF0 && raw[1] < 0x90, first == 0xF4 && raw[1] > 0x8F:
		return 1
	case !continues(2):
		return 2
	}
	return 3
}
