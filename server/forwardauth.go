package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/grants"
)

// forwardAuth decides for a proxy whether a request to the service behind it may pass: 200, 401 or 403 (docs/forward-auth.md). It is the
// decision a resource server makes with the application's rules, on live data. The service's paths are its own: no segment is
// looked up among Writ's users, roles and groups.
func (s *Server) forwardAuth(r *request) error {
	asked, err := r.originalRequest()
	if err != nil {
		return err
	}
	caller, err := r.identifyByHeader()
	if err != nil {
		r.countRefused(err)
		return err
	}
	r.caller = caller
	if !r.belongsHere() {
		// A token of another application or organization is as good as none: the caller needs another one, not more rights.
		return notPermitted()
	}
	if err := s.Grants.Permits(r.ctx(), caller, r.tenant, asked); err != nil {
		return r.forbidden(err)
	}
	if err := r.showIdentity(); err != nil {
		return err
	}
	r.status = http.StatusOK
	r.Response().Header()[echo.HeaderContentLength] = []string{"0"}
	r.record(http.StatusOK)
	r.Response().WriteHeader(http.StatusOK)
	return nil
}

// identifyByHeader finds the caller by the Authorization header alone. What stands in the query of this request is about the request that
// is asked about, and the service's own query is not Writ's to read.
func (r *request) identifyByHeader() (*grants.Caller, error) {
	scheme, value := r.authorization()
	switch scheme {
	case "":
		return &grants.Caller{Level: claims.Guest}, nil
	case "bearer":
		r.credential = tokenCredential
		return r.server.Grants.AuthenticateToken(r.ctx(), value)
	case "basic":
		r.credential = basicCredential
		return r.identifyBasic(value)
	}
	r.credential = otherCredential
	return nil, grants.ErrScheme
}

// belongsHere tells whether the caller is one of this application's at all.
func (r *request) belongsHere() bool {
	switch r.caller.Level {
	case claims.Guest:
		return true
	case claims.ApplicationUser:
		return r.caller.Tenant.Application.ID == r.tenant.Application.ID
	case claims.Application, claims.Organization, claims.AdminUser:
	}
	return r.caller.ApplicationAccess(r.tenant)
}

// forbidden makes 403 of a refusal of somebody who is known: other credentials would not help him.
func (r *request) forbidden(err error) error {
	var known *grants.Error
	if r.caller.Level == claims.Guest || !errors.As(err, &known) || known.Status != http.StatusUnauthorized {
		return err
	}
	return forbidden(known.Description)
}

func forbidden(description string) *grants.Error {
	return grants.NewError(http.StatusForbidden, "forbidden", description)
}

// showIdentity tells the service who calls, in headers that the proxy hands on. Of a guest there is nothing to tell but that.
func (r *request) showIdentity() error {
	caller, header := r.caller, r.Response().Header()
	if caller.Level == claims.Guest {
		header.Set("X-Auth-Level", "guest")
		return nil
	}
	show := func(name string, values ...string) {
		safe := make([]string, 0, len(values))
		for _, value := range values {
			safe = append(safe, headerText(value))
		}
		if text := strings.Join(safe, ","); text != "" {
			header.Set(name, text)
		}
	}
	show("X-Auth-Level", string(caller.Level))
	show("X-Auth-Subject", caller.ID().String())
	show("X-Auth-Client", caller.ClientID())
	show("X-Auth-Org", r.tenant.Organization.Name)
	show("X-Auth-App", r.tenant.Application.Name)
	if caller.Claims != nil && caller.Claims.Scope != "" {
		header.Set("X-Auth-Scope", caller.Claims.Scope) // RFC 6749 §3.3: printable ASCII with single spaces
	}
	switch {
	case caller.User != nil:
		rights, err := r.server.Grants.RightsOf(r.ctx(), caller)
		if err != nil {
			return err
		}
		show("X-Auth-Username", caller.User.Username)
		show("X-Auth-Roles", rights.Roles...)
		show("X-Auth-Groups", rights.Groups...)
	case caller.Admin != nil:
		show("X-Auth-Username", caller.Admin.Username)
	}
	return nil
}

// headerText percent-encodes every byte but letters, digits and some signs that no list, header or URL gives a meaning: no name can end a
// header, begin another or pass for two.
func headerText(text string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		switch b := text[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("-._~@+:/", b) >= 0:
			out.WriteByte(b)
		default:
			out.WriteByte('%')
			out.WriteByte(hex[b>>4])
			out.WriteByte(hex[b&0xf])
		}
	}
	return out.String()
}

// originalRequest reads what the proxy asks about: from the query, or else from one pair of the headers that proxies send.
func (r *request) originalRequest() (permission.Request, error) {
	method, path, err := r.originalTarget()
	if err != nil {
		return permission.Request{}, err
	}
	if !isMethod(method) {
		return permission.Request{}, grants.IllegalArgument("method is not an HTTP method")
	}
	clean, err := servicePath(path)
	if err != nil {
		return permission.Request{}, err
	}
	return permission.Request{Method: strings.ToUpper(method), Paths: []string{clean}}, nil
}

// proxyHeaders are the pairs: nginx is configured to send the first, Traefik and Caddy send the second by themselves.
func proxyHeaders() [2][2]string {
	return [2][2]string{{"X-Original-Method", "X-Original-Uri"}, {"X-Forwarded-Method", "X-Forwarded-Uri"}}
}

func (r *request) originalTarget() (method, path string, err error) {
	query := r.in.query
	for _, name := range []string{"method", "path"} {
		if query.count(name) > 1 {
			return "", "", grants.IllegalArgument("duplicate parameter: " + name)
		}
	}
	if query.count("method")+query.count("path") > 0 {
		method, path = query.get("method"), query.get("path")
	} else if method, path, err = r.proxyTarget(); err != nil {
		return "", "", err
	}
	if method == "" || path == "" {
		return "", "", grants.IllegalArgument("method and path are required")
	}
	return method, path, nil
}

// proxyTarget reads a pair of headers. A proxy overwrites its own pair and hands on what a client has sent of the other: where both are
// present, nobody can tell which is the proxy's word.
func (r *request) proxyTarget() (method, path string, err error) {
	header := r.Request().Header
	found := false
	for _, pair := range proxyHeaders() {
		methods, paths := header.Values(pair[0]), header.Values(pair[1])
		if len(methods)+len(paths) == 0 {
			continue
		}
		if found || len(methods) > 1 || len(paths) > 1 {
			return "", "", forbidden("The headers name more than one request")
		}
		found = true
		method, path = header.Get(pair[0]), header.Get(pair[1])
	}
	return method, path, nil
}

func isMethod(method string) bool {
	return len(method) <= 32 && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == ""
}
