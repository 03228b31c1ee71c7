package verifier

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/claims"
)

// The values of a Config that are left zero.
const (
	DefaultMaxStale    = time.Minute
	DefaultMaxStaleAll = 30 * time.Minute
	DefaultCacheSize   = 10_000
)

// Config says whom a resource server trusts. Only Issuer is required; what is left out has the safe value.
type Config struct {
	// Issuer is the iss of the tokens, letter by letter: https://id.example.com/acme/shop. Everything else is discovered from it.
	Issuer string
	// Audience must be in aud. Empty: the issuer, which is what Writ writes.
	Audience string

	// ManagementIssuer is trusted besides, for tokens of organizations and admins; or Issuer is one itself. Its path is /management.
	ManagementIssuer string
	// Organization is the only one whose management tokens are accepted; required with a management issuer.
	Organization string
	// AcceptSuperuser accepts the superuser of the server, who belongs to no organization and may do everything in each.
	AcceptSuperuser bool

	// ClientID and ClientSecret are those of the application's client or its organization's. Without them there are neither policy nor
	// claim changes, and no feed if the server is set to feed-access=client. An application's client is not shown to the management issuer.
	ClientID, ClientSecret string

	// Leeway is how long a token may be used beyond its exp, for clocks that differ; at most a minute.
	Leeway time.Duration
	// MaxStale and MaxStaleAll: when what is known about revocations is older, non-expiring tokens and all tokens are refused with ErrStale.
	MaxStale, MaxStaleAll time.Duration
	// RefuseNonExpiring refuses tokens that live until they are revoked.
	RefuseNonExpiring bool
	// WithoutFeed accepts tokens without knowing what is revoked, for issuers that have no feed. Non-expiring tokens are refused then.
	WithoutFeed bool
	// Foreign: Issuer is another server than Writ whose tokens follow RFC 9068. They have LevelForeign and no rules; Audience is required, exp
	// must be there, and the status list that a token names (Token Status List, draft 21) must call it valid. There is no feed.
	Foreign bool
	// StatusOrigins are the servers, as https://host, besides that of a Foreign issuer whose status lists are read.
	StatusOrigins []string
	// StartOffline lets New return although the issuer cannot be reached. Everything is refused with ErrUnavailable until it is.
	StartOffline bool

	// Algorithms is the allow-list, of ES256, RS256, PS256 and EdDSA (also named Ed25519), which are the default.
	Algorithms []string
	// CacheSize is how many verified tokens are remembered, so that their signature is checked once; negative: none.
	CacheSize int
	// AllowHTTP allows issuers without TLS that are not on this machine. Whoever is between can then forge keys.
	AllowHTTP bool

	// HTTPClient gives the Transport; its other fields are not used.
	HTTPClient *http.Client
	Logger     *slog.Logger // nothing is logged if nil
	Metrics    Metrics
	Now        func() time.Time // time.Now if nil
}

// managementPath is the path of the issuer of organizations and admins.
const managementPath = "/management"

// checked gives the Config with its defaults, or everything that is wrong with it.
func (c Config) checked() (Config, error) {
	problems := append(c.checkTrust(), c.checkForeign()...)
	c.WithoutFeed = c.WithoutFeed || c.Foreign
	if (c.ClientID == "") != (c.ClientSecret == "") {
		problems = append(problems, errors.New("ClientID and ClientSecret belong together"))
	}
	if c.Leeway < 0 || c.Leeway > claims.MaxClockSkew {
		problems = append(problems, fmt.Errorf("leeway %v: want 0 to %v", c.Leeway, claims.MaxClockSkew))
	}
	if c.MaxStale < 0 || c.MaxStaleAll < 0 {
		problems = append(problems, errors.New("MaxStale and MaxStaleAll must not be negative"))
	}
	c.MaxStaleAll = either(c.MaxStaleAll, DefaultMaxStaleAll)
	// Who bounds all tokens more closely means those without an end, too.
	c.MaxStale = min(either(c.MaxStale, DefaultMaxStale), c.MaxStaleAll)
	c.CacheSize = either(c.CacheSize, DefaultCacheSize)
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{es256, rs256, ps256, edDSA}
	}
	c.Algorithms = slices.Clone(c.Algorithms)
	for i, name := range c.Algorithms {
		algorithm, known := canonical(name)
		if !known {
			problems = append(problems, fmt.Errorf("algorithm %q is none of ES256, RS256, PS256, EdDSA", name))
		}
		c.Algorithms[i] = algorithm
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, fmt.Errorf("verifier: %w", err)
	}
	return c, nil
}

func (c Config) checkTrust() (problems []error) {
	issuer, err := parseIssuer("Issuer", c.Issuer, c.AllowHTTP)
	if err != nil {
		problems = append(problems, err)
	}
	management := err == nil && issuer.Path == managementPath
	if c.ManagementIssuer != "" {
		other, err := parseIssuer("ManagementIssuer", c.ManagementIssuer, c.AllowHTTP)
		switch {
		case err != nil:
			problems = append(problems, err)
		case other.Path != managementPath:
			problems = append(problems, fmt.Errorf("ManagementIssuer %q: its path is not %s", c.ManagementIssuer, managementPath))
		case c.ManagementIssuer == c.Issuer:
			problems = append(problems, errors.New("ManagementIssuer is Issuer"))
		case issuer != nil && !sameOrigin(issuer, other) && c.ClientID != "":
			problems = append(problems, errors.New("ManagementIssuer is on another server, which the client's secret is not for"))
		}
		management = true
	}
	if management && c.Organization == "" {
		problems = append(problems, errors.New("management tokens are accepted for one organization only: Organization is empty"))
	}
	return problems
}

func either[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// parseIssuer refuses what RFC 8414 §2 refuses.
func parseIssuer(name, text string, allowHTTP bool) (*url.URL, error) {
	if text == "" {
		return nil, fmt.Errorf("%s is empty", name)
	}
	issuer, err := parseAddress(name, text, allowHTTP)
	if err != nil {
		return nil, err
	}
	if issuer.RawQuery != "" || issuer.ForceQuery || strings.HasSuffix(text, "/") {
		return nil, fmt.Errorf("%s %q: an issuer has no query and no slash at its end", name, issuer.Redacted())
	}
	return issuer, nil
}

// organizationPrefix begins the client_id of organizations.
const organizationPrefix = "b3U6"

// credentials are what the feed of an issuer is asked with: an application's client is unknown to the management issuer, which refuses
// wrong credentials even where it needs none.
func (c Config) credentials(issuer *url.URL) (id, secret string) {
	if issuer.Path == managementPath && !strings.HasPrefix(c.ClientID, organizationPrefix) {
		return "", ""
	}
	return c.ClientID, c.ClientSecret
}
