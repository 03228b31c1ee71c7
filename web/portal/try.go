package portal

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// tryBox is the live test: a request and somebody, and whether he may. It is part of pages, and its address says everything about it, so it can be
// sent to a colleague.
type tryBox struct {
	Action          string // address of the form
	Method, Path    string
	As, Who         string
	Methods, Askers []choice
	Answer          *tryAnswer
	Complaint       string
}

// tryAnswer is what the engine says.
type tryAnswer struct {
	Allowed bool
	Text    string // the reason, in a sentence
	Status  int
	Sources []trySource
}

// trySource is where rules come from that were looked at.
type trySource struct {
	Text, Address string
	By            []ruleView // those that permit the request
	Count         int        // of its rules
	Rules         string     // how many, in words
}

// tryPart asks for a part of a page alone: what the script puts in while somebody types.
const tryPart = "part"

// The parts.
const (
	partAnswer = "answer"
	partRule   = "rule"
)

// mayPage is the page of the live test. Rule is one that somebody wants explained.
type mayPage struct {
	Page string // address
	Try  tryBox
	Rule string
	Says *ruleView
}

// showMay is GET …/may.
func (v *visit) showMay() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	switch v.query(tryPart) {
	case partAnswer:
		return v.answerTry(a)
	case partRule:
		rule := v.explainRule(v.query("rule"))
		return v.showPart(partRule, &rule)
	}
	body := mayPage{Page: a.at("may"), Rule: v.query("rule")}
	if body.Try, err = v.try(a, body.Page, grants.AsGuest, ""); err != nil {
		return err
	}
	if body.Rule != "" {
		says := v.explainRule(body.Rule)
		body.Says = &says
	}
	return v.showOf(a, "may", http.StatusOK, "may", page{Title: v.texts.say("may.title"), Body: body})
}

// answerTry is the answer of the live test without the page around it.
func (v *visit) answerTry(a *application) error {
	box, err := v.try(a, "", grants.AsGuest, "")
	if err != nil {
		return err
	}
	return v.showPart(partAnswer, &box)
}

// showPart renders a block of the frame alone.
func (v *visit) showPart(name string, body any) error {
	var out bytes.Buffer
	if err := v.pages.ExecuteTemplate(&out, "part-"+name, body); err != nil {
		return err
	}
	v.write(http.StatusOK, "text/html; charset=utf-8", out.Bytes())
	return nil
}

// try reads the form of the live test, which is part of an address, and answers it if it is filled in. as and who are those of an empty one.
func (v *visit) try(a *application, action string, as grants.Asker, who string) (tryBox, error) {
	box := tryBox{Action: action, Method: firstOf(v.query("method"), "GET"), Path: v.query("path"), As: string(as), Who: who}
	if v.query("as") != "" {
		box.As, box.Who = v.query("as"), v.query("who")
	}
	for _, method := range append(ruleMethods[:], "PATCH") {
		box.Methods = append(box.Methods, choice{method, method, method == box.Method})
	}
	for _, asker := range []grants.Asker{grants.AsUser, grants.AsRole, grants.AsGroup, grants.AsGuest, grants.AsClient} {
		box.Askers = append(box.Askers, choice{string(asker), v.texts.say("try.as." + string(asker)), string(asker) == box.As})
	}
	if box.Path == "" {
		return box, nil
	}
	found, err := v.API.Explain(v.ctx(), v.caller, a.Organization, a.Name, grants.Asker(box.As), box.Who, box.Method, box.Path)
	var wrong *grants.Error
	switch {
	case errors.Is(err, models.ErrNotFound):
		box.Complaint = v.texts.say("try.nobody", box.Who)
		if box.Who == "" {
			box.Complaint = v.texts.say("try.who")
		}
		return box, nil
	case errors.As(err, &wrong) && wrong.Status == http.StatusBadRequest:
		box.Complaint = v.sentence(wrong.Code, wrong.Description)
		return box, nil
	case err != nil:
		return box, err
	}
	if found.Status == http.StatusBadRequest {
		box.Complaint = v.texts.say("try.nopath")
		return box, nil
	}
	box.Answer = v.answerOf(a, &box, found)
	return box, nil
}

func (v *visit) answerOf(a *application, box *tryBox, found *grants.Explanation) *tryAnswer {
	answer := &tryAnswer{Allowed: found.Allowed(), Status: found.Status}
	answer.Text = v.texts.say("try.why."+found.Reason, box.Method, firstOf(found.Detail, box.Path))
	for i := range found.Sources {
		source := &found.Sources[i]
		shown := trySource{Text: v.texts.say("try.source."+string(source.Kind), source.Name), Count: len(source.Rules)}
		switch {
		case source.Kind == models.HolderRole && source.ID == uuid.Nil, source.Kind == grants.HolderSelf:
		default:
			shown.Address = a.at(string(source.Kind)+"s", source.ID.String())
		}
		switch {
		case source.Through != "":
			shown.Text = v.texts.say("try.through", shown.Text, source.Through)
		case source.Kind == models.HolderRole && source.Name == defaultRole:
			shown.Text = v.texts.say("try.everybody", shown.Text)
		}
		for _, rule := range source.By {
			shown.By = append(shown.By, v.explainRule(rule))
		}
		shown.Rules = v.texts.say("try.rules", shown.Count)
		if shown.Count == 1 {
			shown.Rules = v.texts.say("try.onerule")
		}
		answer.Sources = append(answer.Sources, shown)
	}
	return answer
}

// tryAddress is a live test that is filled in.
func tryAddress(a *application, as grants.Asker, who string) string {
	return a.at("may") + asQuery(url.Values{"as": {string(as)}, "who": {who}})
}

// rulesOfUser is the holder of the rules of a single user.
func rulesOfUser(a *application, u *user) holderOfRules {
	return holderOfRules{"user", a.at("users", u.ID.String()), u.of(a)}
}

// changeUserRules is POST …/users/{user}/rules.
func (v *visit) changeUserRules() error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	return v.changeRules(rulesOfUser(a, u), func(status int, complaint string) error {
		return v.showUserForm(a, u, status, complaint, userPage{Username: u.Username, Name: u.Name, Email: u.Email})
	})
}
