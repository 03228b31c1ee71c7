package server

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// envelope is a successful answer of a resource (§1.4); zero members are left out.
type envelope struct {
	Action      string
	OK          bool  // "+ok": adds status
	Entities    []any // nil: none; an empty list is shown
	Data        any
	Credentials *credentials
	List        bool // adds count, the number of entities or data in this page
	Cursor      string
	Extra       map[string]any // further members, "organization" or "organizations" for example
}

// credentials are shown by the calls of §7.3 and when something new is created.
type credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"` // absent if it was not kept

	// The next two are there while a former secret is still valid beside the present one.
	Created  int64           `json:"created,omitempty"`
	Previous *previousSecret `json:"previous,omitempty"`
}

// previousSecret is a former secret that stays valid until Expires (ms).
type previousSecret struct {
	ClientSecret string `json:"client_secret,omitempty"`
	Created      int64  `json:"created"`
	Expires      int64  `json:"expires"`
}

// ok answers 200 with an envelope.
func (r *request) ok(e envelope) error {
	now := r.server.Now()
	body := map[string]any{
		"timestamp": r.started.UnixMilli(),
		"duration":  now.Sub(r.started).Milliseconds(),
	}
	if e.Action != "" {
		body["action"] = e.Action
	}
	if e.OK {
		body["status"] = "ok"
	}
	if e.Entities != nil {
		body["entities"] = e.Entities
	}
	if e.Data != nil {
		body["data"] = e.Data
	}
	if e.Credentials != nil {
		body["credentials"] = e.Credentials
	}
	if e.List {
		body["count"] = e.count()
		if e.Cursor != "" {
			body["cursor"] = e.Cursor
		}
	}
	if r.tenant != nil {
		r.describe(body)
	}
	maps.Copy(body, e.Extra)
	r.answered = e
	r.answer(http.StatusOK, body)
	return nil
}

func (e *envelope) count() int {
	if data, is := e.Data.([]any); is {
		return len(data)
	}
	return len(e.Entities)
}

// entity answers with one entity.
func (r *request) entity(action string, entity any) error {
	return r.ok(envelope{Action: action, Entities: []any{entity}})
}

// list answers with a page of entities; cursor leads to the next, empty on the last.
func (r *request) list(entities []any, cursor string) error {
	if entities == nil {
		entities = []any{}
	}
	return r.ok(envelope{Action: "get", Entities: entities, List: true, Cursor: cursor})
}

// describe adds what every answer below an application's root says about the application and the path.
func (r *request) describe(body map[string]any) {
	path := r.collectionPath()
	body["application"] = r.tenant.Application.ID
	body["applicationName"] = r.tenant.Application.Name
	body["organization"] = r.tenant.Organization.Name
	body["params"] = r.shownParams()
	body["path"] = path
	body["uri"] = r.tenant.Issuer + (&url.URL{Path: strings.TrimSuffix(path, "/")}).EscapedPath()
}

// collectionPath is the path of the collection (§1.4): /users also for /users/dana.
func (r *request) collectionPath() string {
	kept := len(r.segments)
	if kept > 0 && kept%2 == 0 {
		kept-- // the last segment names one of the collection
	}
	return "/" + strings.Join(r.segments[:kept], "/")
}

// shownParams is the query without anything that authenticates.
func (r *request) shownParams() map[string][]string {
	shown := map[string][]string{}
	for _, p := range r.in.query {
		if !isCredential(p.name) && !isSecret(p.name) {
			shown[p.name] = append(shown[p.name], p.value)
		}
	}
	return shown
}

// isSecret tells whether a parameter must not be repeated in an answer.
func isSecret(name string) bool {
	switch name {
	case "token", "password", "pin", "refresh_token", "oldpassword", "newpassword", "password1", "password2":
		return true
	}
	return false
}

// action is the usual action of an answer: the method.
func (r *request) action() string { return strings.ToLower(r.method()) }
