package portal

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// client says whose credentials a page is about, and where the API has them.
type client struct {
	kind  models.ClientKind
	owner uuid.UUID
	path  []string // of the credentials
	page  string   // address of ours
}

func organizationClient(o *organization) client {
	return client{
		models.OrganizationClient, o.ID,
		[]string{"management", "organizations", o.Name, "credentials"},
		address("organizations", o.Name, "credentials"),
	}
}

func applicationClient(a *application) client {
	return client{
		models.ApplicationClient, a.ID,
		[]string{"management", "organizations", a.Organization, "applications", a.Name, "credentials"},
		a.at("credentials"),
	}
}

// credentialsPage shows a client. Secrets are in it only if they were asked for a moment ago.
type credentialsPage struct {
	ClientID  string
	Secret    string
	Former    string
	Fresh     bool // Secret was made just now
	Kept      bool // the secret can be revealed
	Created   int64
	Age       string
	Overlap   int64 // ms, until when the former secret is valid; 0: there is none
	Overlaps  []overlap
	Page      string // address of the forms, without the last segment
	TokenAt   string // token endpoint
	ForOrg    bool
	Revealed  bool
	ForWhom   string
	CanReveal bool
}

// overlap is one choice of how long a former secret stays valid.
type overlap struct {
	Hours int
	Text  string
}

// shownSecret is what the API answers about credentials.
type shownSecret struct {
	Secret   string `json:"client_secret"`
	Previous struct {
		Secret string `json:"client_secret"`
	} `json:"previous"`
}

// reveal asks the API for a secret, which leaves a trace there.
func (v *visit) reveal(c client) (shownSecret, error) {
	return v.credentials(call{method: http.MethodGet, path: c.path})
}

func (v *visit) credentials(c call) (shownSecret, error) {
	var answer struct {
		Credentials shownSecret `json:"credentials"`
	}
	err := v.do(c, &answer)
	return answer.Credentials, err
}

// renew makes a new secret as the form says: with an overlap (hours), or with the end of all tokens.
func (v *visit) renewSecret(c client) (shownSecret, error) {
	hours, _ := strconv.Atoi(v.field("overlap")) // nothing and nonsense are none
	query := filled()
	switch {
	case v.field("revoke") == "yes":
		query.Set("revoketokens", "true")
	case hours > 0:
		query.Set("overlap", strconv.FormatInt(int64(hours)*time.Hour.Milliseconds(), 10))
	}
	return v.credentials(call{method: http.MethodPost, path: c.path, query: query})
}

// clientPage fills in what every page about credentials shows.
func (v *visit) clientPage(c client, shown shownSecret, fresh bool) (credentialsPage, error) {
	row, err := v.Store.Client(v.ctx(), c.owner)
	if err != nil {
		return credentialsPage{}, err
	}
	now := v.started.UnixMilli()
	body := credentialsPage{
		ClientID: row.ClientID(), Secret: shown.Secret, Former: shown.Previous.Secret, Fresh: fresh,
		Kept: row.SecretSealed != nil, Created: row.SecretCreated, Age: v.texts.ago(row.SecretCreated, now), Page: c.page,
		ForOrg: c.kind == models.OrganizationClient,
	}
	if row.Overlaps(v.started) {
		body.Overlap = row.PreviousExpires
	}
	for _, hours := range []int{0, 1, 24, 7 * 24, 30 * 24} {
		text := v.texts.say("renew.atonce")
		if hours > 0 {
			text = v.texts.say("renew.after", v.texts.span(int64(hours)*time.Hour.Milliseconds()))
		}
		body.Overlaps = append(body.Overlaps, overlap{hours, text})
	}
	return body, nil
}

// onOrganizationClient shows the credentials of the organization in the path after something was done with them.
func (v *visit) onOrganizationClient(fresh bool, act func(client) (shownSecret, error)) error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	c := organizationClient(o)
	shown, err := act(c)
	if err != nil {
		return err
	}
	body, err := v.clientPage(c, shown, fresh)
	if err != nil {
		return err
	}
	body.TokenAt = v.PublicURL + "/management/token"
	return v.showIn(o, "credentials", http.StatusOK, "credentials", page{Title: v.texts.say("tab.credentials"), Body: body})
}

// onApplicationClient is the same for the application in the path.
func (v *visit) onApplicationClient(fresh bool, act func(client) (shownSecret, error)) error {
	a, err := v.application()
	if err != nil {
		return err
	}
	c := applicationClient(a)
	shown, err := act(c)
	if err != nil {
		return err
	}
	body, err := v.clientPage(c, shown, fresh)
	if err != nil {
		return err
	}
	body.TokenAt = v.issuer(a) + "/token"
	return v.showOf(a, "credentials", http.StatusOK, "credentials", page{Title: v.texts.say("tab.credentials"), Body: body})
}

// nothingShown is a look at credentials without their secret, which leaves no trace.
func nothingShown(client) (shownSecret, error) { return shownSecret{}, nil }

// showOrganizationClient is GET /portal/organizations/{org}/credentials.
func (v *visit) showOrganizationClient() error { return v.onOrganizationClient(false, nothingShown) }

// revealOrganizationClient is POST …/reveal.
func (v *visit) revealOrganizationClient() error { return v.onOrganizationClient(false, v.reveal) }

// renewOrganizationClient is POST …/renew.
func (v *visit) renewOrganizationClient() error { return v.onOrganizationClient(true, v.renewSecret) }

// revokeOrganizationClient is POST …/revoke.
func (v *visit) revokeOrganizationClient() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	return v.revokeTokensOf(organizationClient(o))
}

// showApplicationClient is GET /portal/organizations/{org}/applications/{app}/credentials.
func (v *visit) showApplicationClient() error { return v.onApplicationClient(false, nothingShown) }

// revealApplicationClient is POST …/reveal.
func (v *visit) revealApplicationClient() error { return v.onApplicationClient(false, v.reveal) }

// renewApplicationClient is POST …/renew.
func (v *visit) renewApplicationClient() error { return v.onApplicationClient(true, v.renewSecret) }

// revokeApplicationClient is POST …/revoke.
func (v *visit) revokeApplicationClient() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.revokeTokensOf(applicationClient(a))
}

// revokeTokensOf ends everything that was issued to a client.
func (v *visit) revokeTokensOf(c client) error {
	if err := v.do(call{method: http.MethodPost, path: append(c.path, "revoketokens")}, nil); err != nil {
		return err
	}
	return v.done(c.page, "notice.tokensrevoked")
}
