package grants

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/models"
)

// bcrypted is bcrypt of an inner value that another system would have made.
func bcrypted(t testing.TB, inner string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(inner), bcrypt.MinCost)
	must(t, err)
	return string(hash)
}

const (
	sha1OfABC = "a9993e364706816aba3e25717850c26c9cd0d89d" // RFC 3174 §7.3
	md5OfABC  = "900150983cd24fb0d6963f7d28e17f72"         // RFC 1321 §A.5
)

// hashesOfABC are hashes of "abc" in every form that imports may bring, with the names of the forms.
func hashesOfABC(t testing.TB) map[string]string {
	t.Helper()
	raw, err := hex.DecodeString(sha1OfABC)
	must(t, err)
	return map[string]string{
		"{sha1}" + sha1OfABC:                                     "sha1",
		"{sha1}" + strings.ToUpper(sha1OfABC):                    "sha1",
		"{sha1}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=":                     "sha1",
		"{sha1}qZk-NkcGgWq6PiVxeFDCbJzQ2J0":                      "sha1",
		"{md5}" + md5OfABC:                                       "md5",
		"{md5}kAFQmDzST7DWlj99KOF/cg==":                          "md5",
		"{md5}OTAwMTUwOTgzY2QyNGZiMGQ2OTYzZjdkMjhlMTdmNzI":       "md5", // Usergrid: base64 of the hex
		"{bcrypt-sha1}" + bcrypted(t, sha1OfABC):                 "bcrypt-sha1",
		"{bcrypt-md5}" + bcrypted(t, md5OfABC):                   "bcrypt-md5",
		"{bcrypt-sha1-raw}" + bcrypted(t, string(javaText(raw))): "bcrypt-sha1-raw",
		bcrypted(t, "abc"):                                       "bcrypt",
		cheap.hash([]byte("abc")):                                "argon2id",
	}
}

func TestHashesOfOtherSystemsAreVerified(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	for hash, name := range hashesOfABC(t) {
		form, known := FormOf(hash)
		if !known || form.Name != name || !ValidHash(hash) {
			t.Errorf("%s is %+v, %v", hash, form, known)
		}
		for password, want := range map[string]bool{"abc": true, "abd": false, "": false, sha1OfABC: false, md5OfABC: false} {
			right, outdated, err := p.Verify(t.Context(), hash, password)
			if err != nil || right != want || outdated != (want && name != "argon2id") {
				t.Errorf("%s with %q: %v, %v, %v", hash, password, right, outdated, err)
			}
		}
	}
}

func TestTheSaltStandsBeforeThePassword(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	for _, hash := range []string{
		"{sha1}" + sha1OfABC + "$a",
		"{sha1}qZk+NkcGgWq6PiVxeFDCbJzQ2J0$a",
		"{md5}" + md5OfABC + "$a",
		"{bcrypt-sha1}" + bcrypted(t, sha1OfABC) + "$a",
		"{bcrypt-md5}" + bcrypted(t, md5OfABC) + "$a",
	} {
		for password, want := range map[string]bool{"bc": true, "abc": false} {
			right, _, err := p.Verify(t.Context(), hash, password)
			if err != nil || right != want {
				t.Errorf("%s with %q: %v, %v", hash, password, right, err)
			}
		}
		if form, known := FormOf(hash); !known || !form.Salted {
			t.Errorf("%s: %+v", hash, form)
		}
	}
	// A salt may hold what ends it elsewhere.
	hash := "{md5}" + hex.EncodeToString(md5Raw([]byte("$x$yabc"))) + "$$x$y"
	if right, _, err := p.Verify(t.Context(), hash, "abc"); err != nil || !right {
		t.Errorf("%s: %v, %v", hash, right, err)
	}
}

// The secret of Apache Usergrid's own test for passwords that were MD5 before they became SHA-1.
func TestUsergridsLegacyPasswordIsVerified(t *testing.T) {
	t.Parallel()
	stored, err := parseHash("{sha1-md5}8rpwQiXFx-5nbzIB6iVr9XeeaHc")
	must(t, err)
	if !stored.matches([]byte("secret")) || stored.matches([]byte("Secret")) {
		t.Error("it is not")
	}
}

// What Java 17 answers for new String(raw, UTF_8).getBytes(UTF_8).
func TestJavaReadsADigestAsText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"41c3a9e282ac": "41c3a9e282ac", "c080": "efbfbdefbfbd", "e28241": "efbfbd41", "e0809f": "efbfbdefbfbdefbfbd", "eda080": "efbfbd",
		"eda041": "efbfbd41", "f09f98": "efbfbd", "f09f9880": "f09f9880", "f4908080": "efbfbdefbfbdefbfbdefbfbd", "f09f41": "efbfbd41",
		"ff00fe": "efbfbd00efbfbd", "80bf": "efbfbdefbfbd", "e2": "efbfbd", "f888808080": "efbfbdefbfbdefbfbdefbfbdefbfbd",
	} {
		given, err := hex.DecodeString(raw)
		must(t, err)
		if got := hex.EncodeToString(javaText(given)); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestWhatIsNoHashIsRefused(t *testing.T) {
	t.Parallel()
	valid := bcrypted(t, "abc")
	for _, hash := range []string{
		"", "abc", "{", "{}", "{sha1}", "{sha1", "{SHA1}" + sha1OfABC, "{sha256}" + sha1OfABC, "{plain}abc", "{sha1}" + md5OfABC, "{md5}" + sha1OfABC,
		"{sha1}" + sha1OfABC + "$", "{sha1}" + sha1OfABC[:39] + "g", "{sha1}" + sha1OfABC + "00", "{md5}" + md5OfABC + "==", "{md5}===",
		"{sha1} " + sha1OfABC, "{sha1}" + sha1OfABC + " ", "{sha1}" + sha1OfABC + "$" + strings.Repeat("s", maxLegacyHash),
		"{sha1}" + sha1OfABC + "$\xff", "{bcrypt-sha1}", "{bcrypt-sha1}" + sha1OfABC, "{bcrypt-sha1}" + valid + "x", "{bcrypt-sha1}" + valid + "$",
		"{bcrypt-sha1}{bcrypt-sha1}" + valid, "{bcrypt}" + valid,
		valid[:59], valid + "x", "$2x$" + valid[4:], valid[:59] + "!", "$2a$17$" + valid[7:], "$2a$03$" + valid[7:], "$2a$1x$" + valid[7:], "$2$" + valid[4:],
		"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + strings.Repeat("A", 43), "$1$salt$hash", "$6$salt$hash",
	} {
		if _, known := FormOf(hash); known || ValidHash(hash) {
			t.Errorf("%q is taken for a hash", hash)
		}
	}
}

func TestOnlyFastHashesAreCalledFast(t *testing.T) {
	t.Parallel()
	for hash, name := range hashesOfABC(t) {
		form, _ := FormOf(hash)
		if fast := name == "sha1" || name == "md5"; form.Fast != fast || form.Salted == fast {
			t.Errorf("%s: %+v", hash, form)
		}
	}
}

func TestTheFirstLoginReplacesAnImportedHash(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	n := 0
	for hash, name := range hashesOfABC(t) {
		if name == "argon2id" {
			continue
		}
		n++
		user := f.user(t, "imported"+string(rune('a'+n)), func(u *models.User) { u.PasswordHash = hash })
		attempt := with(f.login(), func(r *TokenRequest) { r.Username, r.Password = user.Username, "abd" })
		if _, err := f.Token(t.Context(), attempt); code(t, err, RFC6749) != "invalid_grant" {
			t.Errorf("%s: %v", name, err)
		}
		attempt.Password = "abc"
		token := f.token(t, attempt)
		stored, err := f.store.User(t.Context(), f.shop.Application.ID, user.Username)
		must(t, err)
		if !strings.HasPrefix(stored.PasswordHash, "$argon2id$") || stored.Generation != user.Generation {
			t.Errorf("%s: %s, generation %d", name, stored.PasswordHash, stored.Generation)
		}
		must(t, f.accepted(t.Context(), token.AccessToken))
		f.token(t, attempt)
	}
}

// SEC-11: hashes that are verified in no time, or in another time than today's, must not tell who was imported.
func TestFailedLoginsOfImportedUsersCostTheSame(t *testing.T) { //nolint:paralleltest // it measures what the whole process allocates
	cost := Cost{Memory: 4 << 10, Time: 1, Threads: 1}
	f := newFixture(t, func(c *Config) { c.Passwords = NewPasswords(Policy{MinLength: 8, Cost: cost}, 1) })
	hashes := hashesOfABC(t)
	hashes[""] = "no password"
	one := 5 * float64(cost.Memory) * 1024
	for hash, name := range hashes {
		user := f.user(t, "u"+uuid.NewString()[:8], func(u *models.User) { u.PasswordHash = hash })
		filled := filled(func() {
			for range 5 {
				_, err := f.Token(t.Context(), with(f.login(), func(r *TokenRequest) {
					r.Username, r.Password, r.Source = user.Username, "wrong", uuid.NewString()
				}))
				if got := code(t, err, RFC6749); got != "invalid_grant" {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
		if filled < one || filled > 1.5*one {
			t.Errorf("%s fills %.1f times the memory of one hash each", name, filled/one)
		}
	}
}

func FuzzHashForms(f *testing.F) {
	for hash := range hashesOfABC(f) {
		f.Add(hash)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, known := FormOf(text)
		if known != ValidHash(text) || known && form.Name == "" {
			t.Errorf("%q: %+v, %v", text, form, known)
		}
	})
}

func FuzzJavaText(f *testing.F) {
	f.Add([]byte{0xE2, 0x82, 0x41})
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := javaText(raw)
		if !utf8.Valid(text) || utf8.Valid(raw) && !bytes.Equal(raw, text) {
			t.Errorf("%x: %x", raw, text)
		}
	})
}
