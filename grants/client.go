package grants

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// PresentedClient is the client authentication of a request, not yet checked.
type PresentedClient struct {
	Basic      *BasicCredentials // nil: no Basic header
	ID, Secret string            // client_id and client_secret of the body, of the query for GET
}

// BasicCredentials are both halves of an Authorization header of the Basic scheme, form-url-decoded.
type BasicCredentials struct {
	Username, Password string
}

// client is an authenticated client; the zero value is the public client.
type client struct {
	kind         models.ClientKind // empty: public
	id           string            // client_id
	row          models.Client
	tenant       *Tenant              // of an application's client
	organization *models.Organization // of an organization's client
}

func (c *client) public() bool { return c.kind == "" }

// level is the level of a token for the client itself.
func (c *client) level() claims.Level {
	if c.kind == models.OrganizationClient {
		return claims.Organization
	}
	return claims.Application
}

// chosen is the one pair of credentials that a request is judged by.
type chosen struct {
	id, secret string
	basic      bool // came by the Basic scheme
	idOnly     bool // client_id without a secret
}

// choose applies wire contract §2.2 to what was presented.
func (p PresentedClient) choose(d Dialect, grantType string) (chosen, error) {
	basic := p.Basic
	if basic != nil && basic.Username != "" && basic.Password == "" && grantType != clientCredentialsGrant {
		// Standard clients without a secret send their id like this; it counts as client_id alone.
		if p.ID == "" {
			p.ID = basic.Username
		}
		basic = nil
	}
	if basic != nil && (basic.Username == "" || basic.Password == "") {
		if d == RFC6749 {
			return chosen{}, InvalidClient(true)
		}
		basic = nil
	}
	switch {
	case basic != nil && d == RFC6749 && (p.Secret != "" || p.ID != "" && p.ID != basic.Username):
		// RFC 6749 §2.3: not more than one authentication method in a request.
		return chosen{}, NewError(400, "invalid_request", "more than one client authentication method")
	case basic != nil:
		return chosen{id: basic.Username, secret: basic.Password, basic: true}, nil
	case p.ID != "" && p.Secret != "":
		return chosen{id: p.ID, secret: p.Secret}, nil
	case p.Secret != "" && d == RFC6749:
		return chosen{}, InvalidClient(false)
	case p.ID != "":
		return chosen{id: p.ID, idOnly: true}, nil
	}
	return chosen{}, nil
}

// authenticateClient finds out which client asks. A client that is presented and wrong fails the request, whatever the grant.
func (s *Service) authenticateClient(ctx context.Context, req *TokenRequest) (client, error) {
	pick, err := req.Client.choose(req.Dialect, req.GrantType)
	if err != nil {
		return client{}, err
	}
	needed := req.GrantType == clientCredentialsGrant
	switch {
	case pick.id == "" && needed, pick.idOnly && needed:
		return client{}, InvalidClient(false)
	case pick.id == "", pick.idOnly && req.Dialect == Usergrid:
		return client{}, nil
	case pick.idOnly:
		if _, err := s.servedClient(ctx, req.Tenant, pick.id); err != nil {
			return client{}, s.clientError(err, false)
		}
		return client{}, nil
	}
	return s.proveClient(ctx, req.Tenant, pick, req.Source)
}

// proveClient compares the secret. An unknown client costs the same as a wrong secret, and both count against the account.
func (s *Service) proveClient(ctx context.Context, t *Tenant, pick chosen, source string) (client, error) {
	account := clientAccount(pick.id)
	if wait := s.throttle.wait(account, source); wait > 0 {
		return client{}, s.clientRefused(t, &client{}, source, TooManyAttempts(wait))
	}
	found, err := s.servedClient(ctx, t, pick.id)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return client{}, failure(err)
	}
	if !s.secretOf(found.row, pick.secret) || err != nil {
		if found, err = s.doubtedClient(ctx, t, pick, source); err != nil {
			return client{}, err
		}
	}
	s.throttle.succeeded(account, source)
	return found, nil
}

// doubtedClient looks at a secret once more that is wrong as far as is known here. The wait is looked at again behind the database: guesses that ran
// side by side must not outrun it, nor those that nobody can judge while it is away.
func (s *Service) doubtedClient(ctx context.Context, t *Tenant, pick chosen, source string) (client, error) {
	account := clientAccount(pick.id)
	found, err := s.clientAgain(ctx, t, pick.id)
	right := s.secretOf(found.row, pick.secret) && err == nil
	if wait := s.throttle.wait(account, source); wait > 0 {
		return client{}, s.clientRefused(t, &client{}, source, TooManyAttempts(wait))
	}
	if right {
		return found, nil
	}
	s.throttle.failed(account, source)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return client{}, failure(err)
	}
	return client{}, s.clientRefused(t, &found, source, InvalidClient(pick.basic))
}

// clientAgain finds a client as it is now. Another replica may have renewed the secret a moment ago, and whoever was given the new one is not to
// be told that it is wrong, nor to be slowed down for it.
func (s *Service) clientAgain(ctx context.Context, t *Tenant, clientID string) (client, error) {
	if err := s.Store.Renew(ctx); err != nil {
		return client{}, err
	}
	if t != nil {
		now, err := s.tenants.byApplication(ctx, t.Application.ID)
		if err != nil {
			return client{}, err
		}
		t = now
	}
	return s.servedClient(ctx, t, clientID)
}

// clientRefused leaves a trace of a refusal and hands it on. An unknown client is the zero value.
func (s *Service) clientRefused(t *Tenant, found *client, source string, err error) error {
	who := account{kind: auditClient, tenant: t, id: found.row.ID, name: found.id, organization: found.organization}
	if found.tenant != nil {
		who.tenant = found.tenant
	}
	s.auditRefusal(&who, source, "client", err)
	return err
}

func (s *Service) clientError(err error, basic bool) error {
	if errors.Is(err, models.ErrNotFound) {
		return InvalidClient(basic)
	}
	return failure(err)
}

// servedClient finds a client by its identifier, if the endpoint serves it: an application endpoint its own application and the owning
// organization, the management endpoint everyone.
func (s *Service) servedClient(ctx context.Context, t *Tenant, clientID string) (client, error) {
	kind, id, ok := models.ParseClientID(clientID)
	if !ok {
		return client{}, models.ErrNotFound
	}
	if kind == models.ApplicationClient {
		if t == nil {
			tenant, err := s.tenants.byApplication(ctx, id)
			if err != nil {
				return client{}, err
			}
			return applicationClient(tenant), nil
		}
		if id != t.Application.ID {
			return client{}, models.ErrNotFound
		}
		return applicationClient(t), nil
	}
	if t != nil && id != t.Organization.ID {
		return client{}, models.ErrNotFound
	}
	return s.organizationClient(ctx, id)
}

func applicationClient(t *Tenant) client {
	return client{kind: models.ApplicationClient, id: t.clientID, row: t.client, tenant: t}
}

func (s *Service) organizationClient(ctx context.Context, id uuid.UUID) (client, error) {
	found, err := s.tenants.owner(ctx, id)
	if err != nil {
		return client{}, err
	}
	return client{
		kind: models.OrganizationClient, id: found.client.ClientID(), row: found.client, organization: &found.organization,
	}, nil
}

// secretOf tells whether a secret is a client's present one, or its former one while both are valid.
func (s *Service) secretOf(row models.Client, secret string) bool {
	return secretMatches(row.SecretHash, secret) || row.Overlaps(s.Now()) && secretMatches(row.PreviousHash, secret)
}

// secretMatches compares in constant time, hash against hash of equal length. A missing hash matches nothing.
func secretMatches(hash []byte, secret string) bool {
	presented := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(hash, presented[:]) == 1
}
