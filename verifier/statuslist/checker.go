package statuslist

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of a Checker, besides those of reading.
var (
	// ErrOrigin: the token names a list on a server that is not asked.
	ErrOrigin = errors.New("status lists of this server are not read")
	// ErrUnavailable: the list could not be read, and there is none that still holds.
	ErrUnavailable = errors.New("the status list is not available")
)

// errOlder: out of a cache, or kept by somebody, a list would take revocations back.
var errOlder = errors.New("the status list is older than the one that is held")

// Config is what a Checker needs. Verify and Origins are required.
type Config struct {
	// Verify checks a compact JWS: signature, and that typ is exactly Type. It gives the payload. It may wait for keys.
	Verify func(ctx context.Context, raw []byte) (payload []byte, err error)
	// Origins are the servers whose lists are read, as scheme://host[:port]; usually that of the issuer alone. What a token says decides which
	// address is asked, so nothing else may be: §11 of RFC 8725, and not the network behind a resource server.
	Origins []string
	// Client gives the Transport; redirects leave no origin whatever it says.
	Client *http.Client
	// Limit is the number of bytes a list is unpacked to; DefaultLimit if 0.
	Limit int64
	// MaxAge is how old a list may become that says neither exp nor ttl, or only ttl; DefaultMaxAge if 0. A list with exp ends then.
	MaxAge time.Duration
	// AllowHTTP allows lists without TLS from other machines.
	AllowHTTP bool
	// Now is time.Now if nil.
	Now func() time.Time
}

const (
	// DefaultTTL is for lists that do not say how long they may be kept.
	DefaultTTL = 5 * time.Minute
	// DefaultMaxAge is for lists without exp.
	DefaultMaxAge = 30 * time.Minute

	fetchTimeout = 10 * time.Second
	coolDown     = 5 * time.Second // between two attempts of one list that cannot be read
	maxBody      = 2 << 20         // a list of DefaultLimit that does not compress, in base64 twice
	maxLists     = 64              // a list is a few hundred kilobytes
	maxRedirects = 3
)

// Checker tells the state of tokens. Lists are kept as long as their ttl says, and renewed a little before; a request waits only for
// a list that is not known yet, or was not asked for until its ttl was over. It may be used by many goroutines at once.
type Checker struct {
	config  Config
	client  *http.Client
	life    context.Context //nolint:containedctx // of fetches, which outlive the requests that begin them
	end     context.CancelFunc
	fetches sync.WaitGroup

	mu    sync.Mutex
	lists map[string]*kept
	ended bool
}

// kept is what is known about one address.
type kept struct {
	list    *List
	arrived time.Time // of list
	used    time.Time
	flight  *flight // nil: no fetch under way
	failed  error   // what became of the last one
	tried   time.Time
}

// flight is one fetch that many may wait for.
type flight struct{ done chan struct{} }

// NewChecker makes a Checker; Close ends it.
func NewChecker(c Config) *Checker {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	checker := &Checker{config: c, lists: map[string]*kept{}}
	checker.life, checker.end = context.WithCancel(context.Background())
	checker.client = &http.Client{CheckRedirect: checker.redirect}
	if c.Client != nil {
		checker.client.Transport = c.Client.Transport
	}
	return checker
}

// Close ends fetches that are under way, and waits for them.
func (c *Checker) Close() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.end()
	c.fetches.Wait()
}

// Check gives the state of the token that names this list and index. Every error means that the token must be refused, and so does every
// state but Valid.
func (c *Checker) Check(ctx context.Context, uri string, index int64) (Status, error) {
	list, err := c.list(ctx, uri)
	if err != nil {
		return Invalid, err
	}
	return list.At(index)
}

// list gives a list that may be used now.
func (c *Checker) list(ctx context.Context, uri string) (*List, error) {
	if list := c.atHand(uri); list != nil {
		return list, nil
	}
	if err := c.mayAsk(uri); err != nil {
		return nil, err
	}
	f := c.begin(uri)
	if f != nil {
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	return c.best(uri)
}

// atHand gives a list whose ttl is not over, and begins to renew it shortly before.
func (c *Checker) atHand(uri string) *List {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.lists[uri]
	if k == nil || k.list == nil {
		return nil
	}
	now := c.config.Now()
	k.used = now
	age, ttl := now.Sub(k.arrived), k.list.ttl()
	if age < 0 || age >= ttl || c.usable(k, now) != nil {
		return nil
	}
	if age >= ttl*4/5 {
		c.start(uri, k)
	}
	return k.list
}

// minTTL keeps a list that says almost nothing from being asked for at every request.
const minTTL = time.Second

// ttl is how long the list serves without being asked for again.
func (l *List) ttl() time.Duration {
	if l.TTL > 0 {
		return max(l.TTL, minTTL)
	}
	return DefaultTTL
}

// usable tells whether the list of k still says something. The lock is held.
func (c *Checker) usable(k *kept, now time.Time) error {
	if err := k.list.Check(now); err != nil {
		return err
	}
	if k.list.Expires.IsZero() && now.Sub(k.arrived) >= max(c.config.MaxAge, k.list.TTL) {
		return ErrExpired
	}
	return nil
}

// begin gives the fetch to wait for; nil when there is none, because the last one failed a moment ago.
func (c *Checker) begin(uri string) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.lists[uri]
	if k == nil {
		c.makeRoom()
		k = &kept{used: c.config.Now()}
		c.lists[uri] = k
	}
	return c.start(uri, k)
}

// start begins a fetch, joins the one under way, or leaves it if it is too early. The lock is held.
func (c *Checker) start(uri string, k *kept) *flight {
	if k.flight != nil {
		return k.flight
	}
	since := c.config.Now().Sub(k.tried)
	if c.ended || k.failed != nil && since >= 0 && since < coolDown {
		return nil
	}
	f := &flight{done: make(chan struct{})}
	k.flight = f
	c.fetches.Go(func() {
		list, err := c.fetch(c.life, uri)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && k.list != nil && list.IssuedAt.Before(k.list.IssuedAt) {
			err = errOlder
		}
		if k.flight, k.failed, k.tried = nil, err, c.config.Now(); err == nil {
			k.list, k.arrived = list, k.tried
		}
		close(f.done)
	})
	return f
}

// best gives the list that is there after a fetch. §13.7: a list beyond its ttl may serve as long as it has not expired.
func (c *Checker) best(uri string) (*List, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.lists[uri]
	switch {
	case k == nil, k.list == nil && k.failed == nil: // it had to make room meanwhile, or the Checker has ended
		return nil, ErrUnavailable
	case k.list == nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, k.failed)
	}
	if err := c.usable(k, c.config.Now()); err != nil {
		if k.failed != nil {
			return nil, fmt.Errorf("%w: %w", err, k.failed)
		}
		return nil, err
	}
	return k.list, nil
}

// makeRoom forgets the list that was used least recently. The lock is held.
func (c *Checker) makeRoom() {
	if len(c.lists) < maxLists {
		return
	}
	oldest := ""
	for uri, k := range c.lists {
		if k.flight == nil && (oldest == "" || k.used.Before(c.lists[oldest].used)) {
			oldest = uri
		}
	}
	delete(c.lists, oldest)
}

// mayAsk tells whether an address is one of those that are read.
func (c *Checker) mayAsk(uri string) error {
	address, err := url.Parse(uri)
	if err != nil || len(uri) > 2048 || address.User != nil || address.Fragment != "" || address.Host == "" {
		return ErrOrigin
	}
	return c.allowed(address)
}

func (c *Checker) allowed(address *url.URL) error {
	secure := address.Scheme == "https" || address.Scheme == "http" && (c.config.AllowHTTP || loopback(address.Hostname()))
	if origin := address.Scheme + "://" + strings.ToLower(address.Host); !secure || !slices.Contains(c.config.Origins, origin) {
		return ErrOrigin
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// redirect follows within the origins only: §8.2 wants redirects to be followed, and a list must not become a way into a network.
func (c *Checker) redirect(next *http.Request, before []*http.Request) error {
	if len(before) > maxRedirects {
		return errors.New("too many redirects")
	}
	return c.allowed(next.URL)
}

// fetch reads and checks one list.
func (c *Checker) fetch(ctx context.Context, uri string) (*List, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	// §8.1.
	request.Header.Set("Accept", MediaType)
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", uri, answer.StatusCode)
	}
	raw, err := body(answer, 2*c.config.Limit+maxBody)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", uri, err)
	}
	payload, err := c.config.Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", uri, err)
	}
	list, err := Parse(payload, uri, c.config.Limit)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", uri, err)
	}
	return list, list.Check(c.config.Now())
}

// body reads a document, as it comes and unpacked bounded alike.
func body(answer *http.Response, limit int64) ([]byte, error) {
	from := io.LimitReader(answer.Body, limit+1)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return nil, err
		}
		from = io.LimitReader(unpacked, limit+1)
	}
	text, err := io.ReadAll(from)
	if err == nil && int64(len(text)) > limit {
		err = ErrSize
	}
	return text, err
}
