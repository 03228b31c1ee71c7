package portal

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// passwordField is the field of the password that is asked for once more.
const passwordField = "confirm_password"

// confirmPage asks for the password, and carries along what was entered before.
type confirmPage struct {
	What   string // what is about to happen
	Action string
	Fields []field
	Back   string
}

// field is one of a form that is carried along.
type field struct{ Name, Value string }

// confirm sees to it that the password was given within the last minutes (SEC-72). If not, it shows a page that asks for it and then sends the
// same form again; done is false then.
func (v *visit) confirm() (done bool, err error) {
	given := v.field(passwordField)
	v.form.Del(passwordField)
	if given == "" {
		if v.proven() {
			return true, nil
		}
		return false, v.askPassword(http.StatusForbidden, "")
	}
	admin, err := v.Auth.ProveAgain(v.ctx(), v.caller.Admin, given, v.r.RemoteAddr)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return false, other
		}
		return false, v.askPassword(status, text)
	}
	return true, v.renew(admin)
}

func (v *visit) askPassword(status int, complaint string) error {
	body := confirmPage{What: v.texts.say(v.route.what), Action: v.r.URL.EscapedPath(), Back: v.pageAbove()}
	for name, values := range v.form {
		if name != formName {
			body.Fields = append(body.Fields, field{name, values[0]})
		}
	}
	slices.SortFunc(body.Fields, func(a, b field) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return v.show(status, "confirm", page{Title: v.texts.say("confirm.title"), Problem: complaint, Narrow: true, Body: body})
}

// pageAbove is the nearest page above the form: not every segment of an address has one.
func (v *visit) pageAbove() string {
	for at := path.Dir(v.r.URL.EscapedPath()); strings.HasPrefix(at, root+"/"); at = path.Dir(at) {
		address, err := url.Parse(at)
		if err != nil {
			break
		}
		if _, pattern := v.mux.Handler(&http.Request{Method: http.MethodGet, URL: address, Host: v.r.Host}); pattern != everythingElse {
			return at
		}
	}
	return root
}
