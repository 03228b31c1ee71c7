package server

import (
	"context"
	"time"
)

// requestPatience bounds what a request may wait for: the database above all, that does not answer or is busy with others. It is less than
// what clients and proxies usually wait. chainPatience is for the one request that reads a whole table.
const (
	requestPatience = 10 * time.Second
	chainPatience   = 55 * time.Second // the server cuts an answer off after 60
)

// within lets a request take so long and no longer. The function that it gives takes the bound away.
func (r *request) within(patience time.Duration) (done func()) {
	before := r.bounded
	ctx, cancel := context.WithTimeout(r.ctx(), patience)
	r.bounded = ctx
	return func() {
		cancel()
		r.bounded = before
	}
}

// patience is how long a request of this route may take; 0: it has bounds of its own.
func (rt *route) patience() time.Duration {
	switch {
	case rt.kind == feedRoute:
		return 0
	case rt.path == auditChainPath:
		return chainPatience
	}
	return requestPatience
}

// current makes sure, before anything is looked up, that this process knows what others have revoked: it may have been stopped for a while, or have
// lost the database. What says itself how old it is, and clients that are in memory, go on without the database for a time.
func (r *request) current() error {
	switch r.route.kind {
	case tokenRoute: // package grants knows the grant
		_ = r.server.Grants.CurrentEnough(r.ctx())
		return nil
	case feedRoute: // as_of tells
		_ = r.server.Grants.CurrentEnough(r.ctx())
		return nil
	case plainRoute, bodylessRoute, oauthRoute, flowRoute, documentRoute:
	}
	switch r.route.path {
	case "/", "/status", "/healthz", "/readyz", "/metrics", "/management/*", "/*":
		return nil // they say nothing that could be out of date, or that it is
	case jwksPath, metadataRoot + "/management", metadataRoot + applicationRoot, "/management" + metadataRoot, applicationRoot + metadataRoot:
		return r.server.Grants.CurrentEnough(r.ctx())
	}
	return r.server.Grants.Current(r.ctx())
}
