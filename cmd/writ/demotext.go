package main

import (
	"io"
	"strings"
)

// writeDemo prints the credentials and lines that work as they are when pasted into bash.
func writeDemo(out io.Writer, d *demoCredentials) error {
	superuser := d.superuser.password
	if superuser == "" {
		superuser = "(the configured one)"
	}
	lines := demoText
	if d.strict {
		lines = withoutAdminToken(lines)
	}
	_, err := strings.NewReplacer(
		"{url}", d.url,
		"{superuser}", d.superuser.name, "{superuser-password}", superuser,
		"{admin}", d.admin.name, "{admin-password}", d.admin.password,
		"{user}", d.user.name, "{user-password}", d.user.password,
		"{org-id}", d.organization.name, "{org-secret}", d.organization.password,
		"{app-id}", d.application.name, "{app-secret}", d.application.password,
		"{sandbox-id}", d.sandbox.name, "{sandbox-secret}", d.sandbox.password,
	).WriteString(out, lines)
	return err
}

// withoutAdminToken drops the lines of the level that compat=strict has no token request for.
func withoutAdminToken(lines string) string {
	var kept strings.Builder
	for line := range strings.Lines(lines) {
		if !strings.Contains(line, "$ADMIN_TOKEN") {
			kept.WriteString(strings.ReplaceAll(line, "four levels: app user, application, organization, admin user",
				"levels that compat=strict has: app user, application, organization"))
		}
	}
	return kept.String()
}

// demoText is run line by line by a test. Every name in braces is replaced; the values hold nothing that bash would expand.
const demoText = `
Organization demo was created. These credentials are shown this once.

  superuser                     {superuser}   {superuser-password}
  admin user                    {admin}   {admin-password}
  app user of demo/app          {user}   {user-password}   (role reader)
  client of organization demo   {org-id}   {org-secret}
  client of demo/app            {app-id}   {app-secret}
  client of demo/sandbox        {sandbox-id}   {sandbox-secret}

Sign in to the portal as {admin}: {url}/portal

Paste these lines into bash, in this order.

# 1. Get a token at each of the four levels: app user, application, organization, admin user.
USER_TOKEN=$(curl -s {url}/demo/app/token -d 'grant_type=password&username={user}&password={user-password}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$USER_TOKEN"
APP_TOKEN=$(curl -s {url}/demo/app/token -u '{app-id}:{app-secret}' -d grant_type=client_credentials | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$APP_TOKEN"
ORG_TOKEN=$(curl -s {url}/management/token -u '{org-id}:{org-secret}' -d grant_type=client_credentials | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$ORG_TOKEN"
ADMIN_TOKEN=$(curl -s {url}/management/token -d '{"grant_type":"password","username":"{admin}","password":"{admin-password}"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$ADMIN_TOKEN"

# 2. Use them. demo/sandbox is open: it answers without any.
curl -s -H "Authorization: Bearer $USER_TOKEN" {url}/demo/app/users/me; echo
curl -s -H "Authorization: Bearer $APP_TOKEN" {url}/demo/app; echo
curl -s -H "Authorization: Bearer $ORG_TOKEN" {url}/management/orgs/demo; echo
curl -s -H "Authorization: Bearer $ADMIN_TOKEN" {url}/management/users/{admin}; echo
curl -s {url}/demo/sandbox/users; echo

# 3. Decode the app user's token.
P=$(echo "$USER_TOKEN" | cut -d. -f2 | tr '_-' '/+'); while [ $((${#P} % 4)) -ne 0 ]; do P="$P="; done; echo "$P" | base64 -d; echo

# 4. Verify it: the public keys, Writ's own word, and a resource server's check against the JWKS (in a checkout of Writ).
curl -s {url}/.well-known/jwks.json; echo
curl -s {url}/demo/app/introspect -u '{app-id}:{app-secret}' -d "token=$USER_TOKEN"; echo
go run ./examples/verify {url}/demo/app "$USER_TOKEN"

# 5. Revoke it.
curl -s {url}/demo/app/revoke -d "token=$USER_TOKEN"; echo

# 6. See the 401, and that introspection agrees.
curl -s -i -H "Authorization: Bearer $USER_TOKEN" {url}/demo/app/users/me; echo
curl -s {url}/demo/app/introspect -u '{app-id}:{app-secret}' -d "token=$USER_TOKEN"; echo

`
