package portal

import (
	"net/http"
	"slices"
)

// serverRoutes are the pages about the whole server, for the superuser, and the review of an application.
func (p *Portal) serverRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return slices.Concat(p.adminRoutes(), []route{
		{get, root + "/review", signedIn, "", (*visit).showServerReview},
		{get, root + "/organizations/{org}/applications/{app}/review", signedIn, "", (*visit).showReview},
		{get, root + "/keys", signedIn, "", (*visit).showKeys},
		{post, root + "/keys/rotate", password, "confirm.rotate", (*visit).rotateKey},
		{get, root + "/keys/{kid}", signedIn, "", (*visit).showKey},
		{post, root + "/keys/{kid}/drop", password, "confirm.dropkey", (*visit).dropKey},
		{post, root + "/keys/{kid}/retire", password, "confirm.retirekey", (*visit).retireKey},
	})
}

// serverTabs are those pages, by the last segment of their addresses.
func serverTabs() []string {
	return []string{"administrators", "activity", "keys", "insight", "review"}
}
