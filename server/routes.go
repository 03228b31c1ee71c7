package server

// table is every route of Writ: methods, canonical path, who may use it, handler, documented keys of the body. Aliases and the other
// forms of an application's root are resolved before (canonicalPath); HEAD follows GET, and a missing method is 405.
func (s *Server) table() []route {
	const (
		organizations = "/management/organizations"
		organization  = organizations + "/:org"
		applications  = organization + "/applications"
		admins        = "/management/users"
		admin         = admins + "/:user"
		app           = applicationRoot
		users         = app + "/users"
		user          = users + "/:user"
		role          = app + "/roles/:role"
		group         = app + "/groups/:group"
		metadata      = metadataRoot
	)
	return []route{
		// Section 2: token endpoints. Sections 6.1, 6.3: revocation, introspection.
		on("GET|POST", "/management/token", open, s.managementToken, tokenKeys).as(tokenRoute),
		on("GET|POST", "/management/me", open, s.managementMe, tokenKeys).as(tokenRoute),
		on("GET|POST", app+"/token", open, s.token, tokenKeys).as(tokenRoute),
		on("GET", user+"/token", open, s.impersonate, ""),
		on("POST", app+"/revoke", open, s.revoke, revokeKeys).as(oauthRoute),
		on("POST", "/management/revoke", open, s.revoke, revokeKeys).as(oauthRoute),
		on("POST", app+"/introspect", open, s.introspect, revokeKeys).as(oauthRoute),
		on("POST", "/management/introspect", open, s.introspect, revokeKeys).as(oauthRoute),
		on("POST|PUT", user+"/revoketokens", holder, s.revokeUserTokens, "").as(bodylessRoute),
		on("POST|PUT", user+"/revoketoken", holder, s.revokeUserToken, "").as(bodylessRoute),
		on("POST|PUT", admin+"/revoketokens", holder, s.revokeAdminTokens, "").as(bodylessRoute),
		on("POST|PUT", admin+"/revoketoken", holder, s.revokeAdminToken, "").as(bodylessRoute),
		on("POST|PUT", organization+"/credentials/revoketokens", organizationAccess, s.revokeOrganizationClient, "").as(bodylessRoute),
		on("POST|PUT", applications+"/:app/credentials/revoketokens", organizationAccess, s.revokeManagedClient, "").as(bodylessRoute),
		on("POST|PUT", app+"/credentials/revoketokens", applicationAccess, s.revokeApplicationClient, "").as(bodylessRoute),

		// The revocation feed (docs/feed.md).
		on("GET", "/management"+revocationsPath, open, s.revocations, "").as(feedRoute),
		on("GET", app+revocationsPath, open, s.revocations, "").as(feedRoute),
		on("GET", app+policyPath, open, s.policy, ""),

		// Forward auth (docs/forward-auth.md).
		on("GET", app+"/authorize", open, s.forwardAuth, "").as(bodylessRoute),

		// Section 6.4: registered tokens.
		on("GET", app+"/tokens", applicationAccess, s.listTokens, ""),
		on("DELETE", app+"/tokens", applicationAccess, s.revokeListedTokens, ""),
		on("DELETE", app+"/tokens/:jti", applicationAccess, s.revokeListedToken, ""),
		on("GET", user+"/tokens", userSelf, s.listTokens, ""),
		on("DELETE", user+"/tokens", userSelf, s.revokeListedTokens, ""),
		on("DELETE", user+"/tokens/:jti", userSelf, s.revokeListedToken, ""),
		on("GET", user+"/logins", userSelf, s.listLogins, ""),
		on("DELETE", user+"/logins", userSelf, s.endLogins, ""),
		on("DELETE", user+"/logins/:login", userSelf, s.endLogin, ""),
		on("GET", organization+"/tokens", organizationAccess, s.listTokens, ""),
		on("DELETE", organization+"/tokens", organizationAccess, s.revokeListedTokens, ""),
		on("DELETE", organization+"/tokens/:jti", organizationAccess, s.revokeListedToken, ""),
		on("GET", admin+"/tokens", adminSelf, s.listTokens, ""),
		on("DELETE", admin+"/tokens", adminSelf, s.revokeListedTokens, ""),
		on("DELETE", admin+"/tokens/:jti", adminSelf, s.revokeListedToken, ""),

		// Status lists of those tokens.
		on("GET", app+statusListsPath, open, s.statusLists, "").as(documentRoute),
		on("GET", app+statusListsPath+"/:list", open, s.statusList, "").as(documentRoute),
		on("GET", "/management"+statusListsPath, open, s.statusLists, "").as(documentRoute),
		on("GET", "/management"+statusListsPath+"/:list", open, s.statusList, "").as(documentRoute),

		// Section 7.1: organizations.
		on("POST", organizations, anyone, s.createOrganization, "organization email username name password properties"),
		on("GET", organizations, superuser, s.listOrganizations, ""),
		on("GET", organization, organizationAccess, s.showOrganization, ""),
		on("PUT", organization, organizationAccess, s.updateOrganization, "properties"),
		on("DELETE", organization, organizationAccess, s.deleteOrganization, ""),

		// Section 7.2: applications.
		on("GET", applications, organizationAccess, s.listApplications, ""),
		on("POST", applications, organizationAccess, s.createApplication, "name"),
		on("GET", applications+"/:app", organizationAccess, s.showManagedApplication, ""),
		on("DELETE", applications+"/:app", organizationAccess, s.deleteApplication, ""),
		on("PUT", applications+"/:app", organizationAccess, s.restoreApplication, "").as(bodylessRoute),

		// Section 7.3: client credentials.
		on("GET", organization+"/credentials", organizationAccess, s.showOrganizationClient, ""),
		on("POST", organization+"/credentials", organizationAccess, s.renewOrganizationClient, "").as(bodylessRoute),
		on("GET", applications+"/:app/credentials", organizationAccess, s.showManagedClient, ""),
		on("POST", applications+"/:app/credentials", organizationAccess, s.renewManagedClient, "").as(bodylessRoute),
		on("GET", app+"/credentials", applicationAccess, s.showApplicationClient, ""),
		on("POST", app+"/credentials", applicationAccess, s.renewApplicationClient, "").as(bodylessRoute),

		// The audit trail.
		on("GET", organization+"/audit", organizationAccess, s.listOrganizationAudit, ""),
		on("GET", "/management/audit", superuser, s.listAudit, ""),
		on("GET", auditChainPath, superuser, s.checkAudit, ""),

		// The signing keys.
		on("GET", managedKeys, superuser, s.listKeys, ""),
		on("POST", managedKeys+"/rotate", superuser, s.rotateKeys, "purpose now"),
		on("GET", managedKeys+"/:kid", superuser, s.showKey, ""),
		on("DELETE", managedKeys+"/:kid", superuser, s.dropKey, ""),
		on("GET", managedKeys+"/:kid/tokens", superuser, s.listKeyTokens, ""),
		on("POST", managedKeys+"/:kid/retire", superuser, s.retireKey, "").as(bodylessRoute),

		// Section 7.4: admin users.
		on("GET", admins, superuser, s.listAdmins, ""),
		on("POST", admins, anyone, s.createAdmin, "email username name password"),
		on("GET", admin, adminSelf, s.showAdmin, ""),
		on("PUT", admin, adminSelf, s.updateAdmin, "username name email oldpassword newpassword activated disabled"),
		on("POST|PUT", admin+"/password", anyone, s.setAdminPassword, "oldpassword newpassword"),

		// Section 7.5: memberships.
		on("GET", organization+"/users", organizationAccess, s.listMembers, ""),
		on("POST", organization+"/users", organizationAccess, s.createMember, "email username name password invite"),
		on("PUT", organization+"/users/:user", organizationAccess, s.addMember, ""),
		on("DELETE", organization+"/users/:user", organizationAccess, s.removeMember, ""),
		on("GET", admin+"/organizations", adminSelf, s.listAdminOrganizations, ""),
		on("POST", admin+"/organizations", adminSelf, s.createAdminOrganization, "organization"),
		on("PUT", admin+"/organizations/:org", organizationAccess, s.addMember, ""),
		on("DELETE", admin+"/organizations/:org", organizationAccess, s.removeMember, ""),

		// Section 7.6: states and mail flows.
		on("GET", admins+"/resetpw", open, s.askReset, "").as(flowRoute),
		on("POST", admins+"/resetpw", open, s.requestReset, resetKeys).as(flowRoute),
		on("GET", admin+"/resetpw", open, s.showReset, "").as(flowRoute),
		on("POST", admin+"/resetpw", open, s.resetPassword, resetKeys).as(flowRoute),
		on("GET", admin+"/activate", open, s.activate, "").as(flowRoute),
		on("GET", admin+"/confirm", open, s.confirm, "").as(flowRoute),
		on("POST|GET", admin+"/reactivate", adminSelf, s.reactivateAdmin, "").as(bodylessRoute),
		on("GET", users+"/resetpw", open, s.askReset, "").as(flowRoute),
		on("POST", users+"/resetpw", open, s.requestReset, resetKeys).as(flowRoute),
		on("GET", user+"/resetpw", open, s.showReset, "").as(flowRoute),
		on("POST", user+"/resetpw", open, s.resetPassword, resetKeys).as(flowRoute),
		on("GET", user+"/activate", open, s.activate, "").as(flowRoute),
		on("GET", user+"/confirm", open, s.confirm, "").as(flowRoute),
		on("POST|GET", user+"/reactivate", applicationAccess, s.reactivateUser, "").as(bodylessRoute),

		// Section 8.1: the application's root.
		on("GET", app, applicationAccess, s.showApplication, ""),
		on("PUT", app, applicationAccess, s.updateApplication, applicationKeys),

		// Section 8.2: users.
		on("POST", users, rules, s.createUsers, userKeys),
		on("GET", users, rules, s.listUsers, ""),
		on("GET", users+"/me", appUser, s.showMe, ""),
		on("GET", user, rules, s.showUser, ""),
		on("PUT", user, rules, s.updateUser, userKeys),
		on("DELETE", user, rules, s.deleteUser, ""),
		on("POST|PUT", user+"/password", anyone, s.changePassword, "oldpassword newpassword"),
		on("POST|PUT", user+"/setpin", rules, s.setPIN, "pin"),
		on("POST", user+"/deactivate", rules, s.deactivateUser, ""),
		on("PUT", user+"/credentials", superuser, s.importHash, "credentials"),

		// Section 8.3: roles, groups and who has them.
		on("GET", app+"/roles", rules, s.listRoles, ""),
		on("POST|PUT", app+"/roles", rules, s.createRole, "name title inactivity"),
		on("GET", role, rules, s.showRole, ""),
		on("PUT", role, rules, s.updateRole, "title inactivity"),
		on("DELETE", role, rules, s.deleteRole, ""),
		on("GET", app+"/groups", rules, s.listGroups, ""),
		on("POST", app+"/groups", rules, s.createGroup, "path name title"),
		on("GET", group, rules, s.showGroup, ""),
		on("PUT", group, rules, s.updateGroup, "title name"),
		on("DELETE", group, rules, s.deleteGroup, ""),
		on("GET", role+"/users", rules, listRelated(usersWithRole, userEntity), ""),
		on("GET", role+"/groups", rules, listRelated(groupsWithRole, groupEntity), ""),
		on("GET", user+"/roles", rules, listRelated(rolesOfUser, roleEntity), ""),
		on("GET", group+"/roles", rules, listRelated(rolesOfGroup, roleEntity), ""),
		on("GET", group+"/users", rules, listRelated(usersInGroup, userEntity), ""),
		on("GET", user+"/groups", rules, listRelated(groupsOfUser, groupEntity), ""),
		on("GET", role+"/users/:user", rules, s.showPair(roleOfUser{}), ""),
		on("POST", role+"/users/:user", rules, s.addPair(roleOfUser{}), ""),
		on("DELETE", role+"/users/:user", rules, s.removePair(roleOfUser{}), ""),
		on("GET", user+"/roles/:role", rules, s.showPair(roleOfUser{}), ""),
		on("POST", user+"/roles/:role", rules, s.addPair(roleOfUser{}), ""),
		on("DELETE", user+"/roles/:role", rules, s.removePair(roleOfUser{}), ""),
		on("GET", role+"/groups/:group", rules, s.showPair(roleOfGroup{}), ""),
		on("POST", role+"/groups/:group", rules, s.addPair(roleOfGroup{}), ""),
		on("DELETE", role+"/groups/:group", rules, s.removePair(roleOfGroup{}), ""),
		on("GET", group+"/roles/:role", rules, s.showPair(roleOfGroup{}), ""),
		on("POST", group+"/roles/:role", rules, s.addPair(roleOfGroup{}), ""),
		on("DELETE", group+"/roles/:role", rules, s.removePair(roleOfGroup{}), ""),
		on("GET", group+"/users/:user", rules, s.showPair(userInGroup{}), ""),
		on("POST", group+"/users/:user", rules, s.addPair(userInGroup{}), ""),
		on("DELETE", group+"/users/:user", rules, s.removePair(userInGroup{}), ""),
		on("GET", user+"/groups/:group", rules, s.showPair(userInGroup{}), ""),
		on("POST", user+"/groups/:group", rules, s.addPair(userInGroup{}), ""),
		on("DELETE", user+"/groups/:group", rules, s.removePair(userInGroup{}), ""),
		on("GET", user+"/rolenames", rules, s.showRoleNames, ""),

		// Section 8.4: permissions.
		on("GET", role+"/permissions", rules, s.listPermissions, ""),
		on("POST|PUT", role+"/permissions", rules, s.addPermissions, "permission"),
		on("DELETE", role+"/permissions", rules, s.removePermissions, ""),
		on("GET", user+"/permissions", rules, s.listPermissions, ""),
		on("POST|PUT", user+"/permissions", rules, s.addPermissions, "permission"),
		on("DELETE", user+"/permissions", rules, s.removePermissions, ""),
		on("GET", group+"/permissions", rules, s.listPermissions, ""),
		on("POST|PUT", group+"/permissions", rules, s.addPermissions, "permission"),
		on("DELETE", group+"/permissions", rules, s.removePermissions, ""),

		// Section 11: well-known and system endpoints.
		on("GET", jwksPath, open, s.jwks, ""),
		on("GET", metadata+"/management", open, s.managementMetadata, ""),
		on("GET", metadata+"/:org/:app", open, s.applicationMetadata, ""),
		on("GET", "/management"+metadata, open, s.managementMetadata, ""),
		on("GET", app+metadata, open, s.applicationMetadata, ""),
		on("GET", "/", open, s.home, ""),
		on("GET", "/status", open, s.status, ""),
		on("GET", "/healthz", open, s.healthy, ""),
		on("GET", "/readyz", open, s.ready, ""),
		on("GET", "/metrics", open, s.showMetrics, ""),

		// What has no route: below an application an unknown collection is 404 only after the permission check (§1.6).
		on(anyMethod, app+"/*", rules, s.unknownCollection, "").as(bodylessRoute),
		on(anyMethod, "/management/*", open, s.noRoute, "").as(bodylessRoute),
		on(anyMethod, "/*", open, s.noRoute, "").as(bodylessRoute),
	}
}

// Documented keys of bodies that several routes share.
const (
	tokenKeys       = "grant_type username email password pin refresh_token client_id client_secret scope ttl label access_token"
	revokeKeys      = "token token_type_hint client_id client_secret"
	resetKeys       = "email token newpassword password1 password2"
	applicationKeys = "accesstokenttl refreshtokens refreshtokenttl refreshtokenidlettl passwordgrant permissionclaims scopes allowedorigins " +
		"registration_requires_email_confirmation registration_requires_admin_approval nonexpiringexp " +
		"name organizationName applicationName " + fixedKeys
	userKeys = "username email name password pin oldpassword newpassword activated confirmed disabled deactivated picture " + fixedKeys
	// fixedKeys are what Writ itself writes into every entity.
	fixedKeys = "uuid type created modified metadata"
)

func (s *Server) noRoute(*request) error { return notFound() }

func (s *Server) unknownCollection(*request) error { return resourceNotFound() }
