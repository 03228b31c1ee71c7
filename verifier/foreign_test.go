package verifier

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier/statuslist"
)

// stranger is an authorization server that knows nothing of Writ.
type stranger struct {
	*fakeFeed
	issuer string
	list   func() (typ string, payload map[string]any)
	at     string // where the metadata is

	clock sync.Mutex
	time  time.Time
}

const api = "https://api.example.com"

func newStranger(t *testing.T) *stranger {
	t.Helper()
	s := &stranger{fakeFeed: newFakeFeed(t), time: time.Unix(1_800_000_000, 0), at: wellKnown}
	s.issuer = s.server.URL
	s.list = func() (string, map[string]any) { return statuslist.Type, s.statuses(0, 1, 2, 3) }
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case s.at:
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": s.issuer, "jwks_uri": s.issuer + "/jwks"})
		case "/statuslists/1":
			typ, payload := s.list()
			_, _ = io.WriteString(w, s.sign(typ, s.signer, payload))
		default:
			return false
		}
		return true
	}
	return s
}

// statuses is a list with two bits for each.
func (s *stranger) statuses(states ...byte) map[string]any {
	data := make([]byte, (len(states)+3)/4)
	for i, state := range states {
		data[i/4] |= state << (i % 4 * 2)
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(data)
	_ = w.Close()
	return map[string]any{
		"sub": s.issuer + "/statuslists/1", "iat": s.now().Unix(), "ttl": 60, "exp": s.now().Unix() + 600,
		"status_list": map[string]any{"bits": 2, "lst": base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	}
}

func (s *stranger) now() time.Time {
	s.clock.Lock()
	defer s.clock.Unlock()
	return s.time
}

func (s *stranger) advance(d time.Duration) {
	s.clock.Lock()
	defer s.clock.Unlock()
	s.time = s.time.Add(d)
}

func (s *stranger) verifier(t *testing.T) *Verifier {
	t.Helper()
	v, err := New(t.Context(), Config{Issuer: s.issuer, Audience: api, Foreign: true, Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func (s *stranger) token(change map[string]any) string { return s.tokenAs(claims.Type, change) }

func (s *stranger) tokenAs(typ string, change map[string]any) string {
	members := map[string]any{
		"iss": s.issuer, "aud": []string{"other", api}, "sub": "alice", "client_id": "web", "jti": "1", "iat": s.now().Unix(), "exp": s.now().Unix() + 3600,
		"scope": "read write", "roles": []string{"clerk"}, "groups": []map[string]string{{"value": "scim"}},
	}
	for name, value := range change {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return s.sign(typ, s.signer, members)
}

func (s *stranger) listed(index any) string {
	return s.token(map[string]any{"status": map[string]any{"status_list": map[string]any{"idx": index, "uri": s.issuer + "/statuslists/1"}}})
}

func TestTokensOfAForeignIssuerAreAccepted(t *testing.T) {
	t.Parallel()
	for _, at := range []string{wellKnown, "/.well-known/openid-configuration"} {
		s := newStranger(t)
		s.at = at
		v := s.verifier(t)
		token, err := v.Verify(t.Context(), s.token(nil))
		if err != nil {
			t.Fatal(err)
		}
		if token.Subject() != "alice" || token.Level() != LevelForeign || !token.HasRole("clerk") || !token.HasScope("write") {
			t.Errorf("%+v", token.Claims())
		}
		if _, err := v.Verify(t.Context(), s.tokenAs("application/at+jwt", nil)); err != nil {
			t.Errorf("the other spelling of typ: %v", err)
		}
	}
}

func TestTokensOfAForeignIssuerMustBeWhatRFC9068Says(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	v := s.verifier(t)
	for _, typ := range []string{"JWT", "jwt", "AT+JWT", statuslist.Type} {
		if _, err := v.Verify(t.Context(), s.tokenAs(typ, nil)); !errors.Is(err, ErrMalformed) {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
	for name, c := range map[string]struct {
		change map[string]any
		want   error
	}{
		"without exp":       {map[string]any{"exp": nil}, ErrMalformed},
		"without sub":       {map[string]any{"sub": nil}, ErrMalformed},
		"without jti":       {map[string]any{"jti": nil}, ErrMalformed},
		"without client_id": {map[string]any{"client_id": nil}, ErrMalformed},
		"without iat":       {map[string]any{"iat": nil}, ErrMalformed},
		"without aud":       {map[string]any{"aud": nil}, ErrMalformed},
		"sub is a number":   {map[string]any{"sub": 1}, ErrMalformed},
		"for another":       {map[string]any{"aud": "https://api.example.com/"}, ErrAudience},
		"of another":        {map[string]any{"iss": s.issuer + "/"}, ErrIssuer},
		"expired":           {map[string]any{"exp": s.now().Unix()}, ErrExpired},
		"of the future":     {map[string]any{"iat": s.now().Unix() + 61}, ErrNotYet},
		"status is text":    {map[string]any{"status": "x"}, ErrMalformed},
		"another mechanism": {map[string]any{"status": map[string]any{"other": 1}}, ErrRevoked},
		"negative index":    {map[string]any{"status": map[string]any{"status_list": map[string]any{"idx": -1, "uri": "x"}}}, ErrMalformed},
		"no uri":            {map[string]any{"status": map[string]any{"status_list": map[string]any{"idx": 1}}}, ErrMalformed},
	} {
		if _, err := v.Verify(t.Context(), s.token(c.change)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := v.Verify(t.Context(), s.token(map[string]any{"exp": float64(s.now().Unix()) + 3600.5, "iat": float64(s.now().Unix()) - 0.5, "aud": api})); err != nil {
		t.Errorf("fractions of seconds, aud as text: %v", err)
	}
}

// What has a meaning in Writ's tokens has none in others: whoever may issue those is not trusted with levels and rules here.
func TestAForeignTokenHasNoRights(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	v := s.verifier(t)
	raw := s.token(map[string]any{
		"level": "admin_user", "superuser": true, "permissions": []string{"get,put,post,delete:/**"}, "orgs": []string{"acme"}, "gen": 1,
	})
	ask := func(requirement Requirement) error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+raw)
		_, err = v.Check(request, requirement)
		return err
	}
	for name, c := range map[string]struct {
		requirement Requirement
		want        error
	}{
		"level":           {RequireLevel(claims.AdminUser, claims.ApplicationUser, claims.Application, claims.Organization), ErrLevel},
		"guest":           {RequireLevel(claims.Guest), ErrLevel},
		"rule":            {Require("get:/orders"), ErrNoPolicy},
		"permission":      {RequirePermission(), ErrNoPolicy},
		"role":            {RequireRole("admin"), ErrRole},
		"its role":        {RequireRole("clerk"), nil},
		"its scope":       {RequireScope("read"), nil},
		"level by name":   {RequireLevel(LevelForeign), nil},
		"another's scope": {RequireScope("admin"), ErrScope},
	} {
		if err := ask(c.requirement); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// SEC-65
func TestTheStatusListOfAForeignTokenDecides(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	v := s.verifier(t)
	for range 2 { // the second time from the cache of verified tokens
		if _, err := v.Verify(t.Context(), s.listed(0)); err != nil {
			t.Errorf("valid: %v", err)
		}
		for index := 1; index <= 3; index++ {
			if _, err := v.Verify(t.Context(), s.listed(index)); !errors.Is(err, ErrRevoked) {
				t.Errorf("status %d: %v", index, err)
			}
		}
		if _, err := v.Verify(t.Context(), s.listed(4)); !errors.Is(err, ErrRevoked) {
			t.Errorf("an index out of range: %v", err)
		}
	}
	if n := s.lists(); n != 1 {
		t.Errorf("the list was asked for %d times", n)
	}
	valid := s.listed(0)
	_, _ = v.Verify(t.Context(), valid)
	revoked := s.statuses(1)
	revoked["iat"] = s.now().Unix() + 60
	s.mu.Lock()
	s.list = func() (string, map[string]any) { return statuslist.Type, revoked }
	s.mu.Unlock()
	s.advance(time.Minute)
	if _, err := v.Verify(t.Context(), valid); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked after it was accepted: %v", err)
	}
	elsewhere := s.token(map[string]any{"status": map[string]any{"status_list": map[string]any{"idx": 0, "uri": "http://169.254.169.254/latest"}}})
	if _, err := v.Verify(t.Context(), elsewhere); !errors.Is(err, ErrRevoked) || !errors.Is(err, statuslist.ErrOrigin) {
		t.Errorf("a list elsewhere: %v", err)
	}
}

func (s *stranger) lists() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.HasPrefix(r.URL.Path, "/statuslists/") {
			n++
		}
	}
	return n
}

// SEC-65
func TestAStatusListThatIsNoneRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stranger, payload map[string]any) (typ string){
		"of another typ":     func(*stranger, map[string]any) string { return claims.Type },
		"of another address": func(_ *stranger, p map[string]any) string { p["sub"] = "x"; return statuslist.Type },
		"expired":            func(s *stranger, p map[string]any) string { p["exp"] = s.now().Unix(); return statuslist.Type },
		"without data":       func(_ *stranger, p map[string]any) string { delete(p, "status_list"); return statuslist.Type },
	} {
		s := newStranger(t)
		s.list = func() (string, map[string]any) {
			payload := s.statuses(0)
			return change(s, payload), payload
		}
		if _, err := s.verifier(t).Verify(t.Context(), s.listed(0)); !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigsOfForeignIssuersAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"no audience":         {Issuer: "https://as.example.com", Foreign: true},
		"with a client":       {Issuer: "https://as.example.com", Foreign: true, Audience: api, ClientID: "a", ClientSecret: "b"},
		"with an origin path": {Issuer: "https://as.example.com", Foreign: true, Audience: api, StatusOrigins: []string{"https://lists.example.com/x"}},
		"origin without TLS":  {Issuer: "https://as.example.com", Foreign: true, Audience: api, StatusOrigins: []string{"http://lists.example.com"}},
		"origins of a Writ":   {Issuer: "https://as.example.com", StatusOrigins: []string{"https://lists.example.com"}},
	} {
		if _, err := c.checked(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := (Config{Issuer: "https://as.example.com", Foreign: true, Audience: api, StatusOrigins: []string{"https://lists.example.com"}}).checked(); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
