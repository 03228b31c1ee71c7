package portal

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// event is an entry of the audit trail as the API tells it.
type event struct {
	Seq          int64           `json:"seq"`
	At           int64           `json:"at"`
	Action       string          `json:"action"`
	Result       string          `json:"result"`
	Error        string          `json:"error"`
	Count        int64           `json:"count"`
	Actor        party           `json:"actor"`
	Target       party           `json:"target"`
	Organization *uuid.UUID      `json:"organization"`
	Application  *uuid.UUID      `json:"application"`
	Source       string          `json:"source"`
	Detail       json.RawMessage `json:"detail"`

	// In the words of the page.
	What, How, Where string
	Details          string
}

// party is who did something, or to whom it was done.
type party struct {
	Level string `json:"level"`
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Name  string `json:"name"`

	Shown string
}

// activityPage is the audit trail with its filters.
type activityPage struct {
	Action       string // address of the form
	Events       []event
	Kinds        []choice
	Results      []choice
	Applications []choice // of an organization; none for an application
	Who, Whom    string
	From, To     string // days
	Filtered     bool
	Newest       string // addresses of other pages
	Older        string
	Zone         string
	Application  string
	Typed        bool // there are too many applications to choose from: the name is typed

	Server bool   // the trail of the whole server
	Chain  *chain // of which, if it was asked for
}

// choice is an option of a list.
type choice struct {
	Value, Text string
	Chosen      bool
}

// activityKinds are the beginnings of actions that the page filters by; their texts are kind. and the beginning.
func activityKinds() []string {
	return []string{
		"login.", "admin.login", "client.secret.", "client.", "token", "member.", "application.", "organization.", "admin.",
		"user.", "role.", "group.", "permission.",
	}
}

// showOrganizationActivity is GET /portal/organizations/{org}/activity.
func (v *visit) showOrganizationActivity() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	names := map[uuid.UUID]string{}
	for full, id := range o.Applications {
		names[id] = behindSlash(full)
	}
	where := func(e *event) string {
		if e.Application == nil {
			return ""
		}
		return names[*e.Application]
	}
	body, complaint, status, err := v.activity(
		[]string{"organizations", o.Name}, address("organizations", o.Name, "activity"), v.query("application"), where)
	if err != nil {
		return err
	}
	if body.Application = v.query("application"); len(o.Applications) > maxShown {
		body.Typed, o.Applications = true, nil
	}
	for _, full := range slices.Sorted(maps.Keys(o.Applications)) {
		name := behindSlash(full)
		body.Applications = append(body.Applications, choice{name, name, name == v.query("application")})
	}
	return v.showIn(o, "activity", status, "activity", page{Title: v.texts.say("tab.activity"), Problem: complaint, Body: body})
}

// showApplicationActivity is GET …/applications/{app}/activity.
func (v *visit) showApplicationActivity() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	body, complaint, status, err := v.activity([]string{"organizations", a.Organization}, a.at("activity"), a.Name, func(*event) string { return "" })
	if err != nil {
		return err
	}
	return v.showOf(a, "activity", status, "activity", page{Title: v.texts.say("tab.activity"), Problem: complaint, Body: body})
}

// activity asks for one page of the trail of an organization, or without one of the server; where tells in which place something happened. A
// filter that is no filter is a complaint, and the page has no entries.
func (v *visit) activity(
	of []string, at, application string, where func(*event) string,
) (body activityPage, complaint string, status int, err error) {
	body = activityPage{
		Action: at, Who: v.query("who"), Whom: v.query("whom"), From: v.query("from"), To: v.query("to"), Zone: "UTC",
	}
	kind, result := v.query("kind"), v.query("result")
	kinds := activityKinds()
	if of == nil {
		kinds = append(kinds, "key.") // which belong to no organization
	}
	for _, k := range kinds {
		body.Kinds = append(body.Kinds, choice{k, v.texts.say("kind." + strings.TrimSuffix(k, ".")), k == kind})
	}
	for _, r := range []string{"ok", "refused", "failed"} {
		body.Results = append(body.Results, choice{r, v.texts.say("result." + r), r == result})
	}
	query := filled("actor", body.Who, "target", body.Whom, "action", kind, "result", result, "application", application,
		"from", dayStart(body.From, 0), "to", dayStart(body.To, 1), "limit", strconv.Itoa(perPage))
	shown := filled("who", body.Who, "whom", body.Whom, "kind", kind, "result", result, "from", body.From, "to", body.To,
		"application", v.query("application"))
	body.Filtered = len(shown) > 0
	if cursor := v.query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var answer struct {
		Data   []event `json:"data"`
		Cursor string  `json:"cursor"`
	}
	err = v.do(call{method: http.MethodGet, path: slices.Concat([]string{"management"}, of, []string{"audit"}), query: query}, &answer)
	body.Newest, body.Older = v.cursorPages(at, shown, answer.Cursor)
	if err != nil {
		complaint, status, err = v.complaint(err)
		return body, complaint, status, err
	}
	body.Events = answer.Data
	for i := range body.Events {
		v.describe(&body.Events[i], where)
	}
	return body, "", http.StatusOK, nil
}

// dayStart is the beginning (ms, UTC) of a day, or of one so many days later, as the API reads it; what is no day is passed on to be complained about.
func dayStart(day string, later int) string {
	if day == "" {
		return ""
	}
	at, err := time.Parse(time.DateOnly, day)
	if err != nil || at.Year() < 1970 {
		return day
	}
	return strconv.FormatInt(at.AddDate(0, 0, later).UnixMilli(), 10)
}

// describe puts an entry into words. What it has names for is shown by name, everything else as it is.
func (v *visit) describe(e *event, where func(*event) string) {
	e.What = e.Action
	if v.texts.has("action." + e.Action) {
		e.What = v.texts.say("action." + e.Action)
	}
	if e.Result != "ok" {
		e.How = v.texts.say("result." + e.Result)
	}
	e.Where = where(e)
	e.Actor.Shown = firstOf(e.Actor.Name, e.Actor.ID, v.texts.say("actor."+firstOf(e.Actor.Level, "guest")))
	e.Target.Shown = firstOf(e.Target.Name, e.Target.ID)
	var indented bytes.Buffer
	if len(e.Detail) > 0 && json.Indent(&indented, e.Detail, "", "  ") == nil {
		e.Details = indented.String()
	}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
