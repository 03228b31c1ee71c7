package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// pretender is an issuer that says what a test wants, well or badly, to those who read docs/feed.md and wrote a follower of it.
type pretender struct {
	server *httptest.Server
	keys   map[string]*ecdsa.PrivateKey

	mu        sync.Mutex
	published []string         // kids
	pages     []map[string]any // of the complete list
	broken    int              // how many more times a page belongs to another list
	queue     []string         // increments, as they are sent
	asked     int              // how often somebody wanted to go on from a position; who asked last is answered
	changed   chan struct{}    // closed when the queue has grown
}

// nameless is the first key where it does not say its name.
const nameless = "nameless"

func pretend(t *testing.T) *pretender {
	t.Helper()
	p := &pretender{keys: map[string]*ecdsa.PrivateKey{}, changed: make(chan struct{})}
	for _, kid := range []string{"one", "two", "stranger"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		p.keys[kid] = key
	}
	p.keys[nameless], p.published = p.keys["one"], []string{"one"}
	mux := http.NewServeMux()
	p.server = httptest.NewUnstartedServer(mux) // its handlers name it
	mux.HandleFunc("GET /acme/shop/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"writ_revocations_uri":%q}`, p.issuer(), p.issuer()+"/jwks.json", p.issuer()+"/revocations")
	})
	mux.HandleFunc("GET /acme/shop/jwks.json", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.jwks(t)) })
	mux.HandleFunc("GET /acme/shop/revocations", func(w http.ResponseWriter, r *http.Request) { p.revocations(t, w, r) })
	p.server.Start()
	t.Cleanup(func() { p.server.CloseClientConnections(); p.server.Close() })
	return p
}

func (p *pretender) issuer() string { return p.server.URL + "/acme/shop" }

func (p *pretender) jwks(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []string
	for _, kid := range p.published {
		point, err := p.keys[kid].PublicKey.Bytes() // 4, x, y
		must(t, err)
		encode := base64.RawURLEncoding.EncodeToString
		keys = append(keys, fmt.Sprintf(`{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":%q,"x":%q,"y":%q}`, kid, encode(point[1:33]), encode(point[33:])))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// revocations answers a complete list at once, and increments when there are some: as a stream or to a long poll.
func (p *pretender) revocations(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	query := r.URL.Query()
	if !query.Has("after") {
		fmt.Fprint(w, p.page(t, query.Get("page")))
		return
	}
	p.mu.Lock()
	p.asked++
	mine := p.asked
	p.mu.Unlock()
	if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		if document, ok := p.next(r, mine); ok && document != "gone" {
			fmt.Fprint(w, document)
		} else if ok {
			fmt.Fprint(w, p.page(t, ""))
		}
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		if http.NewResponseController(w).Flush() != nil {
			return // the reader has gone
		}
		document, ok := p.next(r, mine)
		if !ok {
			return
		}
		if document == "gone" {
			fmt.Fprint(w, "event: gone\ndata: \n\n")
			return
		}
		fmt.Fprintf(w, "id: x:1\nevent: revocations\ndata: %s\n\n", document)
	}
}

// next waits for a document; false if the reader has gone or has asked again.
func (p *pretender) next(r *http.Request, mine int) (document string, ok bool) {
	for {
		p.mu.Lock()
		if p.asked != mine {
			p.mu.Unlock()
			return "", false
		}
		if len(p.queue) > 0 {
			document, p.queue = p.queue[0], p.queue[1:]
			p.mu.Unlock()
			return document, true
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return "", false
		case <-time.After(patience):
			return "", false
		}
	}
}

func (p *pretender) page(t *testing.T, number string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	index := 0
	if number != "" {
		if _, err := fmt.Sscan(number, &index); err != nil || index < 1 || index > len(p.pages) {
			t.Errorf("a reader asks for page %q", number)
			return ""
		}
		index--
	}
	page := maps.Clone(p.pages[index])
	page["page"], page["pages"], page["complete"], page["from"] = index+1, len(p.pages), true, 0
	if index > 0 && p.broken > 0 {
		p.broken--
		page["seq"] = 1
	}
	return p.signed(t, "one", page)
}

// signed makes a document; what it has not, is added.
func (p *pretender) signed(t *testing.T, kid string, document map[string]any) string {
	t.Helper()
	return p.typed(t, "writ-revocations+jwt", kid, document)
}

func (p *pretender) typed(t *testing.T, typ, kid string, document map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	whole := map[string]any{"iss": p.issuer(), "iat": now, "as_of": now, "epoch": "A"}
	maps.Copy(whole, document)
	header := map[string]any{"typ": typ, "alg": "ES256", "kid": kid}
	if kid == nameless {
		delete(header, "kid")
	}
	return signedBy(t, p.keys[kid], encoded(t, header)+"."+encoded(t, whole))
}

func (p *pretender) token(t *testing.T, kid, id string, generation int) string {
	t.Helper()
	now := time.Now().Unix()
	return p.typed(t, "at+jwt", kid, map[string]any{
		"aud": []string{p.issuer()}, "sub": "user " + id, "jti": id, "client_id": "c", "exp": now + 3600, "level": "application_user", "gen": generation,
		"roles": []string{"reader"}, "org": "acme", "app": "shop", "username": id,
	})
}

// say sends documents to whoever follows.
func (p *pretender) say(documents ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, documents...)
	close(p.changed)
	p.changed = make(chan struct{})
}

// offend says what nobody may believe, and waits until the reader has asked again.
func (p *pretender) offend(t *testing.T, document string) {
	t.Helper()
	before := p.asks()
	p.say(document)
	for began := time.Now(); p.asks() == before; <-time.After(5 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("nobody asks any more")
		}
	}
}

func (p *pretender) asks() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *pretender) list(pages ...map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = pages
}

func (p *pretender) publish(kids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = kids
}
