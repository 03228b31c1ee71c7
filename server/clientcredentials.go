package server

import (
	"context"
	"errors"

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
	return r.ok(answer)
}

// renewClient gives a client a new secret. With ?revoketokens=true the tokens it has got so far die in the same transaction.
func (s *Server) renewClient(r *request, owner uuid.UUID, answer envelope) error {
	revoke, err := r.in.queryFlag("revoketokens")
	if err != nil {
		return err
	}
	var secret string
	client, err := s.Store.UpdateClient(r.ctx(), owner, func(c *models.Client) (err error) {
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
		s.metrics.revocations.WithLabelValues("client").Inc()
	}
	answer.Credentials = &credentials{ClientID: client.ClientID(), ClientSecret: secret}
	return r.ok(answer)
}

func (s *Server) traceClient(r *request, event string, client *models.Client) {
	s.Logger.InfoContext(r.ctx(), event,
		"client_id", client.ClientID(), "level", r.caller.Level, "caller", r.caller.ID(), "source", r.source())
}
