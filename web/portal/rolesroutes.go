package portal

import "net/http"

// rolesRoutes are the pages about what users may do: roles, groups, rules and the live test.
func (p *Portal) rolesRoutes() []route {
	const (
		get, post   = http.MethodGet, http.MethodPost
		application = root + "/organizations/{org}/applications/{app}"
		roles       = application + "/roles"
		role        = roles + "/{role}"
		groups      = application + "/groups"
		group       = groups + "/{group}"
	)
	return []route{
		{get, roles, signedIn, "", (*visit).showRoles},
		{post, roles + "/create", signedIn, "", (*visit).createRole},
		{get, role, signedIn, "", (*visit).showRole},
		{post, role + "/profile", signedIn, "", (*visit).saveRole},
		{post, role + "/rules", signedIn, "", (*visit).changeRoleRules},
		{post, role + "/users", signedIn, "", (*visit).changeRoleUser},
		{post, role + "/groups", signedIn, "", (*visit).changeRoleGroup},
		{get, role + "/delete", signedIn, "", (*visit).askDeleteRole},
		{post, role + "/delete", password, "confirm.deleterole", (*visit).deleteRole},

		{get, groups, signedIn, "", (*visit).showGroups},
		{post, groups + "/create", signedIn, "", (*visit).createGroup},
		{get, group, signedIn, "", (*visit).showGroup},
		{post, group + "/profile", signedIn, "", (*visit).saveGroup},
		{post, group + "/rules", signedIn, "", (*visit).changeGroupRules},
		{post, group + "/users", signedIn, "", (*visit).changeGroupUser},
		{post, group + "/roles", signedIn, "", (*visit).changeGroupRole},
		{get, group + "/delete", signedIn, "", (*visit).askDeleteGroup},
		{post, group + "/delete", password, "confirm.deletegroup", (*visit).deleteGroup},

		{post, application + "/users/{user}/rules", signedIn, "", (*visit).changeUserRules},
		{get, application + "/may", signedIn, "", (*visit).showMay},
	}
}
