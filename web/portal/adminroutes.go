package portal

import "net/http"

// adminRoutes are the pages about all administrators of the server and its whole trail, for the superuser, and one's own profile.
func (p *Portal) adminRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost
		admins    = root + "/administrators"
		admin     = admins + "/{admin}"
	)
	return []route{
		{get, admins, signedIn, "", (*visit).showAdmins},
		{get, admin, signedIn, "", (*visit).showAdmin},
		{post, admin + "/state", password, "confirm.adminstate", (*visit).setAdminState},
		{post, admin + "/revoke", password, "confirm.adminrevoke", (*visit).revokeAdminTokens},
		{post, admin + "/password", password, "confirm.adminpassword", (*visit).setAdminPassword},
		{post, admin + "/link", signedIn, "", (*visit).sendAdminLink},
		{post, admin + "/confirmation", signedIn, "", (*visit).sendAdminConfirmation},

		{get, root + "/activity", signedIn, "", (*visit).showServerActivity},
		{post, root + "/activity/check", signedIn, "", (*visit).checkTrail},

		{post, root + "/account/profile", password, "confirm.profile", (*visit).saveProfile},
	}
}
