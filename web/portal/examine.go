package portal

import (
	"errors"
	"net/http"
	"slices"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// examinePage shows what a token is worth. The token itself is never in it: nothing keeps what was pasted.
type examinePage struct {
	Done     bool
	Found    *grants.Examination
	Verdicts []verdict
	Facts    []fact
}

// verdict is what becomes of the token at one kind of reader.
type verdict struct {
	Where    string
	Accepted bool
	Reasons  []string
	Note     string
}

// fact is something about a token in the words of the page; At is a time, 0: none.
type fact struct {
	Name, Text string
	At         int64
}

// showExamination is GET /portal/token.
func (v *visit) showExamination() error { return v.showExaminationOf(http.StatusOK, "", examinePage{}) }

func (v *visit) showExaminationOf(status int, complaint string, body examinePage) error {
	return v.show(status, "examine", page{Title: v.texts.say("examine.title"), Problem: complaint, Body: body})
}

// examine is POST /portal/token/examine. The token travels in a form, so that no address, log or history has it.
func (v *visit) examine() error {
	found, err := v.Auth.Examine(v.ctx(), v.caller, v.field("token"))
	if invalid, is := errors.AsType[*models.Invalid](err); is {
		return v.showExaminationOf(http.StatusBadRequest, v.texts.say("examine.garbage", invalid.Error()), examinePage{})
	}
	if err != nil {
		return err
	}
	return v.showExaminationOf(http.StatusOK, "", examinePage{
		Done: true, Found: found, Verdicts: v.verdicts(found), Facts: v.factsOf(found),
	})
}

// verdicts tells where the token is refused, and why.
func (v *visit) verdicts(e *grants.Examination) []verdict {
	own, all := []string{}, []string{}
	for _, reason := range e.Reasons {
		text := v.texts.say("reason." + string(reason))
		all = append(all, text)
		if !reason.Live() {
			own = append(own, text)
		}
	}
	note := ""
	if !e.Examined && !e.Refused(false) {
		note = v.texts.say("examine.notlooked")
	}
	list := []verdict{
		{v.texts.say("examine.writ"), !e.Refused(false), all, note},
		{v.texts.say("examine.feed"), !e.Refused(false), all, note},
		{v.texts.say("examine.offline"), !e.Refused(true), own, ""},
	}
	if e.Refused(false) && !e.Refused(true) {
		list[2].Note = v.texts.say("examine.untilexpiry")
		if e.Claims != nil && e.Claims.NonExpiring() {
			list[2].Note = v.texts.say("examine.forever")
		}
	}
	if e.Key != nil && e.Key.State != models.KeySigning && slices.Contains(e.Reasons, grants.ReasonKey) {
		list[2].Note = v.texts.say("examine.cachedkey")
	}
	if e.Claims != nil && e.Claims.NonExpiring() && e.Signed && !e.Refused(true) {
		for i := range list[1:] {
			list[i+1].Note += " " + v.texts.say("examine.nonexpiring")
		}
	}
	return list
}

// factsOf is what the page says beside the verdict.
func (v *visit) factsOf(e *grants.Examination) []fact {
	say := v.texts.say
	signature := "examine.signature.bad"
	switch {
	case e.Signed:
		signature = "examine.signature.good"
	case slices.Contains(e.Reasons, grants.ReasonKey), slices.Contains(e.Reasons, grants.ReasonForm):
		signature = "examine.signature.unchecked"
	}
	facts := []fact{{say("examine.signature"), say(signature), 0}, {say("examine.key"), v.keyFact(e), 0}}
	set := e.Claims
	if set == nil {
		return facts
	}
	switch {
	case set.Expires == nil || set.NonExpiring():
		facts = append(facts, fact{say("examine.expires"), say("examine.never"), 0})
	default:
		facts = append(facts, fact{say("examine.expires"), "", *set.Expires * second})
	}
	facts = append(facts,
		fact{say("examine.issued"), "", set.IssuedAt * second},
		fact{say("examine.level"), say("level." + string(set.Level)), 0},
	)
	if set.Username != "" {
		facts = append(facts, fact{say("examine.username"), set.Username, 0})
	}
	state := "examine.state.hidden"
	switch {
	case !e.Signed:
		state = "examine.state.notours"
	case e.Examined && slices.ContainsFunc(e.Reasons, grants.Reason.Live):
		state = "examine.state.refused"
	case e.Examined:
		state = "examine.state.good"
	}
	facts = append(facts, fact{say("examine.state"), say(state), 0})
	if e.Registered != nil {
		if e.Registered.Label != "" {
			facts = append(facts, fact{say("tokens.label"), e.Registered.Label, 0})
		}
		facts = append(facts, fact{say("tokens.from"), e.Registered.IssuedFrom, 0})
	}
	return facts
}

// second in ms: times in tokens are seconds.
const second = 1000

func (v *visit) keyFact(e *grants.Examination) string {
	switch {
	case e.KeyID == "":
		return v.texts.say("examine.nokey")
	case e.Key == nil:
		return v.texts.say("examine.unknownkey", e.KeyID)
	}
	return v.texts.say("examine.keystate", e.KeyID, v.texts.say("keystate."+e.Key.State), v.texts.ago(e.Key.Changed.UnixMilli(), v.started.UnixMilli()))
}
