package portal

import "net/http"

// importRoutes are the pages about an import of users.
func (p *Portal) importRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost
		imports   = root + "/organizations/{org}/applications/{app}/users/import"
	)
	return []route{
		{get, imports, signedIn, "", (*visit).showImport},
		{get, imports + "/progress", signedIn, "", (*visit).tellImport},
		{get, imports + "/refused", signedIn, "", (*visit).downloadRefused},
		{post, imports + "/upload", upload, "", (*visit).uploadImport},
		{post, imports + "/start", signedIn, "", (*visit).startImport},
		{post, imports + "/cancel", signedIn, "", (*visit).cancelImport},
	}
}
