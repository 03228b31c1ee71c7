package portal

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// property is a custom property of a user.
type property struct {
	Name  string
	Value string // as it is edited: text as it is, everything else as JSON
	Rows  int    // of the field
	ID    int    // tells the fields of a page apart
}

// membersOfUsers are the members of a user that are no custom properties.
const membersOfUsers = "uuid type created modified metadata username email name password pin oldpassword newpassword credentials activated confirmed" +
	" disabled deactivated access_token client_id client_secret"

func isMemberOfUsers(name string) bool {
	return slices.Contains(strings.Fields(membersOfUsers), strings.ToLower(name))
}

// UnmarshalJSON reads the entity of the wire, in which custom properties stand among the other members.
func (u *user) UnmarshalJSON(text []byte) error {
	type plain user
	if err := json.Unmarshal(text, (*plain)(u)); err != nil {
		return err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	u.Properties = nil
	for i, name := range slices.Sorted(maps.Keys(members)) {
		value := editable(members[name])
		// The default picture follows from the address and is no property.
		if isMemberOfUsers(name) || name == "picture" && strings.HasPrefix(value, "https://www.gravatar.com/avatar/") {
			continue
		}
		u.Properties = append(u.Properties, property{Name: name, Value: value, Rows: min(12, 1+strings.Count(value, "\n")), ID: i})
	}
	return nil
}

// editable is a value as somebody edits it. Text that would be read as something else keeps its quotes.
func editable(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && !json.Valid([]byte(text)) && strings.TrimSpace(text) == text {
		return text
	}
	var indented bytes.Buffer
	if json.Indent(&indented, value, "", "  ") != nil {
		return string(value)
	}
	return indented.String()
}

// edited is the value that somebody has entered: JSON if it is JSON, else a text. The API complains of JSON that is ambiguous.
func edited(value string) (json.RawMessage, error) {
	value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n"))
	if json.Valid([]byte(value)) {
		return json.RawMessage(value), nil
	}
	return json.Marshal(value)
}

// enteredProperty is the property of a form; false if its name is one that cannot be.
func (v *visit) enteredProperty() (name string, value json.RawMessage, may bool, err error) {
	name = strings.TrimSpace(v.field("property"))
	if name == "" || isMemberOfUsers(name) {
		return name, nil, false, nil
	}
	if v.field("remove") == "yes" {
		return name, json.RawMessage("null"), true, nil
	}
	value, err = edited(v.field("value"))
	return name, value, true, err
}

// saveUserProperty is POST …/properties: sets one, or removes it.
func (v *visit) saveUserProperty() error {
	name, value, may, err := v.enteredProperty()
	if err != nil {
		return err
	}
	if !may {
		a, u, err := v.userOfPath()
		if err != nil {
			return err
		}
		return v.showUserForm(a, u, http.StatusBadRequest, v.texts.say("property.illegal", name), userPage{
			Username: u.Username, Name: u.Name, Email: u.Email, NewValue: v.field("value"),
		})
	}
	return v.change("notice.property", func(a *application, u *user) call {
		return call{method: http.MethodPut, path: u.of(a), body: map[string]json.RawMessage{name: value}}
	})
}
