package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/claims/permission"
)

// rulesBox is the list of rules of a role, a group or a user, and the form that adds one. It is part of their pages.
type rulesBox struct {
	Page, Look  string // addresses: of the page, and of what says what a rule means
	Token       string // of forms
	Kind        string // "role", "group" or "user": texts differ
	Rules       []ruleView
	Count       int
	First, Next string

	Entered string    // of the form, again
	Preview *ruleView // of what was entered
	Wrong   bool      // it is no rule
}

// holderOfRules is what rules can be attached to.
type holderOfRules struct {
	kind string
	page string   // address
	path []string // in the API
}

// rulesAt is the parameter of the page of a long list.
const rulesAt = "rules"

// rulesOf makes the box: long lists come in pieces.
func (v *visit) rulesOf(a *application, of holderOfRules) (rulesBox, error) {
	box := rulesBox{Page: of.page, Look: a.at("may"), Token: v.formToken(), Kind: of.kind}
	var answer struct {
		Data []string `json:"data"`
	}
	if err := v.get(&answer, append(of.path, "permissions")...); err != nil {
		return box, err
	}
	box.Count = len(answer.Data)
	from, err := strconv.Atoi(v.query(rulesAt))
	if err != nil || from < 0 || from >= len(answer.Data) {
		from = 0
	}
	to := min(from+perPage, len(answer.Data))
	for _, rule := range answer.Data[from:to] {
		box.Rules = append(box.Rules, v.explainRule(rule))
	}
	if from > 0 {
		box.First = of.page + "#rules"
	}
	if to < len(answer.Data) {
		box.Next = of.page + asQuery(url.Values{rulesAt: {strconv.Itoa(to)}}) + "#rules"
	}
	if v.route.method == http.MethodPost && strings.HasSuffix(v.route.path, "/rules") && v.field("do") != "remove" {
		box.Entered = v.field("rule")
		if box.Entered != "" {
			preview := v.explainRule(box.Entered)
			box.Preview, box.Wrong = &preview, preview.Illegal != ""
		}
	}
	return box, nil
}

// changeRules carries out the form of the box. again shows the page once more, with a complaint or a preview.
func (v *visit) changeRules(of holderOfRules, again func(status int, complaint string) error) error {
	rule, path := v.field("rule"), append(of.path, "permissions")
	if v.field("do") == "remove" {
		c := call{method: http.MethodDelete, path: path, query: url.Values{"permission": {rule}}}
		if err := v.do(c, nil); err != nil {
			return v.againWith(err, again)
		}
		return v.done(of.page, "notice.ruleremoved")
	}
	_, err := permission.Parse(rule)
	if wrong, is := errors.AsType[*permission.SyntaxError](err); is {
		return again(http.StatusBadRequest, v.texts.say("error.rule", wrong.Reason))
	}
	if v.field("do") == "look" {
		return again(http.StatusOK, "")
	}
	if err := v.do(call{method: http.MethodPost, path: path, body: map[string]string{"permission": rule}}, nil); err != nil {
		return v.againWith(err, again)
	}
	return v.done(of.page, "notice.ruleadded")
}

// againWith shows a page again with what the API has to complain about.
func (v *visit) againWith(err error, again func(status int, complaint string) error) error {
	text, status, other := v.complaint(err)
	if other != nil {
		return other
	}
	return again(status, text)
}

// tie carries out a call that ties two things together, or parts them, and leads back to the page. What is not there is a complaint: somebody has
// typed its name.
func (v *visit) tie(page, notice, unknown string, c call, again func(status int, complaint string) error) error {
	err := v.do(c, nil)
	if isUnknown(err) || errors.Is(err, errNotFound) {
		return again(http.StatusBadRequest, v.texts.say(unknown, v.field("name")))
	}
	if err != nil {
		return v.againWith(err, again)
	}
	return v.done(page, notice)
}

// named is what a list of the API tells about a user, a role or a group.
type named struct {
	ID       string `json:"uuid"`
	Name     string `json:"name"`
	Title    string `json:"title"`
	Path     string `json:"path"`
	Username string `json:"username"`

	Shown, Address string `json:"-"`
}

// listOf is a page of such a list, and where it goes on.
type listOf struct {
	Entities    []named `json:"entities"`
	Cursor      string  `json:"cursor"`
	First, Next string  `json:"-"`
}

// holders is a list of users, groups or roles with a button beside each that ends what ties them here.
type holders struct {
	List          listOf
	Action, Token string
	Button, Named string // names of texts
}

// related lists what hangs on a role or a group: kind is users, groups or roles, and also the parameter that leads through the list.
func (v *visit) related(a *application, page, kind string, path ...string) (listOf, error) {
	var list listOf
	err := v.do(call{
		method: http.MethodGet, path: append(append([]string{a.Organization, a.Name}, path...), kind),
		query: filled("cursor", v.query(kind), "limit", strconv.Itoa(perPage)),
	}, &list)
	for i := range list.Entities {
		e := &list.Entities[i]
		e.Shown, e.Address = firstOf(e.Username, e.Path, e.Name), a.at(kind, e.ID)
	}
	if v.query(kind) != "" {
		list.First = page + "#" + kind
	}
	if list.Cursor != "" {
		list.Next = page + asQuery(filled(kind, list.Cursor)) + "#" + kind
	}
	return list, err
}
