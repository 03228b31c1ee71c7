package server

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// auditEntry is one element of the trail. Times are ms.
type auditEntry struct {
	Seq          int64              `json:"seq"`
	At           int64              `json:"at"`
	Action       string             `json:"action"`
	Result       models.AuditResult `json:"result"`
	Error        string             `json:"error,omitempty"`
	Count        int64              `json:"count"`
	Actor        auditParty         `json:"actor"`
	Target       *auditParty        `json:"target,omitempty"`
	Organization *uuid.UUID         `json:"organization,omitempty"`
	Application  *uuid.UUID         `json:"application,omitempty"`
	Source       string             `json:"source,omitempty"`
	Detail       json.RawMessage    `json:"detail,omitempty"`
	Hash         string             `json:"hash,omitempty"` // hexadecimal, for the superuser only: see checkAudit
}

// auditParty is who did something (with a level) or to whom it was done (with a kind).
type auditParty struct {
	Level string `json:"level,omitempty"`
	Kind  string `json:"kind,omitempty"`
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
}

func newAuditEntry(e *models.AuditEvent) *auditEntry {
	entry := &auditEntry{
		Seq: e.Seq, At: e.At, Action: e.Action, Result: e.Result, Error: e.Code, Count: e.Count,
		Actor:        auditParty{Level: e.ActorLevel, Name: e.ActorName},
		Organization: e.OrganizationID, Application: e.ApplicationID, Source: e.Source,
	}
	if e.ActorID != nil {
		entry.Actor.ID = e.ActorID.String()
	}
	if e.TargetKind != "" {
		entry.Target = &auditParty{Kind: e.TargetKind, ID: e.TargetID, Name: e.TargetName}
	}
	if e.Detail != "" {
		entry.Detail = json.RawMessage(e.Detail)
	}
	return entry
}

// listOrganizationAudit is GET /management/orgs/{org}/audit: what happened in this organization and in its applications, and what concerned
// its members while they were.
func (s *Server) listOrganizationAudit(r *request) error {
	return s.auditPage(r, models.AuditFilter{OrganizationID: r.organization.ID})
}

// listAudit is GET /management/audit: everything, for the superuser.
func (s *Server) listAudit(r *request) error { return s.auditPage(r, models.AuditFilter{}) }

func (s *Server) auditPage(r *request, filter models.AuditFilter) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	if err := r.auditFilter(&filter); err != nil {
		return err
	}
	rows, cursor, err := s.Store.Audit(r.ctx(), filter, page)
	if err != nil {
		return err
	}
	data := make([]any, 0, len(rows))
	for i := range rows {
		entry := newAuditEntry(&rows[i])
		if r.organization == nil {
			entry.Hash = hex.EncodeToString(rows[i].Hash)
		}
		data = append(data, entry)
	}
	return r.ok(envelope{Action: "get", Data: data, List: true, Cursor: cursor})
}

// auditFilter reads the filters of the query; they narrow what the path allows.
func (r *request) auditFilter(filter *models.AuditFilter) error {
	query := r.in.query
	for _, name := range []string{"actor", "action", "application", "target", "result", "from", "to"} {
		if query.count(name) > 1 {
			return models.Illegal("duplicate parameter: %s", name)
		}
	}
	filter.Actor, filter.Target, filter.Action = query.get("actor"), query.get("target"), query.get("action")
	filter.Result = models.AuditResult(query.get("result"))
	switch filter.Result {
	case "", models.AuditOK, models.AuditRefused, models.AuditFailed:
	default:
		return models.Illegal("result must be ok, refused or failed")
	}
	for name, into := range map[string]*int64{"from": &filter.From, "to": &filter.To} {
		text := query.get(name)
		if text == "" {
			continue
		}
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil || at < 0 {
			return models.Illegal("%s must be a time in milliseconds", name)
		}
		*into = at
	}
	return r.auditApplication(filter)
}

// auditApplication takes a uuid, also of an application that is gone, and in an organization a name.
func (r *request) auditApplication(filter *models.AuditFilter) error {
	name := r.in.query.get("application")
	if name == "" {
		return nil
	}
	if models.IsUUID(name) {
		id, err := uuid.Parse(name)
		filter.ApplicationID = id
		return err
	}
	if r.organization == nil {
		return models.Illegal("application must be a uuid")
	}
	tenant, err := r.server.Grants.Tenant(r.ctx(), r.organization.ID.String(), name)
	if isUnknown(err) {
		return applicationEntityNotFound(name, r.organization.Name)
	}
	if err == nil {
		filter.ApplicationID = tenant.Application.ID
	}
	return err
}

// auditChain is what the check of the trail found.
type auditChain struct {
	Intact    bool   `json:"intact"`
	Entries   int64  `json:"entries"`
	First     int64  `json:"first"`
	Last      int64  `json:"last"`
	Hash      string `json:"hash"` // of the newest entry, hexadecimal
	BrokenAt  int64  `json:"brokenAt,omitempty"`
	Complaint string `json:"complaint,omitempty"`
}

const auditChainPath = "/management/audit/chain"

// checkAudit is GET /management/audit/chain: it reads the whole trail and tells whether it is as it was written.
func (s *Server) checkAudit(r *request) error {
	chain, err := s.Store.VerifyAudit(r.ctx())
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "get", Data: auditChain{
		Intact: chain.Complaint == "", Entries: chain.Entries, First: chain.First, Last: chain.Last,
		Hash: hex.EncodeToString(chain.Hash), BrokenAt: chain.BrokenAt, Complaint: chain.Complaint,
	}})
}
