package portal

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"
)

// Bounds of what a review looks at; its page names them.
const (
	reviewedRoles  = 50
	reviewedUsers  = 500
	reviewedTokens = 100
	reviewedAdmins = 100
)

// reviewPage is what was found, and what nobody looked at.
type reviewPage struct {
	Findings []finding
	Limits   []string
	Admins   []adminFacts // of the server or an organization
	Of       string       // what is looked at: application, organization or server
	Hidden   int          // administrators that are not shown
	Reviews  []link       // of the organization's applications

	First, Next string // addresses of other parts of Reviews
}

// tell puts findings into words.
func (v *visit) tell(found []finding) []finding {
	for i := range found {
		f := &found[i]
		f.What, f.Why = v.texts.say("finding."+f.Key, f.Values...), v.texts.say("finding."+f.Key+".why")
		if f.Link != "" {
			f.Action = v.texts.say(f.Mend)
		}
	}
	return found
}

// showReview is GET …/applications/{app}/review.
func (v *visit) showReview() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	facts := applicationFacts{Now: v.started.UnixMilli(), Address: a.at(), Settings: a.Settings, Passwords: v.allowsPasswords(a), Plain: !v.secure}
	row, err := v.Store.Client(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	facts.SecretCreated = row.SecretCreated
	for _, gather := range []func(*application, *applicationFacts) error{v.gatherRoles, v.gatherUsers, v.gatherUserRules, v.gatherGroupRules, v.gatherTokens} {
		if err := gather(a, &facts); err != nil {
			return err
		}
	}
	if facts.Legacy, facts.Since, err = v.legacyInUse(a.ID); err != nil {
		return err
	}
	body := reviewPage{Of: "application", Findings: v.tell(reviewApplication(&facts)), Limits: []string{
		v.texts.say("review.users", len(facts.Users)), v.texts.say("review.roles", len(facts.Roles)), v.texts.say("review.rules", len(facts.Users)),
		v.texts.say("review.legacy", moment(facts.Since)), v.texts.say("review.logins"),
	}}
	return v.showOf(a, "review", http.StatusOK, "review", page{Title: v.texts.say("tab.review"), Body: body})
}

// page of a list of the API.
func (v *visit) some(into any, limit string, path ...string) error {
	return v.do(call{method: http.MethodGet, path: path, query: url.Values{"limit": {limit}}}, into)
}

func (v *visit) gatherRoles(a *application, facts *applicationFacts) error {
	var roles struct {
		Entities []struct {
			ID   uuid.UUID `json:"uuid"`
			Name string    `json:"name"`
		} `json:"entities"`
	}
	if err := v.some(&roles, strconv.Itoa(reviewedRoles), a.Organization, a.Name, "roles"); err != nil {
		return err
	}
	facts.RoleAt = map[string]string{}
	for _, role := range roles.Entities {
		var rules struct {
			Data []string `json:"data"`
		}
		if err := v.get(&rules, a.Organization, a.Name, "roles", role.ID.String(), "permissions"); err != nil {
			return err
		}
		held := false
		for _, holders := range []string{"users", "groups"} {
			var answer struct {
				Entities []struct{} `json:"entities"`
			}
			if err := v.some(&answer, "1", a.Organization, a.Name, "roles", role.ID.String(), holders); err != nil {
				return err
			}
			held = held || len(answer.Entities) > 0
		}
		facts.Roles = append(facts.Roles, roleFacts{role.Name, rules.Data, held})
		facts.RoleAt[role.Name] = a.at("roles", role.ID.String())
	}
	return nil
}

func (v *visit) gatherUsers(a *application, facts *applicationFacts) error {
	var users struct {
		Entities []userFacts `json:"entities"`
	}
	err := v.some(&users, strconv.Itoa(reviewedUsers), a.Organization, a.Name, "users")
	facts.Users = users.Entities
	return err
}

func (v *visit) gatherTokens(a *application, facts *applicationFacts) (err error) {
	facts.Endless, err = v.endless(a.Organization, a.Name, "tokens")
	return err
}

// endless counts the tokens without an end of a list that are alive.
func (v *visit) endless(path ...string) (n int, err error) {
	var tokens struct {
		Data []registered `json:"data"`
	}
	err = v.some(&tokens, strconv.Itoa(reviewedTokens), path...)
	for i := range tokens.Data {
		if tokens.Data[i].Revoked == nil {
			n++
		}
	}
	return n, err
}

// showServerReview is GET /portal/review. The questions are the superuser's: the API refuses everybody else.
func (v *visit) showServerReview() error {
	facts := serverFacts{
		Now: v.started.UnixMilli(), Secure: v.secure, Strict: v.Strict, NonExpiring: v.NonExpiring, SendsMail: v.SendsMail,
		OpenFeed: !v.ClosedFeed,
	}
	var list struct {
		Data []signingKey `json:"data"`
	}
	if err := v.get(&list, "management", "keys"); err != nil {
		return err
	}
	for i := range list.Data {
		if k := &list.Data[i]; k.State == "signing" {
			facts.Keys = append(facts.Keys, keyFacts{k.Short(), k.Purpose, k.Changed, k.NextAt > 0})
		}
	}
	if err := v.gatherAdmins(&facts); err != nil {
		return err
	}
	legacy, since, err := v.legacyInUse(uuid.Nil)
	if err != nil {
		return err
	}
	facts.Legacy = legacy
	body := reviewPage{Of: "server", Findings: v.tell(reviewServer(&facts)), Admins: facts.Admins, Limits: []string{
		v.texts.say("review.admins", len(facts.Admins)), v.texts.say("review.trail"), v.texts.say("review.legacy", moment(since)),
	}}
	return v.showServer("review", http.StatusOK, "review", page{Title: v.texts.say("tab.review"), Body: body})
}

// gatherAdmins finds the newest login of each in the audit trail.
func (v *visit) gatherAdmins(facts *serverFacts) error {
	var admins struct {
		Data []struct {
			ID       uuid.UUID `json:"uuid"`
			Username string    `json:"username"`
			Disabled bool      `json:"disabled"`
		} `json:"data"`
	}
	if err := v.some(&admins, strconv.Itoa(reviewedAdmins), "management", "users"); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(admins.Data))
	for i := range admins.Data {
		ids[i] = admins.Data[i].ID
	}
	logins, err := v.Store.LastLogins(v.ctx(), uuid.Nil, ids)
	if err != nil {
		return err
	}
	for _, admin := range admins.Data {
		facts.Admins = append(facts.Admins, adminFacts{Username: admin.Username, Disabled: admin.Disabled, LastLogin: logins[admin.ID]})
	}
	return nil
}
