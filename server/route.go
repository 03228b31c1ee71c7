package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/grants"
)

// handler answers one parsed and permitted request, or returns the error to be written.
type handler func(r *request) error

// routeKind says how errors of a route look and what becomes of a body.
type routeKind int

const (
	plainRoute    routeKind = iota
	tokenRoute              // a token endpoint: dialects, its own rules for repeated parameters
	oauthRoute              // /revoke, /introspect: errors of RFC 6749
	bodylessRoute           // the body is ignored, whatever it is
	flowRoute               // a mail flow of §7.6: JSON or pages
	documentRoute           // a public document, of a deleted application too: the handler finds whose it is
	feedRoute               // the revocation feed: also of an application that is deleted
)

// route is one line of the table.
type route struct {
	methods []string
	path    string // canonical: see canonicalPath
	access  access
	handle  handler
	keys    []string  // documented keys of the body
	audit   auditWord // of changes and of reads that reveal secrets; see auditWords
	kind    routeKind
	group   string // of its metrics; see routeGroup
}

// on makes a route. methods are separated by "|", keys by spaces.
func on(methods, path string, who access, handle handler, keys string) route {
	return route{methods: strings.Split(methods, "|"), path: path, access: who, handle: handle, keys: strings.Fields(keys)}
}

// as changes the kind of a route.
func (rt route) as(kind routeKind) route {
	rt.kind = kind
	return rt
}

// applicationRoot is what every path of an application starts with.
const applicationRoot = "/:org/:app"

func (rt *route) ofApplication() bool {
	return rt.path == applicationRoot || strings.HasPrefix(rt.path, applicationRoot+"/")
}

// pattern is all routes of one path.
type pattern struct {
	path    string
	methods map[string]*route
	allow   string // the Allow header
	any     *route // a catch-all: every method
}

// routedMethods are the methods the router knows; see canonicalize.
func routedMethods() []string {
	return []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch,
	}
}

func routed(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// register hands the table to the router: every path with every method, so that a method without a route is answered by 405 here and
// not swallowed by the catch-all of unknown collections.
func (s *Server) register() {
	patterns := map[string]*pattern{}
	for i := range s.routes {
		rt := &s.routes[i]
		rt.group = routeGroup(rt.path)
		p := patterns[rt.path]
		if p == nil {
			p = &pattern{path: rt.path, methods: map[string]*route{}}
			patterns[rt.path] = p
		}
		if rt.methods[0] == anyMethod {
			p.any = rt
			continue
		}
		for _, method := range rt.methods {
			p.methods[method] = rt
			if method == http.MethodGet {
				p.methods[http.MethodHead] = rt
			}
		}
	}
	// "me" is a line of its own only for GET; every other method is that of any user (§8.2).
	if me, anybody := patterns[mePath], patterns[userPath]; me != nil && anybody != nil {
		for method, rt := range anybody.methods {
			if me.methods[method] == nil {
				me.methods[method] = rt
			}
		}
	}
	lost := patterns[applicationRoot+"/*"]
	for path, p := range patterns {
		p.allow = p.allowed()
		serve := func(c echo.Context) error {
			chosen := p
			// The router gives the last parameter of a path everything that follows.
			if values := c.ParamValues(); p.any == nil && len(values) > 0 && strings.Contains(values[len(values)-1], "/") {
				chosen = &s.unknown
				if strings.HasPrefix(p.path, applicationRoot) {
					chosen = lost
				}
			}
			s.serve(c, chosen)
			return nil
		}
		for _, method := range routedMethods() {
			s.echo.Add(method, path, serve)
		}
	}
	s.unknown = *patterns["/*"]
}

func (p *pattern) allowed() string {
	methods := make([]string, 0, len(p.methods))
	for method := range p.methods {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// The paths of an application user, named and as "me".
const (
	userPath = applicationRoot + "/users/:user"
	mePath   = applicationRoot + "/users/me"
)

// anyMethod marks the catch-alls.
const anyMethod = "ANY"

// serve is the way of every request: it finds the route, frames the handling and writes the error if there is one.
func (s *Server) serve(c echo.Context, p *pattern) {
	r := &request{Context: c, server: s, started: s.Now()}
	defer s.finish(r)
	r.route = p.any
	if r.route == nil {
		r.route = p.methods[c.Request().Method]
	}
	if s.Tracer != nil {
		r.beginSpan(p.path)
	}
	if r.route == nil {
		r.route = &route{path: p.path}
		r.prepare()
		if r.preflight(p) {
			return
		}
		c.Response().Header().Set(echo.HeaderAllow, p.allow)
		r.failed = r.fail(notAllowed(c.Request().Method))
		return
	}
	r.prepare()
	if p.any != nil && r.preflight(p) {
		return
	}
	if err := s.handle(r); err != nil {
		r.failed = r.fail(err)
	}
}

// handle is the order of checks of §1.6.
func (s *Server) handle(r *request) error {
	if ambiguousLength(r.Request()) {
		return grants.InvalidRequest("a request must not have both Content-Length and Transfer-Encoding")
	}
	var err error
	if r.in, err = readBody(r.Request()); err != nil && r.route.kind != bodylessRoute {
		return err
	}
	if patience := r.route.patience(); patience > 0 {
		defer r.within(patience)()
	}
	if err := r.current(); err != nil {
		return err
	}
	if r.route.ofApplication() && r.route.kind != documentRoute && r.route.kind != feedRoute {
		if err := r.findTenant(); err != nil {
			return err
		}
	}
	if err := r.parse(); err != nil {
		return err
	}
	if r.route.access != open {
		if err := r.authenticate(); err != nil {
			return err
		}
		if err := r.authorize(); err != nil {
			return err
		}
	}
	return r.route.handle(r)
}

// parse reads query and body.
func (r *request) parse() error {
	if r.route.kind == bodylessRoute {
		r.in.forgetBrokenBody()
	}
	return r.in.parse(r.Request().URL.RawQuery, r.route.keys)
}

// forgetBrokenBody drops a body that is ignored anyway unless it is a form, which may carry the caller's credentials.
func (in *input) forgetBrokenBody() {
	if in.notation != formBody {
		in.notation, in.raw = noBody, nil
		return
	}
	if _, err := parseParams(string(in.raw)); err != nil {
		in.notation, in.raw = noBody, nil
	}
}

// findTenant finds the application of the path.
func (r *request) findTenant() error {
	organization, application := r.param("org"), r.param("app")
	tenant, err := r.server.Grants.Tenant(r.ctx(), organization, application)
	if isUnknown(err) {
		return applicationNotFound(organization, application, r.uri())
	}
	if err != nil {
		return err
	}
	r.tenant = tenant
	r.cors(tenant.Application.Settings.AllowedOrigins)
	if r.route.kind != tokenRoute && r.route.kind != oauthRoute {
		r.segments = behindRoot(r.Request().URL.RawPath)
	}
	return nil
}
