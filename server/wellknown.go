package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/grants"
)

const (
	jwksPath     = "/.well-known/jwks.json"
	metadataRoot = "/.well-known/oauth-authorization-server"
)

// isPublicDocument tells whether a route serves a document that every origin may read (§1.6).
func isPublicDocument(path string) bool {
	return strings.Contains(path, "/.well-known/") || strings.Contains(path, statusListsPath)
}

// jwks serves the public keys of all issuers.
func (s *Server) jwks(r *request) error {
	document := s.Keys.JWKS()
	r.cacheable(echo.MIMEApplicationJSON, time.Duration(document.MaxAge)*time.Second, document.Body, document.ETag)
	return nil
}

// metadata is the document of RFC 8414 §2 in the order of §11.2.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	TokenEndpoint            string   `json:"token_endpoint"`
	JWKSURI                  string   `json:"jwks_uri"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	Scopes                   []string `json:"scopes_supported,omitempty"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms  []string `json:"introspection_signing_alg_values_supported"` // RFC 9701 §7
	Revocations              string   `json:"writ_revocations_uri"`                       // docs/feed.md
	Policy                   string   `json:"writ_policy_uri,omitempty"`                  // docs/feed.md
	StatusLists              string   `json:"status_list_aggregation_endpoint,omitempty"`
}

func (s *Server) metadataOf(issuer string, grantTypes, scopes []string) metadata {
	confidential := []string{"client_secret_basic", "client_secret_post"}
	public := []string{"client_secret_basic", "client_secret_post", "none"}
	return metadata{
		Issuer: issuer, TokenEndpoint: issuer + "/token", JWKSURI: s.PublicURL + jwksPath,
		RevocationEndpoint: issuer + "/revoke", IntrospectionEndpoint: issuer + "/introspect",
		ResponseTypes: []string{}, GrantTypes: grantTypes, Scopes: scopes,
		TokenAuthMethods: public, RevocationAuthMethods: public, IntrospectionAuthMethods: confidential,
		IntrospectionAlgorithms: s.Keys.Algorithms(), Revocations: issuer + revocationsPath,
	}
}

// managementMetadata describes the management issuer.
func (s *Server) managementMetadata(r *request) error {
	grantTypes := []string{"password", "client_credentials"}
	if s.Strict {
		grantTypes = grantTypes[1:] // §2.7: never on /management/token
	}
	document := s.metadataOf(s.Grants.ManagementIssuer(), grantTypes, nil)
	document.StatusLists = s.aggregation(r, s.Grants.ManagementLists())
	return r.metadata(document)
}

// applicationMetadata describes the issuer of one application; grants that are switched off are not listed.
func (s *Server) applicationMetadata(r *request) error {
	tenant := r.tenant
	if tenant == nil {
		var err error
		if tenant, err = s.Grants.Tenant(r.ctx(), r.param("org"), r.param("app")); isUnknown(err) {
			return applicationNotFound(r.param("org"), r.param("app"), r.uri())
		} else if err != nil {
			return err
		}
	}
	document := s.metadataOf(tenant.Issuer, s.grantTypes(tenant), tenant.Application.Settings.Scopes)
	document.Policy = tenant.Issuer + policyPath
	document.StatusLists = s.aggregation(r, tenant.Lists())
	return r.metadata(document)
}

func (s *Server) grantTypes(t *grants.Tenant) []string {
	var types []string
	if allowed := t.Application.Settings.PasswordGrant; allowed == nil && !s.Strict || allowed != nil && *allowed {
		types = append(types, "password")
	}
	types = append(types, "client_credentials")
	if t.Application.Settings.RefreshTokens {
		types = append(types, "refresh_token")
	}
	return types
}

func (r *request) metadata(document metadata) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	r.document(body, etagOf(body))
	return nil
}

// document writes a public JSON document that may be cached for five minutes.
func (r *request) document(body []byte, etag string) {
	r.cacheable(echo.MIMEApplicationJSON, 5*time.Minute, body, etag)
}

// cacheable writes a public document that may be kept for a while, or 304 for somebody who has it. RFC 9110 §13.1.2.
func (r *request) cacheable(contentType string, age time.Duration, body []byte, etag string) {
	header := r.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age="+strconv.Itoa(int(age/time.Second)))
	header.Set("ETag", etag)
	header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	header.Del(echo.HeaderVary)
	if knows(r.Request().Header.Get("If-None-Match"), etag) {
		r.status = http.StatusNotModified
		r.Response().WriteHeader(http.StatusNotModified)
		return
	}
	r.write(http.StatusOK, contentType, body)
}

// knows compares an If-None-Match header with an entity tag, weakly as RFC 9110 §13.1.2 demands.
func knows(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == etag || candidate == "*" {
			return true
		}
	}
	return false
}
