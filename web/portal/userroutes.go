package portal

import "net/http"

// userRoutes are the pages about the users of an application.
func (p *Portal) userRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost
		users     = root + "/organizations/{org}/applications/{app}/users"
		user      = users + "/{user}"
	)
	return []route{
		{get, users, signedIn, "", (*visit).showUsers},
		{post, users + "/create", signedIn, "", (*visit).createUser},
		{get, user, signedIn, "", (*visit).showUser},
		{post, user + "/profile", signedIn, "", (*visit).saveUser},
		{post, user + "/state", signedIn, "", (*visit).setUserState},
		{post, user + "/password", signedIn, "", (*visit).setUserPassword},
		{post, user + "/link", signedIn, "", (*visit).sendUserLink},
		{post, user + "/roles", signedIn, "", (*visit).changeUserRole},
		{post, user + "/groups", signedIn, "", (*visit).changeUserGroup},
		{post, user + "/revoke", signedIn, "", (*visit).revokeUserTokens},
		{post, user + "/properties", signedIn, "", (*visit).saveUserProperty},
		{get, user + "/logins", signedIn, "", (*visit).showLogins},
		{post, user + "/logins/end", signedIn, "", (*visit).endLogin},
		{get, user + "/delete", signedIn, "", (*visit).askDeleteUser},
		{post, user + "/delete", password, "confirm.deleteuser", (*visit).deleteUser},
	}
}
