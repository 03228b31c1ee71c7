package portal

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// organizationFacts are what a review of an organization is made of.
type organizationFacts struct {
	Now           int64
	Address       string // of its first page
	SecretCreated int64
	Endless       int // live tokens without an end of its client
	Plain         bool
	Admins        []adminFacts
	Legacy        []string // features in use, in words
}

// reviewOrganization finds what its administrators should look at.
func reviewOrganization(f *organizationFacts) []finding {
	var found []finding
	add := func(holds, bad bool, key, tab string, values ...any) {
		if holds {
			found = append(found, finding{Key: key, Bad: bad, Values: values, Link: f.Address + "/" + tab, Mend: "tab." + tab})
		}
	}
	if f.Plain {
		found = append(found, plainIssuer())
	}
	admins := reviewAdmins(f.Now, f.Admins)
	if len(f.Admins) == 1 {
		add(true, false, "soleadmin", "administrators", f.Admins[0].Username)
	}
	add(len(admins.never) > 0, false, "neveradmins", "administrators", listed(admins.never))
	add(len(admins.long) > 0, false, "oldadmins", "administrators", listed(admins.long))
	add(len(admins.tests) > 0, true, "testadmins", "administrators", listed(admins.tests))
	add(f.Now-f.SecretCreated > oldSecret, false, "oldsecret", "credentials", (f.Now-f.SecretCreated)/dayLong)
	add(f.Endless > 0, false, "orgendless", "tokens", f.Endless)
	add(len(f.Legacy) > 0, false, "legacy", "insight", strings.Join(f.Legacy, "; "))
	return sorted(found)
}

// showOrganizationReview is GET …/organizations/{org}/review.
func (v *visit) showOrganizationReview() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	facts := organizationFacts{Now: v.started.UnixMilli(), Address: address("organizations", o.Name), Plain: !v.secure}
	row, err := v.Store.Client(v.ctx(), o.ID)
	if err != nil {
		return err
	}
	facts.SecretCreated = row.SecretCreated
	if facts.Endless, err = v.endless("management", "organizations", o.Name, "tokens"); err != nil {
		return err
	}
	if facts.Admins, err = v.memberLogins(o); err != nil {
		return err
	}
	legacy, since, err := v.legacyInUse(o.ID)
	if err != nil {
		return err
	}
	facts.Legacy = legacy
	body := reviewPage{Of: "organization", Findings: v.tell(reviewOrganization(&facts)), Admins: facts.Admins, Limits: []string{
		v.texts.say("review.lastlogins"), v.texts.say("review.endless"), v.texts.say("review.legacy", moment(since)),
	}}
	for _, full := range slices.Sorted(maps.Keys(o.Applications)) {
		name := behindSlash(full)
		body.Reviews = append(body.Reviews, link{Text: name, Address: address("organizations", o.Name, "applications", name, "review")})
	}
	body.Reviews, body.First, body.Next = windowOf(v, body.Reviews, address("organizations", o.Name, "review"))
	body.Hidden = max(len(body.Admins)-maxShown, 0)
	body.Admins = body.Admins[:len(body.Admins)-body.Hidden]
	return v.showIn(o, "review", http.StatusOK, "review", page{Title: v.texts.say("tab.review"), Body: body})
}

// memberLogins finds the newest login of each administrator that the organization sees.
func (v *visit) memberLogins(o *organization) ([]adminFacts, error) {
	members, err := v.members(o)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(members))
	for i := range members {
		ids[i] = members[i].ID
	}
	logins, err := v.Store.LastLogins(v.ctx(), o.ID, ids)
	if err != nil {
		return nil, err
	}
	facts := make([]adminFacts, len(members))
	for i := range members {
		m := &members[i]
		facts[i] = adminFacts{Username: m.Username, Disabled: m.Disabled, LastLogin: logins[m.ID]}
	}
	return facts, nil
}
