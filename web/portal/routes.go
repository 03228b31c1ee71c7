package portal

import (
	"net/http"
	"slices"
)

// needs is what a page asks of whoever opens it. What he may do there is the API's business.
type needs int

const (
	signedIn needs = iota // the zero value lets nobody in by accident
	nothing
	password // given within the last minutes; see confirm
	upload   // signedIn, and the form has a file
)

// route is one line of the table.
type route struct {
	method string
	path   string // a pattern of net/http
	needs  needs
	what   string // of password: the name of the text that says what is about to happen
	handle func(*visit) error
}

// routes is every page and form of the portal. What a form is sent to lies below the page it stands on, so that "back" is one segment up.
func (p *Portal) routes() []route {
	const (
		get, post    = http.MethodGet, http.MethodPost
		organization = root + "/organizations/{org}"
		application  = organization + "/applications/{app}"
	)
	return slices.Concat(p.tokenRoutes(), p.insightRoutes(), p.userRoutes(), p.importRoutes(), p.rolesRoutes(), p.serverRoutes(), []route{
		{get, root + "/assets/{name}", nothing, "", (*visit).showAsset},
		{get, root + "/sign-in", nothing, "", (*visit).showSignIn},
		{post, root + "/sign-in", nothing, "", (*visit).signIn},
		{post, root + "/sign-out", signedIn, "", (*visit).signOut},

		{get, root + "/account", signedIn, "", (*visit).showAccount},
		{post, root + "/account/password", signedIn, "", (*visit).changePassword},
		{post, root + "/account/sign-out-everywhere", signedIn, "", (*visit).signOutEverywhere},

		{get, root, signedIn, "", (*visit).showOrganizations},
		{get, root + "/{$}", signedIn, "", (*visit).showOrganizations},
		{post, root + "/organizations", signedIn, "", (*visit).createOrganization},

		{get, organization, signedIn, "", (*visit).showOrganization},
		{post, organization + "/applications", signedIn, "", (*visit).createApplication},
		{post, organization + "/restore", signedIn, "", (*visit).restoreApplication},

		{get, organization + "/credentials", signedIn, "", (*visit).showOrganizationClient},
		{post, organization + "/credentials/reveal", password, "confirm.reveal", (*visit).revealOrganizationClient},
		{post, organization + "/credentials/renew", password, "confirm.renew", (*visit).renewOrganizationClient},
		{post, organization + "/credentials/revoke", password, "confirm.revoke", (*visit).revokeOrganizationClient},

		{get, organization + "/administrators", signedIn, "", (*visit).showMembers},
		{post, organization + "/administrators/add", password, "confirm.addmember", (*visit).addMember},
		{post, organization + "/administrators/invite", signedIn, "", (*visit).inviteMember},
		{get, organization + "/administrators/{admin}/remove", signedIn, "", (*visit).askRemoveMember},
		{post, organization + "/administrators/{admin}/remove", password, "confirm.removemember", (*visit).removeMember},

		{get, organization + "/activity", signedIn, "", (*visit).showOrganizationActivity},
		{get, organization + "/settings", signedIn, "", (*visit).showOrganizationSettings},
		{post, organization + "/settings/save", signedIn, "", (*visit).saveOrganizationSettings},
		{get, organization + "/settings/delete", signedIn, "", (*visit).askDeleteOrganization},
		{post, organization + "/settings/delete", password, "confirm.deleteorganization", (*visit).deleteOrganization},

		{get, application, signedIn, "", (*visit).showStart},
		{post, application + "/reveal", password, "confirm.reveal", (*visit).revealStart},
		{get, application + "/credentials", signedIn, "", (*visit).showApplicationClient},
		{post, application + "/credentials/reveal", password, "confirm.reveal", (*visit).revealApplicationClient},
		{post, application + "/credentials/renew", password, "confirm.renew", (*visit).renewApplicationClient},
		{post, application + "/credentials/revoke", password, "confirm.revoke", (*visit).revokeApplicationClient},
		{get, application + "/activity", signedIn, "", (*visit).showApplicationActivity},
		{get, application + "/settings", signedIn, "", (*visit).showSettings},
		{post, application + "/settings/save", signedIn, "", (*visit).saveSettings},
		{get, application + "/settings/delete", signedIn, "", (*visit).askDeleteApplication},
		{post, application + "/settings/delete", password, "confirm.deleteapplication", (*visit).deleteApplication},

		{get, everything, signedIn, "", (*visit).showNothing},
		{post, everything, signedIn, "", (*visit).showNothing},
	})
}

// everything is the path of what has no page of its own, and everythingElse its pattern.
const (
	everything     = root + "/"
	everythingElse = http.MethodGet + " " + everything
)

// showNothing is every path that has no page.
func (v *visit) showNothing() error { return errNotFound }
