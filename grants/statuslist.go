package grants

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// StatusListTTL is how long a reader may keep a status list before he asks again: how late he may learn of a revocation.
const StatusListTTL = time.Minute

const (
	// statusListLife is the time until a list's exp. It is signed anew when half of it has passed.
	statusListLife = time.Hour
	// cachedListScopes and cachedListBytes bound the lists kept in memory.
	cachedListScopes = 5_000
	cachedListBytes  = 64 << 20
	// statusAttempts is how often a token is made anew because somebody else took its entry.
	statusAttempts = 16
)

// ListIssuer is an issuer in its role as the publisher of status lists. An application is one even when it is deleted, for resource servers
// go on reading about its tokens.
type ListIssuer struct{ scope, issuer string }

// ManagementLists is the issuer of lists for the tokens of organizations and admins.
func (s *Service) ManagementLists() ListIssuer {
	return ListIssuer{scope: models.ManagementScope, issuer: s.management}
}

// ApplicationLists finds an application, deleted or not, as Tenant does. It answers models.ErrNotFound.
func (s *Service) ApplicationLists(ctx context.Context, organizationRef, applicationRef string) (ListIssuer, error) {
	tenant, err := s.tenants.find(ctx, organizationRef, applicationRef)
	if err == nil {
		return tenant.Lists(), nil
	}
	if !errors.Is(err, models.ErrNotFound) {
		return ListIssuer{}, err
	}
	organization, application, err := s.Store.AnyApplication(ctx, organizationRef, applicationRef)
	if err != nil {
		return ListIssuer{}, err
	}
	return ListIssuer{application.ID.String(), s.Issuer(organization.Name, application.Name)}, nil
}

// Lists is the application as an issuer of status lists.
func (t *Tenant) Lists() ListIssuer { return ListIssuer{scope: t.applicationID, issuer: t.Issuer} }

// Lists is where the issuer's status lists are.
func (i ListIssuer) Lists() string { return i.issuer + "/statuslists" }

func (i ListIssuer) uri(number int64) string { return i.Lists() + "/" + strconv.FormatInt(number, 10) }

// StatusDocument is a signed status list.
type StatusDocument struct {
	Body string // a compact JWS
	ETag string

	signed time.Time
}

// scopeLists are the lists of one issuer as of one moment; a change of any of its tokens replaces them by new ones.
type scopeLists struct {
	lists []models.StatusList
	gone  bool

	mu   sync.Mutex
	made map[int64]*StatusDocument
}

// statusLists keeps the lists that somebody has asked for.
type statusLists = cache[string, *scopeLists]

func newStatusLists() *statusLists {
	return newCache[string](cachedListScopes, cachedListBytes, func(l *scopeLists) int {
		return 1<<10 + len(l.lists)*(models.StatusListSize/4) // base64 in base64, and the salt
	})
}

func (s *Service) listsOf(ctx context.Context, issuer ListIssuer) (*scopeLists, error) {
	return s.statusLists.get(issuer.scope, func() (*scopeLists, error) {
		lists, gone, err := s.Store.StatusLists(ctx, issuer.scope)
		return &scopeLists{lists: lists, gone: gone, made: map[int64]*StatusDocument{}}, err
	})
}

// StatusLists gives the URIs of an issuer's status lists: draft-ietf-oauth-status-list-21 §9.3. There are none before the first token.
func (s *Service) StatusLists(ctx context.Context, issuer ListIssuer) ([]string, error) {
	known, err := s.listsOf(ctx, issuer)
	if err != nil {
		return nil, err
	}
	uris := make([]string, 0, len(known.lists))
	for i := range known.lists {
		uris = append(uris, issuer.uri(known.lists[i].Number))
	}
	return uris, nil
}

// StatusList gives one list as a signed document: models.ErrNotFound if the issuer has no list of this number. A revocation that was
// acknowledged is in it. It is made once for each change, not for each reader.
func (s *Service) StatusList(ctx context.Context, issuer ListIssuer, number int64) (*StatusDocument, error) {
	known, err := s.listsOf(ctx, issuer)
	if err != nil {
		return nil, err
	}
	if number < 1 || number > int64(len(known.lists)) {
		return nil, models.ErrNotFound
	}
	list := &known.lists[number-1] // numbers have no gaps
	known.mu.Lock()
	defer known.mu.Unlock()
	made, now := known.made[number], s.Now()
	if made != nil && now.Before(made.signed.Add(statusListLife/2)) {
		return made, nil
	}
	fresh, err := s.makeStatusList(ctx, issuer, list, known.gone)
	switch {
	case err == nil:
		known.made[number] = fresh
		return fresh, nil
	case made != nil && now.Before(made.signed.Add(statusListLife)):
		// Nothing has changed, only time has passed: what cannot be made anew now is still true.
		s.Logger.WarnContext(ctx, "a status list could not be signed anew", "cause", err)
		return made, nil
	}
	return nil, err
}

// statusListClaims is §5.1 of the draft.
type statusListClaims struct {
	Subject  string `json:"sub"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	TTL      int64  `json:"ttl"` // seconds
	List     struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

func (s *Service) makeStatusList(ctx context.Context, issuer ListIssuer, list *models.StatusList, gone bool) (*StatusDocument, error) {
	bits, err := s.statusBits(ctx, list, gone)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	set := statusListClaims{
		Subject: issuer.uri(list.Number), IssuedAt: now.Unix(), Expires: now.Add(statusListLife).Unix(),
		TTL: int64(StatusListTTL / time.Second),
	}
	set.List.Bits = 1
	if set.List.List, err = compressed(bits); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	body, err := s.Keys.SignAs(claims.StatusListType, payload)
	if err != nil {
		return nil, Unavailable(err)
	}
	sum := sha256.Sum256([]byte(body))
	return &StatusDocument{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, signed: now}, nil
}

// statusBits: 1 is INVALID, §7.1 of the draft.
func (s *Service) statusBits(ctx context.Context, list *models.StatusList, gone bool) ([]byte, error) {
	bits := list.Bits()
	if gone {
		for i := range bits {
			bits[i] = 0xff
		}
		return bits, nil
	}
	revoked, err := s.Store.RevokedEntries(ctx, list.ID)
	if err != nil {
		return nil, err
	}
	for _, index := range revoked {
		bits[index/8] |= 1 << (index % 8)
	}
	return bits, nil
}

// compressed is §4.1 of the draft: DEFLATE in the format of zlib, in base64url.
func compressed(bits []byte) (string, error) {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(bits); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(out.Bytes()), nil
}

// mintRegistered makes a token that does not expire, with an entry of its issuer's status list. The entry is in the signed claims, so a
// token whose entry somebody else took meanwhile is made anew.
func (s *Service) mintRegistered(ctx context.Context, grantType string, who subject, o order, m minting) (string, error) {
	issuer := s.ManagementLists()
	if o.claims.AppID != "" {
		issuer = who.tenant.Lists()
	}
	for range statusAttempts {
		list, index, err := s.Store.FreeStatusEntry(ctx, issuer.scope)
		if err != nil {
			return "", failure(err)
		}
		o.claims.Status = &claims.Status{List: &claims.StatusListEntry{Index: index, URI: issuer.uri(list.Number)}}
		raw, err := s.generate(ctx, grantType, o)
		if err != nil {
			return "", notMade(err)
		}
		err = s.register(ctx, who, o.claims, raw, m, entry{list.ID, index})
		if !errors.Is(err, models.ErrEntryTaken) {
			return raw, err
		}
	}
	return "", Unavailable(fmt.Errorf("no entry of a status list was left after %d attempts", statusAttempts))
}

// entry is a place on a status list.
type entry struct {
	list  uuid.UUID
	index int64
}

// forgetLists drops the lists of a scope.
func (s *Service) forgetLists(scope string) { s.statusLists.drop(scope) }
