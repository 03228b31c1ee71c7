package server

import (
	"context"
	"net/http"

	"github.com/writ-auth/writ/grants"
)

// callerKey is the key under which a request that this process makes to itself carries its caller. Nothing that comes over the network
// has one.
type callerKey struct{}

// ServeAs answers a request of this process with the rights of a caller whom the process has authenticated itself, as the portal does with a
// session. Credentials of the request itself are not looked at. Everything else is the way of any request: so there is one set of rules,
// policies and traces. docs/decisions/0009-portal.md.
func (s *Server) ServeAs(w http.ResponseWriter, r *http.Request, caller *grants.Caller) {
	ctx := context.WithValue(r.Context(), callerKey{}, caller)
	r = r.WithContext(ctx)
	s.canonicalize(ctx, r)
	s.echo.ServeHTTP(w, r)
}

// inProcess gives the caller of a request that this process makes to itself; nil for every other request.
func (r *request) inProcess() *grants.Caller {
	caller, _ := r.ctx().Value(callerKey{}).(*grants.Caller)
	return caller
}

// servePortal hands a request to the pages. What two readers would cut differently does not get there.
func (s *Server) servePortal(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close") // see request.prepare
	}
	if ambiguousLength(r) {
		http.Error(w, "a request must not have both Content-Length and Transfer-Encoding", http.StatusBadRequest)
		return
	}
	s.Portal.ServeHTTP(w, r)
}
