package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
)

const statusListsPath = "/statuslists"

// listIssuer is whose lists a path names. A deleted application's are still served, for its tokens are still in the world.
func (r *request) listIssuer() (grants.ListIssuer, error) {
	if !r.route.ofApplication() {
		return r.server.Grants.ManagementLists(), nil
	}
	organization, application := r.param("org"), r.param("app")
	issuer, err := r.server.Grants.ApplicationLists(r.ctx(), organization, application)
	if isUnknown(err) {
		return issuer, applicationNotFound(organization, application, r.uri())
	}
	return issuer, err
}

// statusList serves one status list, as draft-ietf-oauth-status-list-21 §8.1 has it.
func (s *Server) statusList(r *request) error {
	issuer, err := r.listIssuer()
	if err != nil {
		return err
	}
	name := r.param("list")
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != name {
		return entityNotFound(name) // one spelling: a list's sub is its address
	}
	document, err := s.Grants.StatusList(r.ctx(), issuer, number)
	if isUnknown(err) {
		return entityNotFound(name)
	}
	if err != nil {
		return err
	}
	r.cacheable("application/"+claims.StatusListType, grants.StatusListTTL, []byte(document.Body), document.ETag)
	return nil
}

// statusLists serves the addresses of an issuer's lists: §9.3 there.
func (s *Server) statusLists(r *request) error {
	issuer, err := r.listIssuer()
	if err != nil {
		return err
	}
	uris, err := s.Grants.StatusLists(r.ctx(), issuer)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Lists []string `json:"status_lists"`
	}{uris})
	if err != nil {
		return err
	}
	r.cacheable(echo.MIMEApplicationJSON, grants.StatusListTTL, body, etagOf(body))
	return nil
}

// aggregation is where an issuer's lists are listed; "" as long as it has none, or nobody can tell.
func (s *Server) aggregation(r *request, issuer grants.ListIssuer) string {
	uris, err := s.Grants.StatusLists(r.ctx(), issuer)
	if err != nil || len(uris) == 0 {
		return ""
	}
	return issuer.Lists()
}

func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
