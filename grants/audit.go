package grants

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// Audit hears of what belongs in the audit trail and happens where tokens are asked for: failed authentications, logins of admins,
// revocations, registered tokens. Recorder is one. Record must neither block nor fail.
type Audit interface {
	Record(event models.AuditEvent)
}

// Kinds of targets that this package names.
const (
	auditUser   = "user"
	auditAdmin  = "admin"
	auditClient = "client"
	auditToken  = "token"
)

// basicMethod is how the superuser authenticates on a single request.
const basicMethod = "basic"

// account is whose credentials a request was judged by. The zero value is that it did not come so far. Of an account that does not exist only the
// kind is known: a name that nobody has may be a password in the wrong field.
type account struct {
	kind         string
	id           uuid.UUID
	name         string
	tenant       *Tenant
	organization *models.Organization
}

func userTried(t *Tenant, user *models.User) account {
	return account{kind: auditUser, id: user.ID, name: user.Username, tenant: t}
}

func adminTried(admin *models.Admin) account {
	return account{kind: auditAdmin, id: admin.ID, name: admin.Username}
}

// place says where an event happened.
func place(e *models.AuditEvent, t *Tenant, organization *models.Organization) {
	switch {
	case t != nil:
		e.OrganizationID, e.ApplicationID = &t.Organization.ID, &t.Application.ID
	case organization != nil:
		e.OrganizationID = &organization.ID
	}
}

func (a *account) target(e *models.AuditEvent) {
	e.TargetKind = a.kind
	if a.id != uuid.Nil {
		e.TargetID, e.TargetName = a.id.String(), a.name
	}
	place(e, a.tenant, a.organization)
}

// Actor writes into an event who the caller is.
func (c *Caller) Actor(e *models.AuditEvent) {
	e.ActorLevel = string(c.Level)
	switch c.Level {
	case claims.ApplicationUser:
		e.ActorName = c.User.Username
	case claims.Application:
		e.ActorName = c.Tenant.Organization.Name + "/" + c.Tenant.Application.Name
	case claims.Organization:
		e.ActorName = c.Organization.Name
	case claims.AdminUser:
		e.ActorName = c.Admin.Username
		if c.Superuser {
			e.ActorLevel = models.AuditSuperuser
		}
	case claims.Guest:
		e.ActorLevel = models.AuditGuest
		return
	}
	id := c.ID()
	e.ActorID = &id
}

// auditToken records how a token request ended: refused credentials, logins of admins, and those of users if they are asked for. What
// client credentials get leaves no trace: it would be a row per token.
func (s *Service) auditToken(req *TokenRequest, token *Token, err error) {
	switch {
	case s.Audit == nil:
	case err != nil:
		s.auditRefusal(&req.tried, req.Source, req.GrantType, err)
	case req.GrantType != passwordGrant && req.GrantType != pinGrant:
	case token.Admin != nil:
		s.auditAdminLogin(token.Admin, req.Source, req.GrantType)
	case token.User != nil && s.AuditUserLogins:
		caller := Caller{Level: claims.ApplicationUser, User: token.User}
		event := models.AuditEvent{Action: "user.login", Source: req.Source, Detail: method(req.GrantType, "")}
		caller.Actor(&event)
		who := userTried(req.Tenant, token.User)
		who.target(&event)
		s.Audit.Record(event)
	}
}

func (s *Service) auditAdminLogin(admin *models.Admin, source, how string) {
	if s.Audit == nil {
		return
	}
	caller := Caller{Level: claims.AdminUser, Admin: admin, Superuser: admin.Superuser}
	event := models.AuditEvent{Action: "admin.login", Source: source, Detail: method(how, "")}
	caller.Actor(&event)
	who := adminTried(admin)
	who.target(&event)
	s.Audit.Record(event)
}

// auditRefusal records credentials that were judged and refused. Failures of ours and malformed requests are not about credentials.
func (s *Service) auditRefusal(who *account, source, how string, err error) {
	var known *Error
	if s.Audit == nil || who.kind == "" || !errors.As(err, &known) || known.Status >= http.StatusInternalServerError {
		return
	}
	wire := known.In(RFC6749)
	event := models.AuditEvent{
		Action: "login.failed", Result: models.AuditRefused, Code: wire.Code, ActorLevel: models.AuditGuest, Source: source,
	}
	reason := ""
	switch {
	case errors.Is(err, errReused):
		event.Action = "refresh.reused"
	case wire.Code == "invalid_scope", wire.Code == "invalid_request":
		return
	case wire.Code == "invalid_grant":
		reason = wire.Description // one of a few fixed sentences
	}
	event.Detail = method(how, reason)
	who.target(&event)
	s.Audit.Record(event)
}

// method is how somebody wanted in, and why he was not let in.
func method(how, reason string) string {
	members := map[string]any{}
	if how != "" {
		members["method"] = how
	}
	if reason != "" {
		members["reason"] = reason
	}
	return models.AuditDetail(members)
}

// auditRevoked records a token that was revoked by whoever held it, which is taken for its subject.
func (s *Service) auditRevoked(set *claims.Claims, source string) {
	if s.Audit == nil {
		return
	}
	event := models.AuditEvent{
		Action: "token.revoke", ActorID: parsed(set.Subject), ActorName: set.Username, ActorLevel: string(set.Level),
		OrganizationID: parsed(set.OrgID), ApplicationID: parsed(set.AppID), TargetKind: auditToken, TargetID: set.ID, Source: source,
	}
	if set.Superuser {
		event.ActorLevel = models.AuditSuperuser
	}
	s.Audit.Record(event)
}

// auditFamilyEnded records the same of a refresh token, with which its whole family ends.
func (s *Service) auditFamilyEnded(t *Tenant, row *models.RefreshToken, source string) {
	if s.Audit == nil {
		return
	}
	event := models.AuditEvent{
		Action: "token.revoke", ActorID: &row.UserID, ActorLevel: string(claims.ApplicationUser),
		TargetKind: "refresh family", TargetID: row.Family.String(), Source: source,
	}
	place(&event, t, nil)
	s.Audit.Record(event)
}

func parsed(text string) *uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	return &id
}

// auditRegistered records the issue of a token that does not expire.
func (s *Service) auditRegistered(who subject, row *models.RegisteredToken) {
	if s.Audit == nil {
		return
	}
	event := models.AuditEvent{
		Action: "token.register", TargetKind: auditToken, TargetID: row.JTI, TargetName: row.Label, Source: row.IssuedFrom,
		OrganizationID: row.OrganizationID, ApplicationID: row.ApplicationID,
		Detail: models.AuditDetail(map[string]any{"level": row.Level, "subject": row.Subject}),
	}
	by := who.by
	if by == nil {
		by = &Caller{Level: who.level, Tenant: who.tenant, Organization: who.organization, User: who.user, Admin: who.admin}
		by.Superuser = who.admin != nil && who.admin.Superuser
	}
	by.Actor(&event)
	s.Audit.Record(event)
}
