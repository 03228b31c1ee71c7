package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// tokenOwner says whose tokens without an end a page is about, and where the API has them.
type tokenOwner struct {
	name string   // what must be typed before all of them end
	path []string // of the API
	page string   // address of ours
	kind string   // of the texts: application, organization, account
	show func(status int, template string, p page) error
	who  map[uuid.UUID]string // names of those who may have issued them
	// user gives the name of a user of the application; nil if there are none.
	user func(id uuid.UUID) string
	// has tells whether a token is in the list.
	has func(row *models.RegisteredToken) bool
}

// registered is a token without an end as the API tells it.
type registered struct {
	JTI         string    `json:"jti"`
	Subject     uuid.UUID `json:"subject"`
	Level       string    `json:"level"`
	Application string    `json:"application"`
	Label       string    `json:"label"`
	Issued      int64     `json:"issued"`
	IssuedBy    uuid.UUID `json:"issuedBy"`
	IssuedFrom  string    `json:"issuedFrom"`
	Revoked     *int64    `json:"revoked"`

	// In the words of the page.
	For, By, Age string
	Ended        int64
}

// Named is what a token is called, and what must be typed before it ends.
func (r *registered) Named() string {
	if label := strings.TrimSpace(r.Label); label != "" {
		return label
	}
	return r.JTI[:min(len(r.JTI), shortID)]
}

// shortID is how much of an identifier is enough to tell two apart.
const shortID = 8

// tokenListPage is a list of tokens without an end.
type tokenListPage struct {
	Kind, Name, Page string
	Tokens           []registered
	Live             bool   // there is one to revoke on this page
	First, Next      string // addresses of other pages
	Allowed          bool   // the server issues such tokens
}

// revokeTokensPage asks before one token ends, or all.
type revokeTokensPage struct {
	Kind, Name   string
	One          *registered // nil: all
	Action, Back string
}

func (v *visit) tokensOfOrganization() (tokenOwner, error) {
	o, err := v.organization()
	if err != nil {
		return tokenOwner{}, err
	}
	owner := tokenOwner{
		name: o.Name, kind: "organization", page: address("organizations", o.Name, "tokens"),
		path: []string{"management", "organizations", o.Name, "tokens"},
		has:  func(row *models.RegisteredToken) bool { return row.Subject == o.ID },
		show: func(status int, template string, p page) error { return v.showIn(o, "tokens", status, template, p) },
	}
	owner.who, err = v.issuers(o)
	return owner, err
}

func (v *visit) tokensOfApplication() (tokenOwner, error) {
	a, err := v.application()
	if err != nil {
		return tokenOwner{}, err
	}
	o, err := v.organization()
	if err != nil {
		return tokenOwner{}, err
	}
	owner := tokenOwner{
		name: a.Name, kind: "application", page: a.at("tokens"), path: []string{a.Organization, a.Name, "tokens"},
		has:  func(row *models.RegisteredToken) bool { return row.ApplicationID != nil && *row.ApplicationID == a.ID },
		show: func(status int, template string, p page) error { return v.showOf(a, "tokens", status, template, p) },
		user: func(id uuid.UUID) string { return v.userName(a, id) },
	}
	owner.who, err = v.issuers(o)
	owner.who[a.ID] = v.texts.say("tokens.client.application")
	return owner, err
}

func (v *visit) tokensOfAccount() (tokenOwner, error) {
	admin := v.caller.Admin
	return tokenOwner{
		name: admin.Username, kind: "account", page: address("account", "tokens"), path: []string{"management", "users", "me", "tokens"},
		who: map[uuid.UUID]string{admin.ID: admin.Username},
		has: func(row *models.RegisteredToken) bool { return row.Subject == admin.ID },
		show: func(status int, template string, p page) error {
			p.Crumbs = append(p.Crumbs, link{Text: v.texts.say("account.title"), Address: address("account")})
			return v.show(status, template, p)
		},
	}, nil
}

// tokensOfAdmin are those of any administrator, for the superuser.
func (v *visit) tokensOfAdmin() (tokenOwner, error) {
	m, err := v.adminOfPath()
	if err != nil {
		return tokenOwner{}, err
	}
	return tokenOwner{
		name: m.Username, kind: "admin", page: m.page() + "/tokens", path: []string{"management", "users", m.ID.String(), "tokens"},
		who: map[uuid.UUID]string{m.ID: m.Username},
		has: func(row *models.RegisteredToken) bool { return row.Subject == m.ID },
		show: func(status int, template string, p page) error {
			p.Crumbs = append([]link{
				{Text: v.texts.say("tab.administrators"), Address: address("administrators")}, {Text: m.Username, Address: m.page()},
			}, p.Crumbs...)
			return v.showServer("administrators", status, template, p)
		},
	}, nil
}

// issuers are the organization's client and its administrators by name.
func (v *visit) issuers(o *organization) (map[uuid.UUID]string, error) {
	who := map[uuid.UUID]string{o.ID: v.texts.say("tokens.client.organization")}
	members, err := v.Store.MembersOf(v.ctx(), o.ID)
	for i := range members {
		who[members[i].ID] = members[i].Username
	}
	return who, err
}

// userName asks for the name of a user. Somebody who is gone has none.
func (v *visit) userName(a *application, id uuid.UUID) string {
	var answer struct {
		Entities []struct {
			Username string `json:"username"`
		} `json:"entities"`
	}
	if err := v.get(&answer, a.Organization, a.Name, "users", id.String()); err != nil || len(answer.Entities) != 1 {
		return ""
	}
	return answer.Entities[0].Username
}

// describeToken puts a token into words.
func (v *visit) describeToken(owner *tokenOwner, t *registered) {
	name := func(id uuid.UUID) string {
		known := owner.who[id]
		if known == "" && owner.user != nil && id == t.Subject && t.Level == "application_user" {
			known = owner.user(id)
		}
		if known == "" {
			known = id.String()
		}
		owner.who[id] = known // one question for each
		return known
	}
	t.For, t.By, t.Age = name(t.Subject), name(t.IssuedBy), v.texts.ago(t.Issued, v.started.UnixMilli())
	if t.Revoked != nil {
		t.Ended = *t.Revoked
	}
}

// tokensPerPage bounds the list and the questions about names.
const tokensPerPage = 25

func (v *visit) listTokens(owner *tokenOwner) error {
	body := tokenListPage{Kind: owner.kind, Name: owner.name, Page: owner.page, Allowed: v.NonExpiring}
	query := filled("limit", strconv.Itoa(tokensPerPage), "cursor", v.query("cursor"))
	var answer struct {
		Data   []registered `json:"data"`
		Cursor string       `json:"cursor"`
	}
	if err := v.do(call{method: http.MethodGet, path: owner.path, query: query}, &answer); err != nil {
		return err
	}
	body.Tokens = answer.Data
	for i := range body.Tokens {
		v.describeToken(owner, &body.Tokens[i])
		body.Live = body.Live || body.Tokens[i].Revoked == nil
	}
	body.First, body.Next = v.cursorPages(owner.page, nil, answer.Cursor)
	return owner.show(http.StatusOK, "tokens", page{Title: v.texts.say("tab.tokens"), Body: body})
}

// token finds the one in the path.
func (v *visit) token(owner *tokenOwner) (*registered, error) {
	row, err := v.Store.RegisteredToken(v.ctx(), strings.ToLower(v.param("jti")))
	if err != nil {
		return nil, err
	}
	if !owner.has(&row) {
		return nil, errNotFound // somebody else's looks like none
	}
	one := &registered{
		JTI: row.JTI, Subject: row.Subject, Level: row.Level, Application: row.Application, Label: row.Label, Issued: row.Issued,
		IssuedBy: row.IssuedBy, IssuedFrom: row.IssuedFrom, Revoked: row.Revoked,
	}
	v.describeToken(owner, one)
	return one, nil
}

// askRevoke shows what ends, one token or all, and has the name typed.
func (v *visit) askRevoke(owner *tokenOwner, one *registered, status int, complaint string) error {
	body := revokeTokensPage{Kind: owner.kind, Name: owner.name, Back: owner.page, One: one, Action: owner.page + "/all/revoke"}
	title := v.texts.say("revoketokens.title", owner.name)
	if one != nil {
		body.Name, body.Action = one.Named(), owner.page+"/"+one.JTI+"/revoke"
		title = v.texts.say("revoketokens.onetitle", one.Named())
	}
	return owner.show(status, "revoketokens", page{Title: title, Problem: complaint, Body: body})
}

func (v *visit) askRevokeOne(owner *tokenOwner) error {
	one, err := v.token(owner)
	if err != nil {
		return err
	}
	return v.askRevoke(owner, one, http.StatusOK, "")
}

func (v *visit) askRevokeAll(owner *tokenOwner) error {
	return v.askRevoke(owner, nil, http.StatusOK, "")
}

func (v *visit) revokeOne(owner *tokenOwner) error {
	one, err := v.token(owner)
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.field("name")) != one.Named() {
		return v.askRevoke(owner, one, http.StatusBadRequest, v.texts.say("error.name", one.Named()))
	}
	if err := v.do(call{method: http.MethodDelete, path: append(slices.Clone(owner.path), one.JTI)}, nil); err != nil {
		return err
	}
	return v.done(owner.page, "notice.tokenrevoked")
}

func (v *visit) revokeAll(owner *tokenOwner) error {
	if strings.TrimSpace(v.field("name")) != owner.name {
		return v.askRevoke(owner, nil, http.StatusBadRequest, v.texts.say("error.name", owner.name))
	}
	if err := v.do(call{method: http.MethodDelete, path: owner.path}, nil); err != nil {
		return err
	}
	return v.done(owner.page, "notice.alltokensrevoked")
}
