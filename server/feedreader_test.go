package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-auth/writ/claims"
)

// reader is a resource server's memory, written from docs/feed.md alone. It shares no code with the server or package verifier: what it
// reads is JSON, what it hashes and verifies it hashes and verifies by itself.
type reader struct {
	get    func(target string, headers ...string) (status int, body string)
	issuer string
	path   string   // of the issuer
	auth   []string // the Authorization header, if it has one

	keys  map[string]*ecdsa.PublicKey
	epoch string
	seq   int64
	known bool
	gap   bool

	tokens   map[string]*int64
	subjects map[string]readSubject
	claims   map[string]readClaims
	dropped  []string
	ended    bool
	policy   int64
	asOf     int64
}

type readSubject struct {
	Gen int64  `json:"gen"`
	Exp *int64 `json:"exp"`
}

type readClaims struct {
	Sub    string    `json:"sub"`
	Roles  *[]string `json:"roles"`
	Groups *[]string `json:"groups"`
	Member *bool     `json:"member"`
	Exp    *int64    `json:"exp"`
}

// readDocument is the table of docs/feed.md, Documents.
type readDocument struct {
	Iss      string `json:"iss"`
	Epoch    string `json:"epoch"`
	Complete bool   `json:"complete"`
	Page     int    `json:"page"`
	Pages    int    `json:"pages"`
	From     int64  `json:"from"`
	Seq      int64  `json:"seq"`
	AsOf     int64  `json:"as_of"`
	Tokens   []struct {
		JTI string `json:"jti"`
		Exp *int64 `json:"exp"`
	} `json:"tokens"`
	Subjects []struct {
		Sub string `json:"sub"`
		readSubject
	} `json:"subjects"`
	Keys   []string     `json:"keys"`
	Ended  bool         `json:"ended"`
	Policy int64        `json:"policy"`
	Claims []readClaims `json:"claims"`
}

func hashOf(identifier string) string {
	sum := sha256.Sum256([]byte(identifier))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// open verifies a document: typ, alg, key, signature, iss.
func (r *reader) open(text string) (*readDocument, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("no JWS: %.200s", text)
	}
	var header struct{ Typ, Alg, Kid string }
	if err := decodePart(parts[0], &header); err != nil {
		return nil, err
	}
	if header.Typ != "writ-revocations+jwt" || header.Alg != "ES256" || slices.Contains(r.dropped, header.Kid) {
		return nil, fmt.Errorf("header %+v", header)
	}
	key, err := r.key(header.Kid)
	if err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("signature")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, errors.New("the signature does not hold")
	}
	d := &readDocument{}
	if err := decodePart(parts[1], d); err != nil {
		return nil, err
	}
	if d.Iss != r.issuer {
		return nil, errors.New("issuer " + d.Iss)
	}
	return d, nil
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// key finds a key in the JWKS, which is fetched again for an unknown kid.
func (r *reader) key(kid string) (*ecdsa.PublicKey, error) {
	if key := r.keys[kid]; key != nil {
		return key, nil
	}
	status, body := r.get("/.well-known/jwks.json")
	var set struct{ Keys []struct{ Kid, X, Y string } }
	if err := json.Unmarshal([]byte(body), &set); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("JWKS: %d %w", status, err)
	}
	r.keys = map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil {
			return nil, err
		}
		y, err := base64.RawURLEncoding.DecodeString(k.Y)
		if err != nil {
			return nil, err
		}
		r.keys[k.Kid] = &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)} //nolint:staticcheck // the curve point of a JWK
	}
	if key := r.keys[kid]; key != nil {
		return key, nil
	}
	return nil, errors.New("unknown key " + kid)
}

// apply is docs/feed.md, Keeping up, for increments. The result of rule 2 is r.gap.
func (r *reader) apply(d *readDocument) {
	switch {
	case d.Epoch != r.epoch || d.From > r.seq:
		r.gap = true
		return
	case d.Seq < r.seq:
		return
	}
	r.add(d, true)
	r.seq, r.dropped, r.ended, r.policy = d.Seq, d.Keys, d.Ended, d.Policy
	if !r.gap {
		r.asOf = max(r.asOf, d.AsOf)
	}
}

// replace is rule 1. It gets all pages.
func (r *reader) replace(pages []*readDocument) {
	first := pages[0]
	lower := r.known && first.Epoch == r.epoch && first.Seq < r.seq
	if !lower {
		r.tokens, r.subjects, r.claims = map[string]*int64{}, map[string]readSubject{}, map[string]readClaims{}
		r.dropped, r.ended, r.asOf = nil, false, 0
	}
	asOf := first.AsOf
	for _, page := range pages {
		r.add(page, !lower)
		asOf = min(asOf, page.AsOf)
	}
	r.dropped = append(slices.Clone(r.dropped), first.Keys...)
	r.ended, r.policy = r.ended || first.Ended, first.Policy
	r.epoch, r.seq, r.known, r.gap = first.Epoch, first.Seq, true, false
	r.asOf = max(r.asOf, asOf)
}

func (r *reader) add(d *readDocument, newer bool) {
	for _, token := range d.Tokens {
		known, is := r.tokens[token.JTI]
		r.tokens[token.JTI] = later(known, token.Exp, is)
	}
	for _, subject := range d.Subjects {
		known, is := r.subjects[subject.Sub]
		r.subjects[subject.Sub] = readSubject{max(known.Gen, subject.Gen), later(known.Exp, subject.Exp, is)}
	}
	for _, c := range d.Claims {
		if _, is := r.claims[c.Sub]; newer || !is {
			r.claims[c.Sub] = c
		}
	}
}

// later is the later of two ends; nil is never.
func later(known, added *int64, is bool) *int64 {
	if !is || added == nil || known != nil && *known < *added {
		return added
	}
	return known
}

// sync brings the reader up to date by asking: the complete list if it has none or a gap is open, then increments.
func (r *reader) sync(t testing.TB) {
	t.Helper()
	for range 50 {
		if !r.known || r.gap {
			r.fetch(t)
		}
		status, body := r.get(r.path+"/revocations?after="+strconv.FormatInt(r.seq, 10)+"&epoch="+r.epoch, r.auth...)
		if status != http.StatusOK {
			t.Fatalf("increment: %d %s", status, body)
		}
		d, err := r.open(body)
		must(t, err)
		before := r.seq
		if d.Complete {
			r.collect(t, d)
			continue
		}
		r.apply(d)
		if !r.gap && d.Seq == before {
			return
		}
	}
	t.Fatalf("never up to date: %d, gap %t", r.seq, r.gap)
}

func (r *reader) fetch(t testing.TB) {
	t.Helper()
	status, body := r.get(r.path+"/revocations", r.auth...)
	if status != http.StatusOK {
		t.Fatalf("complete list: %d %s", status, body)
	}
	d, err := r.open(body)
	must(t, err)
	r.collect(t, d)
}

// collect fetches the other pages; whatever goes wrong means to begin again.
func (r *reader) collect(t testing.TB, first *readDocument) {
	t.Helper()
	pages := []*readDocument{first}
	for number := first.Page + 1; number <= first.Pages; number++ {
		status, body := r.get(fmt.Sprintf("%s/revocations?page=%d&seq=%d", r.path, number, first.Seq), r.auth...)
		if status == http.StatusGone {
			r.gap = true
			return
		}
		page, err := r.open(body)
		must(t, err)
		if page.Seq != first.Seq || page.Pages != first.Pages || page.Epoch != first.Epoch {
			r.gap = true
			return
		}
		pages = append(pages, page)
	}
	r.replace(pages)
}

// events reads at most limit events of a stream, as a connection that is cut then. It answers how many there were.
func (r *reader) events(t testing.TB, body *bufio.Reader, limit int) (read int) {
	t.Helper()
	event, data := "", ""
	for read < limit {
		line, err := body.ReadString('\n')
		if err != nil {
			return read
		}
		line = strings.TrimSuffix(line, "\n")
		switch name, value, _ := strings.Cut(line, ":"); {
		case name == "event":
			event = strings.TrimSpace(value)
		case name == "data":
			data = strings.TrimSpace(value)
		case line == "" && event == "gone":
			r.gap = true
			return read + 1
		case line == "" && event == "revocations":
			d, err := r.open(data)
			must(t, err)
			r.apply(d)
			event, data = "", ""
			read++
		}
	}
	return read
}

// refuses is docs/feed.md, Checking a token, behind everything that RFC 9068 demands and whose result is valid.
func (r *reader) refuses(token string) string {
	parts := strings.Split(token, ".")
	var header struct{ Kid string }
	var set struct {
		JTI string `json:"jti"`
		Sub string `json:"sub"`
		Gen int64  `json:"gen"`
	}
	if decodePart(parts[0], &header) != nil || decodePart(parts[1], &set) != nil {
		return "malformed"
	}
	if r.ended {
		return "ended"
	}
	if slices.Contains(r.dropped, header.Kid) {
		return "key"
	}
	if _, denied := r.tokens[hashOf(set.JTI)]; denied {
		return "token"
	}
	if denied, is := r.subjects[hashOf(set.Sub)]; is && set.Gen < denied.Gen {
		return "subject"
	}
	return ""
}

// rightsOf gives roles and groups of a token, or what took their place.
func (r *reader) rightsOf(set *claims.Claims) (roles, groups []string) {
	changed, is := r.claims[hashOf(set.Subject)]
	if !is {
		return set.Roles, set.Groups
	}
	return *changed.Roles, *changed.Groups
}

// organizationsOf gives the organizations of an admin's token as an organization's client sees them.
func (r *reader) organizationsOf(set *claims.Claims, mine string) []string {
	changed, is := r.claims[hashOf(set.Subject)]
	if !is {
		return set.Orgs
	}
	others := slices.DeleteFunc(slices.Clone(set.Orgs), func(name string) bool { return name == mine })
	if *changed.Member {
		others = append(others, mine)
	}
	return others
}

// newReader reads from the fixture's handler, without a network.
func (f *fixture) newReader(t testing.TB, path string, auth ...string) *reader {
	t.Helper()
	return &reader{
		issuer: publicURL + path, path: path, auth: auth, keys: map[string]*ecdsa.PublicKey{},
		get: func(target string, headers ...string) (int, string) {
			a := f.do(t, http.MethodGet, target, "", headers...)
			return a.Code, a.text
		},
	}
}
