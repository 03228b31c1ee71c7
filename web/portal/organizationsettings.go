package portal

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/models"
)

// historyProperty is the property of an organization that Writ itself evaluates.
const historyProperty = "passwordHistorySize"

// organizationSettingsPage shows the properties, and the way to the end.
type organizationSettingsPage struct {
	Organization string
	History      string
	MaxHistory   int
	Properties   string // JSON of the others
}

// showOrganizationSettings is GET /portal/organizations/{org}/settings.
func (v *visit) showOrganizationSettings() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	return v.showOrganizationSettingsForm(o, http.StatusOK, "", organizationSettingsPage{
		History: strconv.Itoa(o.PasswordHistorySize), Properties: otherProperties(o.Properties),
	})
}

func (v *visit) showOrganizationSettingsForm(o *organization, status int, complaint string, body organizationSettingsPage) error {
	body.Organization, body.MaxHistory = o.Name, models.MaxPasswordHistory
	return v.showIn(o, "settings", status, "organizationsettings",
		page{Title: v.texts.say("tab.settings"), Problem: complaint, Body: body})
}

// otherProperties are the properties that the form has no field for, as JSON; none are "".
func otherProperties(properties map[string]any) string {
	others := maps.Clone(properties)
	delete(others, historyProperty)
	if len(others) == 0 {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // the page escapes it, once
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(others); err != nil {
		return "" // it was JSON a moment ago
	}
	return strings.TrimSpace(text.String())
}

// saveOrganizationSettings is POST /portal/organizations/{org}/settings/save.
func (v *visit) saveOrganizationSettings() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	entered := organizationSettingsPage{History: v.field("history"), Properties: v.field("properties")}
	properties := map[string]any{}
	if strings.TrimSpace(entered.Properties) != "" {
		decoder := json.NewDecoder(bytes.NewReader([]byte(entered.Properties)))
		decoder.UseNumber()
		if err := decoder.Decode(&properties); err != nil || properties == nil || decoder.More() {
			return v.showOrganizationSettingsForm(o, http.StatusBadRequest, v.texts.say("error.properties"), entered)
		}
	}
	delete(properties, historyProperty)
	if history := strings.TrimSpace(entered.History); history != "" && history != "0" {
		properties[historyProperty] = history
	}
	err = v.do(call{
		method: http.MethodPut, path: []string{"management", "organizations", o.Name}, body: map[string]any{"properties": properties},
	}, nil)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showOrganizationSettingsForm(o, status, text, entered)
	}
	return v.done(address("organizations", o.Name, "settings"), "notice.saved")
}

// deletePage asks for the name of what is about to go.
type deletePage struct {
	Name   string
	Kind   string // "organization" or "application": texts differ
	Action string
	Back   string
	Count  int // of applications
}

// askDeleteOrganization is GET /portal/organizations/{org}/settings/delete.
func (v *visit) askDeleteOrganization() error { return v.showDeleteOrganization(http.StatusOK, "") }

func (v *visit) showDeleteOrganization(status int, complaint string) error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	return v.showIn(o, "settings", status, "delete", page{
		Title: v.texts.say("delete.organization.title", o.Name), Problem: complaint,
		Body: deletePage{
			Name: o.Name, Kind: "organization", Action: address("organizations", o.Name, "settings", "delete"),
			Back: address("organizations", o.Name, "settings"), Count: len(o.Applications),
		},
	})
}

// deleteOrganization is POST of the same. The name that was typed is what the API compares with the path.
func (v *visit) deleteOrganization() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	if v.field("name") != o.Name {
		return v.showDeleteOrganization(http.StatusBadRequest, v.texts.say("error.name", o.Name))
	}
	err = v.do(call{
		method: http.MethodDelete, path: []string{"management", "organizations", o.Name},
		query: filled("confirm_organization_identifier", v.field("name")),
	}, nil)
	if err != nil {
		return err
	}
	return v.done(root, "notice.organizationdeleted")
}
