package grants

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// readStatusList is how any reader gets the bits of a document: RFC 7515 and §8.3 of the draft.
func readStatusList(t testing.TB, document *StatusDocument) (statusListClaims, []byte) {
	t.Helper()
	parts := strings.Split(document.Body, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var set statusListClaims
	must(t, json.Unmarshal(payload, &set))
	packed, err := base64.RawURLEncoding.DecodeString(set.List.List)
	must(t, err)
	unpacked, err := zlib.NewReader(bytes.NewReader(packed))
	must(t, err)
	bits, err := io.ReadAll(unpacked)
	must(t, err)
	return set, bits
}

func (f *fixture) statusList(t testing.TB, issuer ListIssuer, number int64) []byte {
	t.Helper()
	document, err := f.StatusList(t.Context(), issuer, number)
	must(t, err)
	_, bits := readStatusList(t, document)
	return bits
}

func isSet(bits []byte, index int64) bool { return bits[index/8]>>(index%8)&1 == 1 }

func lasting(req TokenRequest) TokenRequest {
	return with(req, func(r *TokenRequest) { r.TTL = TTL{set: true} })
}

// The example of §4.1 of the draft: sixteen entries are the bytes b9 a3, and unpack to them however they were packed.
func TestCompressedListsAreReadableAsTheDraftSays(t *testing.T) {
	t.Parallel()
	unpack := func(list string) []byte {
		packed, err := base64.RawURLEncoding.DecodeString(list)
		must(t, err)
		r, err := zlib.NewReader(bytes.NewReader(packed))
		must(t, err)
		bits, err := io.ReadAll(r)
		must(t, err)
		return bits
	}
	want := []byte{0xb9, 0xa3}
	for index, set := range []int{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1} {
		if isSet(want, int64(index)) != (set == 1) {
			t.Errorf("entry %d is read from another place", index)
		}
	}
	ours, err := compressed(want)
	must(t, err)
	if got, theirs := unpack(ours), unpack("eNrbuRgAAhcBXQ"); !bytes.Equal(got, want) || !bytes.Equal(theirs, want) {
		t.Errorf("ours unpacks to %x, the draft's to %x", got, theirs)
	}
}

func TestOnlyTokensThatDoNotExpireHaveAStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if token := f.token(t, f.login()); token.Claims.Status != nil {
		t.Errorf("a token with an end has the status %+v", token.Claims.Status)
	}
	admin := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga@example.com", Password: adminPassword}
	for issuer, req := range map[string]TokenRequest{
		f.shop.Issuer: f.login(), f.depot.Issuer: with(f.own(f.depot, f.depotSecret), func(r *TokenRequest) { r.Tenant = nil }),
		f.ManagementIssuer(): admin,
	} {
		token := f.token(t, lasting(req))
		caller, err := f.AuthenticateToken(t.Context(), token.AccessToken)
		must(t, err)
		status := caller.Claims.Status
		if status == nil || status.List == nil || status.List.URI != issuer+"/statuslists/1" {
			t.Fatalf("%s: status %+v", issuer, status)
		}
		row, err := f.store.RegisteredToken(t.Context(), caller.Claims.ID)
		must(t, err)
		if row.StatusIndex == nil || *row.StatusIndex != status.List.Index {
			t.Errorf("registered at %v, signed %d", row.StatusIndex, status.List.Index)
		}
	}
}

// holder is a token of the property test.
type holder struct {
	jti, raw string
	index    int64
	user     bool
}

// For any sequence of issuing and revoking the list shows exactly what is revoked, in the very next document, and decoys; a bit that is
// set stays set.
// SEC-65
func TestAStatusListShowsExactlyTheRevokedAndTheDecoys(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			random := rand.New(rand.NewPCG(seed, 65))
			issuer, revoked, alive := f.shop.Lists(), map[int64]bool{}, map[string]holder{}
			kill := func(which func(holder) bool) {
				for jti, one := range alive {
					if which(one) {
						revoked[one.index] = true
						delete(alive, jti)
					}
				}
			}
			var before []byte
			for step := range 60 {
				f.change(t, random, alive, kill)
				f.clock.advance(time.Duration(random.IntN(100)) * time.Second)
				if len(alive)+len(revoked) == 0 {
					continue
				}
				bits := f.statusList(t, issuer, 1)
				lists, _, err := f.store.StatusLists(t.Context(), issuer.scope)
				must(t, err)
				want := lists[0].Bits()
				for index := range revoked {
					if isSet(want, index) {
						t.Fatalf("entry %d is a decoy", index)
					}
					want[index/8] |= 1 << (index % 8)
				}
				if !bytes.Equal(bits, want) {
					t.Fatalf("step %d: the list differs from what is revoked", step)
				}
				for i := range before {
					if before[i]&^bits[i] != 0 {
						t.Fatalf("step %d: a bit fell in byte %d", step, i)
					}
				}
				before = bits
			}
			if len(revoked) < 5 {
				t.Errorf("%d revoked: that tests little", len(revoked))
			}
		})
	}
}

// change issues or revokes something.
func (f *fixture) change(t *testing.T, random *rand.Rand, alive map[string]holder, kill func(func(holder) bool)) {
	t.Helper()
	ctx := t.Context()
	one := holder{}
	if names := slices.Sorted(maps.Keys(alive)); len(names) > 0 {
		one = alive[names[random.IntN(len(names))]]
	}
	switch action := random.IntN(12); {
	case action < 7 || one.jti == "":
		req := f.own(f.shop, f.shopSecret)
		user := random.IntN(2) == 0
		if user {
			req = f.login()
		}
		token := f.token(t, lasting(req))
		alive[token.Claims.ID] = holder{token.Claims.ID, token.AccessToken, token.Claims.Status.List.Index, user}
	case action < 9:
		must(t, f.Revoke(ctx, f.shop, PresentedClient{}, one.raw, "192.0.2.1"))
		kill(func(h holder) bool { return h.jti == one.jti })
	case action < 10:
		_, err := f.store.RevokeRegistered(ctx, models.TokenFilter{ApplicationID: f.shop.Application.ID, JTI: one.jti})
		must(t, err)
		kill(func(h holder) bool { return h.jti == one.jti })
	case action < 11:
		must(t, f.RevokeUserTokens(ctx, f.shop, f.dana.ID))
		kill(func(h holder) bool { return h.user })
	default:
		must(t, f.RevokeClientTokens(ctx, f.shop.Application.ID))
		var err error
		f.shop, err = f.Tenant(ctx, "acme", "shop")
		must(t, err)
		kill(func(h holder) bool { return !h.user })
	}
}

func TestADeletedApplicationsTokensAreAllInvalid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.token(t, lasting(f.login()))
	issuer, err := f.ApplicationLists(t.Context(), "acme", "shop")
	must(t, err)
	if isSet(f.statusList(t, issuer, 1), token.Claims.Status.List.Index) {
		t.Fatal("revoked before")
	}
	must(t, f.store.DeleteApplication(t.Context(), f.shop.Application.ID))
	again, err := f.ApplicationLists(t.Context(), "acme", "shop")
	must(t, err)
	if again != issuer {
		t.Errorf("the issuer has become %+v", again)
	}
	if bits := f.statusList(t, again, 1); !bytes.Equal(bits, bytes.Repeat([]byte{0xff}, models.StatusListSize/8)) {
		t.Error("not every entry is invalid")
	}
	_, err = f.store.RestoreApplication(t.Context(), f.shop.Application.ID)
	must(t, err)
	if !isSet(f.statusList(t, issuer, 1), token.Claims.Status.List.Index) {
		t.Error("a token from before lives again")
	}
	later := f.token(t, lasting(f.login()))
	if at := later.Claims.Status.List; !strings.HasSuffix(at.URI, "/statuslists/2") || isSet(f.statusList(t, issuer, 2), at.Index) {
		t.Errorf("the new token's entry is %+v", at)
	}
	must(t, f.store.DeleteOrganization(t.Context(), f.shop.Organization.ID))
	if !isSet(f.statusList(t, issuer, 2), later.Claims.Status.List.Index) {
		t.Error("the organization's end does not show")
	}
}

func TestADroppedKeysTokensAreInvalid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ring, is := f.Keys.(*keys.Ring)
	if !is {
		t.Fatalf("keys are %T", f.Keys)
	}
	token := f.token(t, lasting(f.login()))
	before := f.statusList(t, f.shop.Lists(), 1)
	signed, err := claims.Split(token.AccessToken)
	must(t, err)
	_, err = ring.Drop(t.Context(), signed.Header.KeyID)
	must(t, err)
	if index := token.Claims.Status.List.Index; isSet(before, index) || !isSet(f.statusList(t, f.shop.Lists(), 1), index) {
		t.Errorf("revoked before %t, and after the key was dropped %t", isSet(before, index), isSet(f.statusList(t, f.shop.Lists(), 1), index))
	}
}

func TestAStatusListIsMadeOncePerChangeAndSignedAnewInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.token(t, lasting(f.login()))
	document := func() *StatusDocument {
		t.Helper()
		d, err := f.StatusList(t.Context(), f.shop.Lists(), 1)
		must(t, err)
		return d
	}
	first := document()
	set, _ := readStatusList(t, first)
	now := f.clock.now().Unix()
	if set.Subject != f.shop.Issuer+"/statuslists/1" || set.IssuedAt != now || set.Expires != now+3600 || set.TTL != 60 || set.List.Bits != 1 {
		t.Errorf("claims %+v", set)
	}
	short := f.token(t, f.login())
	must(t, f.Revoke(t.Context(), f.shop, PresentedClient{}, short.AccessToken, "")) // not on the list
	other := f.token(t, lasting(f.own(f.depot, f.depotSecret)))
	must(t, f.Revoke(t.Context(), f.depot, PresentedClient{}, other.AccessToken, ""))
	f.clock.advance(statusListLife/2 - time.Millisecond)
	if document() != first {
		t.Error("made anew without need")
	}
	f.clock.advance(time.Millisecond)
	second := document()
	if again, _ := readStatusList(t, second); again.IssuedAt != now+1800 || second.ETag == first.ETag {
		t.Errorf("not signed anew: %+v", again)
	}
	f.Apply(models.Change{Kind: models.ChangeKey, Key: "kid"})
	if document() == second {
		t.Error("kept although a key has changed")
	}
	// SEC-45
	if _, err := f.Keys.Verify(first.Body); err == nil {
		t.Error("a status list passes for an access token")
	}
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(first.Body, ".")[0])
	must(t, err)
	if !strings.Contains(string(header), `"typ":"`+claims.StatusListType+`"`) {
		t.Errorf("header %s", header)
	}
}

func TestUnknownStatusListsAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if uris, err := f.StatusLists(t.Context(), f.shop.Lists()); err != nil || len(uris) != 0 {
		t.Errorf("before the first token: %q, %v", uris, err)
	}
	f.token(t, lasting(f.login()))
	uris, err := f.StatusLists(t.Context(), f.shop.Lists())
	if err != nil || !slices.Equal(uris, []string{f.shop.Issuer + "/statuslists/1"}) {
		t.Errorf("%q, %v", uris, err)
	}
	for _, number := range []int64{-1, 0, 2, 1 << 62} {
		if _, err := f.StatusList(t.Context(), f.shop.Lists(), number); !isNotFound(err) {
			t.Errorf("list %s: %v", strconv.FormatInt(number, 10), err)
		}
	}
	for _, name := range []string{"none", uuid.NewString()} {
		if _, err := f.ApplicationLists(t.Context(), "acme", name); !isNotFound(err) {
			t.Errorf("lists of %s: %v", name, err)
		}
	}
}

func isNotFound(err error) bool { return ignoreGone(err) == nil && err != nil }
