package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/strictjson"
	"github.com/writ-auth/writ/verifier/statuslist"
)

// LevelForeign is the level of tokens of a foreign issuer, which have none of Writ's. It holds no rule and passes RequireLevel only by name.
const LevelForeign claims.Level = "foreign"

// checkForeign refuses what a foreign issuer has no use for: it would look as if it were checked.
func (c Config) checkForeign() (problems []error) {
	if !c.Foreign {
		if len(c.StatusOrigins) > 0 {
			problems = append(problems, errors.New("StatusOrigins is for Foreign issuers"))
		}
		return problems
	}
	if c.Audience == "" {
		// RFC 9068 §4: the resource server must find itself in aud; only Writ names itself there.
		problems = append(problems, errors.New("a Foreign issuer needs an Audience"))
	}
	if c.ManagementIssuer != "" || c.Organization != "" || c.ClientID != "" || c.AcceptSuperuser {
		problems = append(problems, errors.New("ManagementIssuer, Organization, ClientID and AcceptSuperuser are Writ's, not of a Foreign issuer"))
	}
	for _, text := range c.StatusOrigins {
		origin, err := parseAddress("StatusOrigins", text, c.AllowHTTP)
		if err != nil {
			problems = append(problems, err)
		} else if origin.Path != "" || origin.RawQuery != "" {
			problems = append(problems, fmt.Errorf("StatusOrigins %q: want https://host", text))
		}
	}
	return problems
}

// newStatuses makes the reader of status lists. They are signed by the issuer's keys, and lie on its own server or on one that is named.
func (v *Verifier) newStatuses() *statuslist.Checker {
	is := v.issuers[0]
	origins := []string{originOf(is.address)}
	for _, text := range v.config.StatusOrigins {
		if origin, err := url.Parse(text); err == nil {
			origins = append(origins, originOf(origin))
		}
	}
	return statuslist.NewChecker(statuslist.Config{
		Origins: origins, Client: v.client, AllowHTTP: v.config.AllowHTTP, Now: v.config.Now,
		Verify: func(ctx context.Context, raw []byte) ([]byte, error) {
			// Token Status List §5.1: typ is exactly this one.
			return is.tracked.Load().keys.verify(ctx, raw, statuslist.Type, nil)
		},
	})
}

func originOf(address *url.URL) string { return address.Scheme + "://" + strings.ToLower(address.Host) }

// checkStatus asks the status list that a token names. It does no I/O while the list is fresh.
func (v *Verifier) checkStatus(ctx context.Context, token *Token) *Error {
	if v.statuses == nil || token.claims.Status == nil {
		return nil
	}
	entry := token.claims.Status.List
	if entry == nil {
		// Its issuer says that the token has a state, by a mechanism that nobody here knows.
		return ErrRevoked.because(errors.New("the token's status cannot be read"))
	}
	state, err := v.statuses.Check(ctx, entry.URI, entry.Index)
	switch {
	case errors.Is(err, statuslist.ErrIndex), errors.Is(err, statuslist.ErrOrigin):
		return ErrRevoked.because(err)
	case errors.Is(err, statuslist.ErrExpired):
		return ErrStale.because(err)
	case err != nil:
		return ErrUnavailable.because(err)
	case state != statuslist.Valid:
		// §7.1: invalid, suspended, or something that the application would have to know.
		return ErrRevoked.because(fmt.Errorf("its status is %d", state))
	}
	return nil
}

// parseForeign reads what RFC 9068 §2.2 says about every token, and nothing that has a meaning in Writ's tokens only.
func parseForeign(payload []byte) (*claims.Claims, error) {
	decoded, err := strictjson.Decode(payload, 16)
	if err != nil {
		return nil, err
	}
	members, is := decoded.(map[string]any)
	if !is {
		return nil, claims.ErrMalformed
	}
	c := &claims.Claims{Level: LevelForeign}
	good := textOf(members, "iss", &c.Issuer) && textOf(members, "sub", &c.Subject) && textOf(members, "client_id", &c.ClientID) &&
		textOf(members, "jti", &c.ID) && textOf(members, "scope", &c.Scope) && secondsOf(members, "iat", &c.IssuedAt)
	if _, has := members["exp"]; has {
		c.Expires = new(int64)
		good = good && secondsOf(members, "exp", c.Expires)
	}
	if one, is := members["aud"].(string); is {
		c.Audience = claims.Audience{one}
	} else if c.Audience, is = textsOf(members["aud"]); !is {
		good = false
	}
	// RFC 9068 §2.2.3.1: where these are objects, as SCIM has them, they mean nothing here.
	c.Roles, _ = textsOf(members["roles"])
	c.Groups, _ = textsOf(members["groups"])
	if status, has := members["status"]; has {
		if c.Status, is = statusOf(status); !is {
			good = false
		}
	}
	if !good {
		return nil, claims.ErrMalformed
	}
	return c, nil
}

// textOf tells false if there is something else than a text.
func textOf(members map[string]any, name string, to *string) bool {
	value, has := members[name]
	if !has {
		return true
	}
	text, is := value.(string)
	*to = text
	return is
}

// secondsOf reads a NumericDate, RFC 7519 §2, which may have a fraction.
func secondsOf(members map[string]any, name string, to *int64) bool {
	number, is := members[name].(json.Number)
	if !is {
		return false
	}
	seconds, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || seconds < 0 || seconds > claims.FarFuture {
		return false
	}
	*to = int64(math.Floor(seconds))
	return true
}

func textsOf(value any) ([]string, bool) {
	list, is := value.([]any)
	if !is {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, item := range list {
		if texts[i], is = item.(string); !is {
			return nil, false
		}
	}
	return texts, true
}

// statusOf reads draft-ietf-oauth-status-list-21 §6.
func statusOf(value any) (*claims.Status, bool) {
	mechanisms, is := value.(map[string]any)
	if !is {
		return nil, false
	}
	reference, has := mechanisms["status_list"]
	if !has {
		return &claims.Status{}, true
	}
	members, is := reference.(map[string]any)
	if !is {
		return nil, false
	}
	entry := &claims.StatusListEntry{}
	number, is := members["idx"].(json.Number)
	if !is {
		return nil, false
	}
	index, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || index < 0 || !textOf(members, "uri", &entry.URI) || entry.URI == "" {
		return nil, false
	}
	entry.Index = index
	return &claims.Status{List: entry}, true
}

// validateForeign is RFC 9068 §4 without what Writ adds.
func validateForeign(c *claims.Claims, want claims.Expectation, now time.Time) *Error {
	leeway := want.Leeway
	switch {
	case c.Subject == "" || c.ID == "" || c.ClientID == "" || c.IssuedAt <= 0 || c.Expires == nil: // §2.2: all are required
		return ErrMalformed
	case !slices.Contains(want.Issuers, c.Issuer):
		return ErrIssuer
	case !slices.Contains(c.Audience, want.Audience):
		return ErrAudience
	case !now.Add(-leeway).Before(time.Unix(*c.Expires, 0)):
		return ErrExpired
	case c.IssuedAt > now.Add(claims.MaxClockSkew).Unix():
		return ErrNotYet
	}
	return nil
}

// discover asks for the metadata of RFC 8414, and where a foreign issuer has none for that of OpenID Connect, which has the same members.
func (v *Verifier) discover(ctx context.Context, is *issuer) (endpoints, error) {
	found, err := discover(ctx, v.client, is.address, v.config.AllowHTTP)
	if err == nil || !v.config.Foreign {
		return found, err
	}
	if other, failure := readMetadata(ctx, v.client, is.address.String()+"/.well-known/openid-configuration", is.address, v.config.AllowHTTP); failure == nil {
		return other, nil
	}
	return endpoints{}, err
}

// accessToken tells whether a typ is that of access tokens. RFC 9068 §4 has two spellings; Writ writes one.
func (v *Verifier) accessToken(typ string) bool {
	return typ == claims.Type || v.config.Foreign && typ == "application/"+claims.Type
}

func (v *Verifier) parse(payload []byte) (*claims.Claims, error) {
	if v.config.Foreign {
		return parseForeign(payload)
	}
	return claims.Parse(payload)
}
