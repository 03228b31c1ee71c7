package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// clientStore reads and changes the credentials of applications and organizations.
type clientStore interface {
	Client(ctx context.Context, owner uuid.UUID) (models.Client, error)
	UpdateClient(ctx context.Context, owner uuid.UUID, change func(*models.Client) error) (models.Client, error)
}

// showOrganizationClient is GET /management/orgs/{org}/credentials (§7.3).
func (s *Server) showOrganizationClient(r *request) error {
	return s.showClient(r, r.organization.ID, envelope{Action: "get organization client credentials"})
}

// renewOrganizationClient is POST /management/orgs/{org}/credentials.
func (s *Server) renewOrganizationClient(r *request) error {
	return s.renewClient(r, r.organization.ID, envelope{Action: "generate organization client credentials"})
}

// showManagedClient is GET /management/orgs/{org}/apps/{app}/credentials.
func (s *Server) showManagedClient(r *request) error {
	tenant, err := r.managedApplication(r.ctx())
	if err != nil {
		return err
	}
	return s.showClient(r, tenant.Application.ID, envelope{Action: "get application client credentials"})
}

// renewManagedClient is POST /management/orgs/{org}/apps/{app}/credentials.
func (s *Server) renewManagedClient(r *request) error {
	tenant, err := r.managedApplication(r.ctx())
	if err != nil {
		return err
	}
	return s.renewClient(r, tenant.Application.ID, envelope{Action: "generate application client credentials"})
}

// showApplicationClient is GET /{org}/{app}/credentials.
func (s *Server) showApplicationClient(r *request) error {
	return s.showClient(r, r.tenant.Application.ID, envelope{Action: "get application keys", OK: true})
}

// renewApplicationClient is POST /{org}/{app}/credentials.
func (s *Server) renewApplicationClient(r *request) error {
	return s.renewClient(r, r.tenant.Application.ID, envelope{Action: "generate application keys", OK: true})
}

// showClient reveals a client's secret, and leaves a trace of it. With client-secrets=once there is nothing to reveal but the
// identifier.
func (s *Server) showClient(r *request, owner uuid.UUID, answer envelope) error {
	client, err := s.Store.Client(r.ctx(), owner)
	if err != nil {
		return err
	}
	secret, err := s.Secrets.Reveal(client)
	if err != nil && !errors.Is(err, grants.ErrNotKept) {
		return err
	}
	if secret != "" {
		s.traceClient(r, "client secret revealed", &client)
	}
	answer.Credentials = &credentials{ClientID: client.ClientID(), ClientSecret: secret}
	if err := s.describeOverlap(r, answer.Credentials, client); err != nil {
		return err
	}
	return r.ok(answer)
}

// describeOverlap shows both secrets with their age while both are valid; otherwise the answer is the two members of §1.4.
func (s *Server) describeOverlap(r *request, shown *credentials, client models.Client) error {
	if !client.Overlaps(r.now()) {
		return nil
	}
	former, err := s.Secrets.RevealPrevious(client)
	if err != nil && !errors.Is(err, grants.ErrNotKept) {
		return err
	}
	shown.Created = client.SecretCreated
	shown.Previous = &previousSecret{ClientSecret: former, Created: client.PreviousCreated, Expires: client.PreviousExpires}
	return nil
}

// maxOverlap bounds ?overlap=: two secrets for ever are one too many.
const maxOverlap = 30 * 24 * time.Hour

// overlap reads ?overlap= in ms.
func (in *input) overlap() (time.Duration, error) {
	text := in.query.get("overlap")
	if text == "" {
		return 0, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > maxOverlap.Milliseconds() {
		return 0, models.Illegal("overlap must be a number of milliseconds from 0 to %d", maxOverlap.Milliseconds())
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// renewClient gives a client a new secret. With ?revoketokens=true the tokens it has got so far die in the same transaction; with
// ?overlap= (ms) the old secret stays valid for so long.
func (s *Server) renewClient(r *request, owner uuid.UUID, answer envelope) error {
	revoke, err := r.in.queryFlag("revoketokens")
	if err != nil {
		return err
	}
	overlap, err := r.in.overlap()
	if err != nil {
		return err
	}
	if revoke && overlap > 0 {
		return models.Illegal("overlap and revoketokens exclude each other: a leaked secret must not stay valid")
	}
	var secret string
	client, err := s.Store.UpdateClient(r.ctx(), owner, func(c *models.Client) (err error) {
		s.Secrets.Forget(c)
		if overlap > 0 {
			s.Secrets.Overlap(c, r.now(), overlap)
		}
		if revoke {
			c.Generation++
		}
		secret, err = s.Secrets.Renew(c, r.now())
		return err
	})
	if err != nil {
		return err
	}
	s.traceClient(r, "client secret renewed", &client)
	if revoke {
		r.countRevoked("client")
	}
	answer.Credentials = &credentials{ClientID: client.ClientID(), ClientSecret: secret}
	if err := s.describeOverlap(r, answer.Credentials, client); err != nil {
		return err
	}
	return r.ok(answer)
}

func (s *Server) traceClient(r *request, event string, client *models.Client) {
	s.Logger.InfoContext(r.ctx(), event,
		"client_id", client.ClientID(), "level", r.caller.Level, "caller", r.caller.ID(), "source", r.source())
}
