package portal

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server/insight"
)

// legacyInUse puts into words which legacy features a scope has used since this process began to count; uuid.Nil is the whole server.
func (v *visit) legacyInUse(of uuid.UUID) (used []string, since int64, err error) {
	f, err := v.Insight.Figures(v.caller, of, insight.Day)
	if err != nil {
		return nil, 0, err
	}
	for _, feature := range insight.Legacies() {
		if n := f.Total.Legacy(feature); n > 0 {
			used = append(used, v.texts.say("review.used", v.texts.say("insight.feature."+feature), n))
		}
	}
	return used, f.Since, nil
}

// gatherUserRules finds the rules that the users have themselves who are looked at.
func (v *visit) gatherUserRules(a *application, facts *applicationFacts) error {
	ids := make([]uuid.UUID, len(facts.Users))
	for i := range facts.Users {
		ids[i] = facts.Users[i].ID
	}
	rules, err := v.Store.RulesOf(v.ctx(), a.ID, models.HolderUser, ids)
	for i := range facts.Users {
		if u := &facts.Users[i]; rules[u.ID] != nil {
			facts.UserRules = append(facts.UserRules, ruleFacts{u.Username, a.at("users", u.ID.String()), rules[u.ID]})
		}
	}
	return err
}

// gatherGroupRules does the same for groups.
func (v *visit) gatherGroupRules(a *application, facts *applicationFacts) error {
	var groups struct {
		Entities []struct {
			ID   uuid.UUID `json:"uuid"`
			Path string    `json:"path"`
		} `json:"entities"`
	}
	if err := v.some(&groups, strconv.Itoa(reviewedGroups), a.Organization, a.Name, "groups"); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(groups.Entities))
	for i := range groups.Entities {
		ids[i] = groups.Entities[i].ID
	}
	rules, err := v.Store.RulesOf(v.ctx(), a.ID, models.HolderGroup, ids)
	for _, g := range groups.Entities {
		if rules[g.ID] != nil {
			facts.GroupRules = append(facts.GroupRules, ruleFacts{g.Path, a.at("groups", g.ID.String()), rules[g.ID]})
		}
	}
	return err
}

// reviewedGroups bounds the groups that a review looks at.
const reviewedGroups = 100
