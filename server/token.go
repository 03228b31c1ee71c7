package server

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// token is the token endpoint of an application (§2.1).
func (s *Server) token(r *request) error {
	req, err := s.tokenRequest(r)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	if r.lacksBody() {
		return s.tokenRefused(r, missingBody())
	}
	return s.issue(r, req)
}

// managementToken is the token endpoint of admins and of every client, which re-issues admin tokens besides (§2.4).
func (s *Server) managementToken(r *request) error {
	req, err := s.tokenRequest(r)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	if req.Dialect == grants.RFC6749 && r.lacksBody() {
		return s.tokenRefused(r, missingBody())
	}
	if req.GrantType != "" || req.Dialect != grants.Usergrid {
		return s.issue(r, req)
	}
	r.grant = reissued
	caller, err := s.presenter(r)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	token, err := s.Grants.Reissue(r.ctx(), caller, req.TTL, req.Label, req.Scope, req.Source)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	r.issued = token.Claims
	r.countIssued(claims.AdminUser, reissued)
	return s.renderToken(r, token)
}

// managementMe shows a presented admin token without making a new one; otherwise it is the management token endpoint (§2.4).
func (s *Server) managementMe(r *request) error {
	if r.method() != http.MethodGet || r.in.query.get("grant_type") != "" || r.presented() == "" {
		return s.managementToken(r)
	}
	if _, err := s.tokenRequest(r); err != nil {
		return s.tokenRefused(r, err)
	}
	caller, err := s.presenter(r)
	if err != nil {
		return err
	}
	if caller.Level != claims.AdminUser {
		return noAdminIdentity()
	}
	left := grants.NeverExpiresIn
	if !caller.Claims.NonExpiring() {
		left = max(0, *caller.Claims.Expires-s.Now().Unix())
	}
	return s.renderToken(r, &grants.Token{
		AccessToken: caller.Raw, ExpiresIn: left, Scope: caller.Claims.Scope, Claims: caller.Claims, Admin: caller.Admin,
	})
}

// presented is the access token of a request without a grant, in the query or a Bearer header.
func (r *request) presented() string {
	if token := r.in.query.get("access_token"); token != "" {
		return token
	}
	if scheme, value := r.authorization(); scheme == "bearer" {
		return value
	}
	return ""
}

// presenter is who holds the token of a request without a grant.
func (s *Server) presenter(r *request) (*grants.Caller, error) {
	raw := r.presented()
	scheme, _ := r.authorization()
	switch {
	case raw == "" && scheme == "bearer":
		r.credential = tokenCredential
		return nil, grants.ErrBadToken
	case raw == "" && r.lacksBody():
		return nil, missingBody()
	case raw == "":
		return nil, grants.MissingParameter("grant_type")
	}
	r.credential = tokenCredential
	caller, err := s.Grants.AuthenticateToken(r.ctx(), raw)
	r.caller = caller
	return caller, err
}

// lacksBody tells whether a POST came with nothing in it, labelled as a form or not.
func (r *request) lacksBody() bool {
	return r.method() == http.MethodPost && firstByte(r.in.raw) == 0
}

func missingBody() *grants.Error { return grants.InvalidRequest("missing json post data") }

func (s *Server) issue(r *request, req grants.TokenRequest) error {
	token, err := s.Grants.Token(r.ctx(), req)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	r.issued = token.Claims
	r.countIssued(token.Claims.Level, req.GrantType)
	return s.renderToken(r, token)
}

// tokenRefused counts a refused token request and hands the error on.
func (s *Server) tokenRefused(r *request, err error) error {
	dialect := grants.Usergrid
	if r.speaksOAuth() {
		dialect = grants.RFC6749
	}
	r.countNoToken(r.known(err).In(dialect).Code)
	return err
}

// tokenRequest reads the parameters of a token request: of a POST from the body, and only ttl also from the query; of a GET from the
// query (§2.1). Whatever else authenticates a request is ignored here, for the grant wins.
func (s *Server) tokenRequest(r *request) (grants.TokenRequest, error) {
	req := grants.TokenRequest{
		Tenant: r.tenant, Dialect: r.in.dialect(), Get: r.method() == http.MethodGet, Source: r.source(),
	}
	if err := r.legacyCredentials(); err != nil {
		return req, err
	}
	read, err := r.tokenParameters()
	if err != nil {
		return req, err
	}
	if req.TTL, err = read.ttl(r.in.query); err != nil {
		return req, err
	}
	req.GrantType = read.text("grant_type")
	if req.Username = read.text("username"); req.Username == "" {
		req.Username = read.text("email")
	}
	req.Password, req.PIN = read.text("password"), read.text("pin")
	req.RefreshToken, req.Scope, req.Label = read.text("refresh_token"), read.text("scope"), read.text("label")
	req.Client.ID, req.Client.Secret = read.text("client_id"), read.text("client_secret")
	if read.err != nil {
		return req, read.err
	}
	r.noteGrant(&req)
	req.Client.Basic, err = r.basicClient()
	return req, err
}

// noteGrant counts the legacy features of a token request (§2.7); package grants refuses those that are switched off.
func (r *request) noteGrant(req *grants.TokenRequest) {
	r.grant = req.GrantType
	if r.in.notation == jsonBody {
		r.note(jsonToken)
	}
	if req.Get && req.GrantType != "" {
		r.note(getToken)
	}
	switch req.GrantType {
	case "password":
		r.note(passwordGrant)
	case "pin":
		r.note(pinGrant)
	}
}

// basicClient is the client authentication of an Authorization header; nil if there is none. Other schemes are ignored.
func (r *request) basicClient() (*grants.BasicCredentials, error) {
	scheme, value := r.authorization()
	switch scheme {
	case "ambiguous":
		return nil, grants.InvalidRequest("more than one Authorization header")
	case "basic":
		pair, _ := splitBasic(value) // what is malformed counts as empty (§2.2)
		basic := grants.BasicCredentials(pair.decoded())
		return &basic, nil
	}
	return nil, nil
}

// parameters reads one source of a token request. The first error stays.
type parameters struct {
	pairs  params
	object map[string]any
	err    error
}

// tokenParameters chooses the source and refuses what is repeated in it. RFC 6749 §3.2.
func (r *request) tokenParameters() (*parameters, error) {
	in := r.in
	pairs := in.form
	switch {
	case r.method() == http.MethodGet:
		pairs = in.query
	case in.query.count("ttl") > 1:
		return nil, grants.InvalidRequest("duplicate parameter: ttl")
	}
	if name := pairs.repeated(); name != "" {
		return nil, grants.InvalidRequest("duplicate parameter: " + models.Printable(name))
	}
	if in.notation != jsonBody {
		return &parameters{pairs: pairs}, nil
	}
	object, is := in.json.(map[string]any)
	if !is {
		return nil, grants.InvalidRequest("the body must be a JSON object, not an array")
	}
	return &parameters{object: object}, nil
}

func (p *parameters) value(name string) any {
	if p.object != nil {
		return p.object[name]
	}
	if value := p.pairs.get(name); value != "" {
		return value
	}
	return nil
}

func (p *parameters) text(name string) string {
	if p.object == nil {
		return p.pairs.get(name)
	}
	text, err := textOf(name, p.object[name])
	if err != nil && p.err == nil {
		p.err = err
	}
	return text
}

func (p *parameters) ttl(query params) (grants.TTL, error) {
	ttl, err := grants.ParseTTL(p.value("ttl"))
	if err != nil || ttl.IsSet() {
		return ttl, err
	}
	if value := query.get("ttl"); value != "" {
		return grants.ParseTTL(value)
	}
	return ttl, nil
}

// tokenAnswer is the success of §2.3; exactly one of its last three members is there.
type tokenAnswer struct {
	AccessToken     string              `json:"access_token"`
	TokenType       string              `json:"token_type"`
	ExpiresIn       int64               `json:"expires_in"`
	Scope           string              `json:"scope,omitempty"`
	RefreshToken    string              `json:"refresh_token,omitempty"`
	PasswordChanged *int64              `json:"passwordChanged,omitempty"`
	User            any                 `json:"user,omitempty"`
	Application     uuid.UUID           `json:"application,omitzero"`
	Organization    *organizationObject `json:"organization,omitempty"`
}

// encode writes the answer. A client's own token is by far the most frequent one, and its members need no quoting.
func (a *tokenAnswer) encode() ([]byte, error) {
	if a.User != nil || a.Organization != nil || a.Scope != "" || a.RefreshToken != "" || a.PasswordChanged != nil {
		return json.Marshal(a)
	}
	text := append(make([]byte, 0, len(a.AccessToken)+160), `{"access_token":"`...)
	text = append(text, a.AccessToken...)
	text = append(text, `","token_type":"`...)
	text = append(text, a.TokenType...)
	text = append(text, `","expires_in":`...)
	text = strconv.AppendInt(text, a.ExpiresIn, 10)
	text = append(text, `,"application":"`...)
	text = append(text, a.Application.String()...)
	return append(text, `"}`...), nil
}

func (s *Server) renderToken(r *request, t *grants.Token) error {
	answer := tokenAnswer{
		AccessToken: t.AccessToken, TokenType: "Bearer", ExpiresIn: t.ExpiresIn, Scope: t.Scope, RefreshToken: t.RefreshToken,
	}
	var err error
	switch {
	case t.User != nil:
		answer.User = userObject(t.User)
	case t.Admin != nil:
		answer.PasswordChanged = &t.Admin.PasswordChanged
		answer.User, err = s.adminWithOrganizations(r.ctx(), t.Admin)
	case t.Organization != nil:
		answer.Organization, err = s.organizationObject(r.ctx(), t.Organization)
	default:
		answer.Application = t.ApplicationID
	}
	if err != nil {
		return err
	}
	text, err := answer.encode()
	if err != nil {
		return err
	}
	r.write(http.StatusOK, "application/json", text)
	return nil
}
