package portal

import "net/http"

// insightRoutes are the pages of figures, and the review of an organization.
func (p *Portal) insightRoutes() []route {
	const (
		get          = http.MethodGet
		organization = root + "/organizations/{org}"
	)
	return []route{
		{get, root + "/insight", signedIn, "", (*visit).showServerInsight},
		{get, organization + "/insight", signedIn, "", (*visit).showOrganizationInsight},
		{get, organization + "/applications/{app}/insight", signedIn, "", (*visit).showApplicationInsight},
		{get, organization + "/review", signedIn, "", (*visit).showOrganizationReview},
	}
}
