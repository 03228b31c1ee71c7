// Package interop holds tests in which software nobody here wrote talks to the real program: golang.org/x/oauth2, coreos/go-oidc,
// npm's usergrid, jose, oauth4webapi and jwt-status-list, curl, Chromium, nginx, and the programs of folder examples with the libraries they
// take.
//
// Every test starts cmd/writ as a process of its own on a free port and sets it up over HTTP as an administrator would; nothing here
// imports the server. The clients of Node.js are pinned in package-lock.json and installed by
//
//	npm ci --ignore-scripts --prefix interop
//
// Where a tool is missing its tests are skipped and say what to install. In CI (CI=true) that is a failure.
package interop
