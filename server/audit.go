package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// auditStore keeps the audit trail.
type auditStore interface {
	AppendAudit(ctx context.Context, events []models.AuditEvent) error
	Audit(ctx context.Context, filter models.AuditFilter, page models.Page) ([]models.AuditEvent, string, error)
	VerifyAudit(ctx context.Context) (models.AuditChain, error)
}

// auditTimeout is how long an answer waits for its entry. The caller's patience does not count: the change has happened.
const auditTimeout = 5 * time.Second

// record is the one place where the server writes to the audit trail. It runs when the answer is known and before the caller sees it:
// what was changed is on disk then, and so is its entry. What was refused is collected and written with the next batch, so that
// nobody makes the server write by asking for what he may not.
func (r *request) record(status int) {
	if r.Request().Method == http.MethodHead {
		return
	}
	switch {
	case status < http.StatusBadRequest:
		if r.audited() {
			r.recordChange()
		}
	case r.refusesToken(status):
		r.server.collect(r.auditEvent("token.refused", models.AuditRefused))
	case r.route.audit.action == "" || r.caller == nil || r.caller.Level == claims.Guest:
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		r.server.collect(r.refusal(models.AuditRefused))
	case status >= http.StatusInternalServerError:
		r.server.collect(r.refusal(models.AuditFailed))
	}
}

// audited tells whether a success is one for the trail: a look at credentials only if it has shown a secret.
func (r *request) audited() bool {
	shown := r.answered.Credentials // nil if there are none
	return r.route.audit.action != "" && (r.route.audit.action != revealed || shown != nil && shown.ClientSecret != "")
}

// refusesToken tells whether an access token was presented that is not one, or no longer. That tokens end is no event.
func (r *request) refusesToken(status int) bool {
	return status == http.StatusUnauthorized && r.credential == tokenCredential && r.caller == nil &&
		r.failed != nil && r.failed.Code != "expired_token"
}

// collect hands an event to the recorder, if there is one.
func (s *Server) collect(event models.AuditEvent) {
	if s.Audit != nil {
		s.Audit.Record(event)
	}
}

func (r *request) recordChange() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx()), auditTimeout)
	defer cancel()
	r.append(ctx, r.changes(ctx)...)
}

// append writes entries of a change that has happened: an error would be a lie, and would be answered by doing it again.
func (r *request) append(ctx context.Context, events ...models.AuditEvent) {
	err := r.server.Store.AppendAudit(ctx, events)
	if err == nil {
		return
	}
	r.server.Logger.ErrorContext(ctx, "audit entry could not be written at once", "action", events[0].Action, "cause", err)
	r.server.metrics.unaudited.Inc()
	for _, event := range events {
		r.server.collect(event)
	}
}

// recordLink records what somebody did by the link of a mail: the holder of the address, as far as anybody knows.
func (r *request) recordLink(a account, what string) {
	event := r.auditEvent("admin."+what, models.AuditOK)
	event.ActorLevel, event.TargetKind = models.AuditGuest, "admin"
	event.Detail = models.AuditDetail(map[string]any{"by": "link"})
	switch {
	case a.user != nil:
		event.Action, event.TargetKind = "user."+what, "user"
		event.TargetID, event.TargetName = a.user.ID.String(), a.user.Username
	case a.admin != nil:
		event.TargetID, event.TargetName = a.admin.ID.String(), a.admin.Username
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx()), auditTimeout)
	defer cancel()
	r.append(ctx, event)
}

// auditEvent is an event of this request: when, who, where from, where.
func (r *request) auditEvent(action string, result models.AuditResult) models.AuditEvent {
	event := models.AuditEvent{At: r.started.UnixMilli(), Action: action, Result: result, Source: r.source()}
	if r.failed != nil {
		event.Code = r.failed.Code
	}
	event.ActorLevel = models.AuditGuest
	if r.caller != nil {
		r.caller.Actor(&event)
	}
	switch {
	case r.tenant != nil:
		event.OrganizationID, event.ApplicationID = &r.tenant.Organization.ID, &r.tenant.Application.ID
	case r.organization != nil:
		event.OrganizationID = &r.organization.ID
	}
	if r.managed != nil {
		event.ApplicationID = &r.managed.Application.ID
	}
	return event
}

// refusal is the event of an attempt that changed nothing, or nobody knows what. What the path names was perhaps not looked up, so it is left out.
func (r *request) refusal(result models.AuditResult) models.AuditEvent {
	event := r.auditEvent(r.auditAction(), result)
	event.TargetKind = r.route.audit.target
	if id, name := r.auditTarget(); id != uuid.Nil {
		event.TargetID, event.TargetName = id.String(), name
	}
	return event
}

// changes are the events of a success: one, or one for each entity that was created.
func (r *request) changes(ctx context.Context) []models.AuditEvent {
	event := r.auditEvent(r.auditAction(), models.AuditOK)
	event.TargetKind = r.route.audit.target
	event.Detail = models.AuditDetail(r.auditDetail())
	if strings.HasSuffix(event.Action, ".create") {
		return r.creations(event)
	}
	r.identifyTarget(ctx)
	id, name := r.auditTarget()
	if id != uuid.Nil {
		event.TargetID, event.TargetName = id.String(), name
	}
	if event.TargetKind == "token" {
		event.TargetID = strings.ToLower(r.param("jti"))
	}
	if event.TargetKind == "key" {
		event.TargetID = r.auditedKey()
	}
	return []models.AuditEvent{event}
}

// auditAction is the route's word, or that of revoking one token if the request names it (§6.1).
func (r *request) auditAction() string {
	if r.revokesOne() {
		return "token.revoke"
	}
	return r.route.audit.action
}

// auditTarget is what the request is about, as far as it was found.
func (r *request) auditTarget() (uuid.UUID, string) {
	switch kind := r.route.audit.target; {
	case kind == "user" && r.user != nil:
		return r.user.ID, r.user.Username
	case kind == "admin" && r.admin != nil:
		return r.admin.ID, r.admin.Username
	case kind == "role" && r.role != nil:
		return r.role.ID, r.role.Name
	case kind == "group" && r.group != nil:
		return r.group.ID, r.group.Path
	case kind != "application" && kind != "client" && kind != "organization":
	case r.managed != nil:
		return r.managed.Application.ID, r.managed.Application.Name
	case r.tenant != nil:
		return r.tenant.Application.ID, r.tenant.Application.Name
	case kind == "application":
		id, _ := uuid.Parse(r.param("app")) // to be restored, known by nothing else
		return id, ""
	case r.organization != nil:
		return r.organization.ID, r.organization.Name
	}
	return uuid.Nil, ""
}

// identifyTarget looks up whom the path names where the handler had no need to keep him.
func (r *request) identifyTarget(ctx context.Context) {
	name := r.param("user")
	if name == "" || r.user != nil || r.admin != nil {
		return
	}
	if r.tenant != nil {
		r.user, _ = r.findUser(name) //nolint:contextcheck // as the handler found him; without him the entry lacks only the target
		return
	}
	if name == "me" {
		r.admin = r.caller.Admin
		return
	}
	r.admin, _ = found(r.server.Store.Admin(ctx, name))
}

// creations makes an event for each new entity out of what the answer says about it.
func (r *request) creations(event models.AuditEvent) []models.AuditEvent {
	var events []models.AuditEvent
	for _, entity := range r.answered.created() {
		one := event
		one.TargetID, one.TargetName = entity.id.String(), entity.name
		if one.Action == "organization.create" {
			one.OrganizationID = &entity.id
		}
		if one.Action == "application.create" {
			one.ApplicationID = &entity.id
		}
		events = append(events, one)
	}
	if len(events) == 0 {
		return []models.AuditEvent{event}
	}
	return events
}

// created is a new entity in an answer.
type created struct {
	id   uuid.UUID
	name string
}

func (e *envelope) created() []created {
	var all []created
	for _, entity := range e.Entities {
		members, _ := entity.(map[string]any)
		one := created{}
		one.id, _ = members["uuid"].(uuid.UUID)
		for _, name := range []string{"username", "path", "applicationName", "name"} {
			if one.name, _ = members[name].(string); one.name != "" {
				break
			}
		}
		all = append(all, one)
	}
	switch data := e.Data.(type) {
	case map[string]uuid.UUID:
		if len(all) > 0 {
			break // the same in other words
		}
		for name, id := range data {
			all = append(all, created{id, name})
		}
	case map[string]any:
		if o, is := data["organization"].(*organizationObject); is {
			all = append(all, created{o.ID, o.Name})
		}
		if a, is := data["user"].(*adminObject); is {
			all = append(all, created{a.ID, a.Username})
		}
	}
	return all
}

// auditDetail tells what was changed: the documented keys of the body, never their values. Rules and roles are no secrets, and the very
// point.
func (r *request) auditDetail() map[string]any {
	detail := map[string]any{}
	if r.inProcess() != nil {
		detail["by"] = "portal"
	}
	switch action := r.route.audit.action; action {
	case "permission.add", "permission.remove":
		given, _ := r.in.texts("permission") // has been read by the handler
		addRules(detail, append(given, r.in.query.all("permission")...))
		return detail
	case "role.assign", "role.unassign":
		detail["role"] = r.role.Name
	case "group.join", "group.leave":
		detail["group"] = r.group.Path
	case unnamedChange:
		detail["route"] = r.route.path
	}
	var fields []string
	for _, key := range r.route.keys {
		if r.in.value(key) != nil {
			fields = append(fields, key)
		}
	}
	if fields != nil {
		detail["fields"] = fields
	}
	if r.in.query.get("revoketokens") == "true" {
		detail["revoketokens"] = true
	}
	return detail
}

// maxAuditRules (bytes) bounds the rules that one entry repeats.
const maxAuditRules = 1500

// addRules tells which rules were added or removed, and of a long list how many more.
func addRules(detail map[string]any, rules []string) {
	size, n := 0, 0
	for n < len(rules) && size+len(rules[n]) <= maxAuditRules {
		size += len(rules[n])
		n++
	}
	detail["permission"] = rules[:n]
	if n < len(rules) {
		detail["more"] = len(rules) - n
	}
}
