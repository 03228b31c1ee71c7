package server

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
)

// revokesOne tells whether a request of §6.1 names the token to revoke: then holding it is enough.
func (r *request) revokesOne() bool {
	return r.route.access == holder && (r.in.query.has("token") || strings.HasSuffix(r.route.path, "/revoketoken"))
}

// revokeUserTokens is …/users/{u}/revoketokens: one token if it is named, else all of the user's, for himself, with application access
// or by a rule.
func (s *Server) revokeUserTokens(r *request) error {
	if r.revokesOne() {
		return s.revokeUserToken(r)
	}
	if err := r.resolve(); err != nil {
		return err
	}
	if !r.isUserOfPath() {
		if err := r.authorizeByRules(); err != nil {
			return err
		}
	}
	if err := s.Grants.RevokeUserTokens(r.ctx(), r.tenant, r.user.ID); err != nil {
		return err
	}
	return s.revoked(r, "user", "revoked user tokens")
}

// revokeUserToken refuses one token of the application user of the path.
func (s *Server) revokeUserToken(r *request) error {
	name := r.param("user")
	if force := r.in.query.get("force"); force != "" && name != "me" {
		if user, err := r.findUser(name); err != nil {
			return err
		} else if user != nil {
			name = user.ID.String()
		}
	}
	return s.revokePresented(r, name)
}

// revokeAdminTokens is /management/users/{u}/revoketokens.
func (s *Server) revokeAdminTokens(r *request) error {
	if r.revokesOne() {
		return s.revokeAdminToken(r)
	}
	if err := r.authorizeAdmin(); err != nil {
		return err
	}
	if err := s.Grants.RevokeAdminTokens(r.ctx(), r.admin.ID); err != nil {
		return err
	}
	return s.revoked(r, "admin", "revoked user tokens")
}

// revokeAdminToken refuses one token of the admin of the path.
func (s *Server) revokeAdminToken(r *request) error { return s.revokePresented(r, r.param("user")) }

func (s *Server) revokePresented(r *request, userRef string) error {
	if r.in.query.count("token") > 1 {
		return grants.IllegalArgument("duplicate parameter: token")
	}
	extra := r.caller
	if extra.Level == claims.Guest {
		extra = nil
	}
	if err := s.Grants.RevokePresented(r.ctx(), r.tenant, userRef, r.in.query.get("token"), extra); err != nil {
		return err
	}
	return s.revoked(r, "token", "revoked user token")
}

// revokeOrganizationClient is /management/orgs/{org}/credentials/revoketokens.
func (s *Server) revokeOrganizationClient(r *request) error {
	return s.revokeClient(r, r.organization.ID, "revoked organization client tokens")
}

// revokeManagedClient is /management/orgs/{org}/apps/{app}/credentials/revoketokens.
func (s *Server) revokeManagedClient(r *request) error {
	tenant, err := r.managedApplication(r.ctx())
	if err != nil {
		return err
	}
	return s.revokeClient(r, tenant.Application.ID, "revoked application client tokens")
}

// revokeApplicationClient is /{org}/{app}/credentials/revoketokens.
func (s *Server) revokeApplicationClient(r *request) error {
	return s.revokeClient(r, r.tenant.Application.ID, "revoked application client tokens")
}

func (s *Server) revokeClient(r *request, owner uuid.UUID, action string) error {
	if err := s.Grants.RevokeClientTokens(r.ctx(), owner); err != nil {
		return err
	}
	return s.revoked(r, "client", action)
}

func (s *Server) revoked(r *request, kind, action string) error {
	r.countRevoked(kind)
	return r.ok(envelope{Action: action})
}

// managedApplication finds the application :app of the organization of a path under /management.
func (r *request) managedApplication(ctx context.Context) (*grants.Tenant, error) {
	name := r.param("app")
	tenant, err := r.server.Grants.Tenant(ctx, r.organization.ID.String(), name)
	if isUnknown(err) {
		return nil, applicationEntityNotFound(name, r.organization.Name)
	}
	r.managed = tenant
	return tenant, err
}
