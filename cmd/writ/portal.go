package main

import "github.com/writ-auth/writ/web/portal"

// newPortal makes the pages at /portal. What they show and change they ask of the server's handler.
func (w *wiring) newPortal() *portal.Portal {
	return portal.New(portal.Config{
		PublicURL: w.publicURL, TokenTTL: w.tokenTTL.Milliseconds(), NonExpiring: w.nonExpiring, Strict: w.strict,
		SendsMail: w.smtp != nil, MinPassword: w.passwordMinLength, ClosedFeed: w.feedForClients,
		API: w.handler, Insight: w.handler, Auth: w.service, Store: w.store, Imports: w.imports, Now: w.now, Logger: w.logger,
	})
}
