package server

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// registeredStore lists and revokes the tokens that do not expire (§6.4).
type registeredStore interface {
	RegisteredTokens(ctx context.Context, filter models.TokenFilter, page models.Page) ([]models.RegisteredToken, string, error)
	RevokeRegistered(ctx context.Context, filter models.TokenFilter) (int, error)
}

// registeredToken is one element of a list. Times are ms; organization and application are names (§13).
type registeredToken struct {
	JTI          string    `json:"jti"`
	Subject      uuid.UUID `json:"subject"`
	Level        string    `json:"level"`
	Organization string    `json:"organization,omitempty"`
	Application  string    `json:"application,omitempty"`
	Label        string    `json:"label,omitempty"`
	Issued       int64     `json:"issued"`
	IssuedBy     uuid.UUID `json:"issuedBy"`
	IssuedFrom   string    `json:"issuedFrom"`
	Revoked      *int64    `json:"revoked,omitempty"`
}

// tokensOf is what a list of §6.4 holds, by the path it was asked at.
func (r *request) tokensOf() models.TokenFilter {
	switch {
	case r.param("kid") != "":
		return models.TokenFilter{KID: r.param("kid"), Live: true}
	case r.admin != nil:
		return models.TokenFilter{Subject: r.admin.ID}
	case r.organization != nil:
		return models.TokenFilter{Subject: r.organization.ID}
	case r.user != nil:
		return models.TokenFilter{ApplicationID: r.tenant.Application.ID, Subject: r.user.ID}
	}
	return models.TokenFilter{ApplicationID: r.tenant.Application.ID}
}

// listTokens is GET of a list, newest first.
func (s *Server) listTokens(r *request) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	rows, cursor, err := s.Store.RegisteredTokens(r.ctx(), r.tokensOf(), page)
	if err != nil {
		return err
	}
	data := make([]any, 0, len(rows))
	for i := range rows {
		row := &rows[i]
		data = append(data, registeredToken{
			JTI: row.JTI, Subject: row.Subject, Level: row.Level, Organization: row.Organization, Application: row.Application,
			Label: row.Label, Issued: row.Issued, IssuedBy: row.IssuedBy, IssuedFrom: row.IssuedFrom, Revoked: row.Revoked,
		})
	}
	return r.ok(envelope{Action: "get", Data: data, List: true, Cursor: cursor})
}

// revokeListedTokens is DELETE of a list: all of its tokens.
func (s *Server) revokeListedTokens(r *request) error {
	if _, err := s.Store.RevokeRegistered(r.ctx(), r.tokensOf()); err != nil {
		return err
	}
	return s.revoked(r, "registered", "revoked tokens")
}

// revokeListedToken is DELETE of one token, which may be revoked already.
func (s *Server) revokeListedToken(r *request) error {
	filter := r.tokensOf()
	filter.JTI = strings.ToLower(r.param("jti"))
	rows, _, err := s.Store.RegisteredTokens(r.ctx(), filter, models.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return entityNotFound(r.param("jti"))
	}
	if _, err := s.Store.RevokeRegistered(r.ctx(), filter); err != nil {
		return err
	}
	return s.revoked(r, "registered", "revoked token")
}
