package portal

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// member is what the API tells about an admin.
type member struct {
	ID        uuid.UUID `json:"uuid"`
	Username  string    `json:"username"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	Activated bool      `json:"activated"`
	Confirmed bool      `json:"confirmed"`
	Disabled  bool      `json:"disabled"`

	// What the API does not tell.
	Invited bool   `json:"-"` // has no password yet
	Self    bool   `json:"-"`
	State   string `json:"-"` // the text about it
}

// membersPage lists the admins of an organization.
type membersPage struct {
	Organization string
	Members      []member
	First, Next  string // addresses of other parts of the list
	Mails        bool
	Who, Name    string // of the form, again

	// Made and Initial are a new admin and the password he must be told, where no mail can bring him a link. It is shown once.
	Made, Initial string
}

func (v *visit) members(o *organization) ([]member, error) {
	var answer struct {
		Data []member `json:"data"`
	}
	if err := v.get(&answer, "management", "organizations", o.Name, "users"); err != nil {
		return nil, err
	}
	rows, err := v.Store.MembersOf(v.ctx(), o.ID)
	if err != nil {
		return nil, err
	}
	withoutPassword := map[uuid.UUID]bool{}
	for i := range rows {
		withoutPassword[rows[i].ID] = rows[i].PasswordHash == ""
	}
	for i := range answer.Data {
		m := &answer.Data[i]
		m.Invited, m.Self = withoutPassword[m.ID], m.ID == v.caller.Admin.ID
		m.State = v.inWords(m)
	}
	return answer.Data, nil
}

func (m *member) state() string {
	switch {
	case m.Disabled:
		return "disabled"
	case m.Invited:
		return "invited"
	case !m.Confirmed:
		return "unconfirmed"
	case !m.Activated:
		return "waiting"
	}
	return "active"
}

// inWords is the state of an account as it is shown: somebody who has not answered an invitation may wait for approval, too.
func (v *visit) inWords(m *member) string {
	words := v.texts.say("member." + m.state())
	if m.Waiting() && m.state() != "waiting" {
		words = v.texts.say("member.both", words, v.texts.say("member.waiting"))
	}
	return words
}

// showMembers is GET /portal/organizations/{org}/administrators.
func (v *visit) showMembers() error { return v.showMembersForm(http.StatusOK, "", membersPage{}) }

func (v *visit) showMembersForm(status int, complaint string, body membersPage) error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	body.Organization, body.Mails = o.Name, v.SendsMail
	all, err := v.members(o)
	if err != nil {
		return err
	}
	body.Members, body.First, body.Next = windowOf(v, all, address("organizations", o.Name, "administrators"))
	return v.showIn(o, "administrators", status, "members", page{Title: v.texts.say("tab.administrators"), Problem: complaint, Body: body})
}

// addMember is POST /portal/organizations/{org}/administrators/add: by e-mail address, which also invites somebody new, or by username.
func (v *visit) addMember() error {
	org, who, name := v.param("org"), strings.TrimSpace(v.field("who")), v.field("name")
	body := membersPage{Who: who, Name: name}
	c := call{method: http.MethodPut, path: []string{"management", "organizations", org, "users", who}}
	input := map[string]string{"email": who, "name": name}
	if models.IsEmail(who) {
		c.method, c.path, c.body = http.MethodPost, []string{"management", "organizations", org, "users"}, input
		if err := v.initialPassword(&body); err != nil {
			return err
		}
		if body.Initial != "" {
			input["password"] = body.Initial
		}
	}
	err := v.do(c, nil)
	if isUnknown(err) && c.method == http.MethodPut {
		if _, err := v.organization(); err != nil {
			return err
		}
		return v.showMembersForm(http.StatusBadRequest, v.texts.say("error.nosuchadmin", who), body)
	}
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		body.Made, body.Initial = "", ""
		return v.showMembersForm(status, text, body)
	}
	if body.Initial != "" {
		body.Who, body.Name = "", ""
		return v.showMembersForm(http.StatusOK, "", body)
	}
	return v.done(address("organizations", org, "administrators"), "notice.member")
}

// initialPassword makes one for somebody who is not known yet and whom no mail reaches.
func (v *visit) initialPassword(body *membersPage) error {
	if v.SendsMail {
		return nil
	}
	if _, err := v.organization(); err != nil { // who has no rights there learns nothing
		return err
	}
	_, err := v.Store.Admin(v.ctx(), body.Who)
	if errors.Is(err, models.ErrNotFound) {
		body.Made, body.Initial = body.Who, rand.Text()
		return nil
	}
	return err
}

// inviteMember is POST /portal/organizations/{org}/administrators/invite: the mail with the link is sent once more.
func (v *visit) inviteMember() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	members, err := v.members(o)
	if err != nil {
		return err
	}
	for i := range members {
		if members[i].Invited && members[i].ID.String() == v.field("admin") {
			err := v.do(call{
				method: http.MethodPost, path: []string{"management", "users", "resetpw"}, body: map[string]string{"email": members[i].Email},
			}, nil)
			if err != nil {
				return err
			}
			return v.done(address("organizations", o.Name, "administrators"), "notice.invited")
		}
	}
	return errNotFound
}

// removeMemberPage asks for the username of who is about to lose everything here.
type removeMemberPage struct {
	Organization string
	Member       member
}

// askRemoveMember is GET /portal/organizations/{org}/administrators/{admin}/remove.
func (v *visit) askRemoveMember() error { return v.showRemoveMember(http.StatusOK, "") }

func (v *visit) showRemoveMember(status int, complaint string) error {
	o, m, err := v.memberOfPath()
	if err != nil {
		return err
	}
	return v.showIn(o, "administrators", status, "removemember", page{
		Title: v.texts.say("removemember.title", m.Username), Problem: complaint, Body: removeMemberPage{o.Name, *m},
	})
}

func (v *visit) memberOfPath() (*organization, *member, error) {
	o, err := v.organization()
	if err != nil {
		return nil, nil, err
	}
	members, err := v.members(o)
	if err != nil {
		return nil, nil, err
	}
	for i := range members {
		if members[i].ID.String() == v.param("admin") {
			return o, &members[i], nil
		}
	}
	return nil, nil, errNotFound
}

// removeMember is POST of the same.
func (v *visit) removeMember() error {
	o, m, err := v.memberOfPath()
	if err != nil {
		return err
	}
	if v.field("name") != m.Username {
		return v.showRemoveMember(http.StatusBadRequest, v.texts.say("error.name", m.Username))
	}
	err = v.do(call{method: http.MethodDelete, path: []string{"management", "organizations", o.Name, "users", m.ID.String()}}, nil)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showRemoveMember(status, text)
	}
	if m.Self {
		return v.done(root, "notice.left")
	}
	return v.done(address("organizations", o.Name, "administrators"), "notice.memberremoved")
}
