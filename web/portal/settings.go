package portal

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/models"
)

// lifetimeField is a duration in a form: a number and its unit.
type lifetimeField struct {
	Name   string // of the number; the unit's is the same and "_unit"
	Number string
	Unit   string
	Units  []choice
}

// Choices of a setting that may be left to the server.
const (
	byServer = "default"
	fixed    = "fixed"
	never    = "never"
	on       = "on"
	off      = "off"
)

// settingsPage is the form of an application's settings.
type settingsPage struct {
	Organization, Application string

	Lifetime       string // byServer, fixed or never
	LifetimeField  lifetimeField
	Default        string // the server's lifetime
	NonExpiring    bool   // the server allows tokens that never expire
	NonExpiringExp bool

	Refresh     bool
	RefreshLife lifetimeField
	RefreshIdle lifetimeField

	Passwords        string // byServer, on or off
	PasswordsDefault bool

	Permissions            bool
	Origins, Scopes        string // one in a line
	Confirmation, Approval bool
	Mails                  bool
}

// showSettings is GET …/settings.
func (v *visit) showSettings() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showSettingsForm(a, http.StatusOK, "", v.settingsOf(&a.Settings))
}

func (v *visit) showSettingsForm(a *application, status int, complaint string, body settingsPage) error {
	body.Organization, body.Application = a.Organization, a.Name
	body.Default, body.NonExpiring, body.PasswordsDefault, body.Mails = v.texts.span(v.TokenTTL), v.NonExpiring, !v.Strict, v.SendsMail
	for _, f := range []*lifetimeField{&body.LifetimeField, &body.RefreshLife, &body.RefreshIdle} {
		for _, u := range units {
			f.Units = append(f.Units, choice{u.name, v.texts.say("unit." + u.name + ".name"), u.name == f.Unit})
		}
	}
	return v.showOf(a, "settings", status, "settings", page{Title: v.texts.say("tab.settings"), Problem: complaint, Body: body})
}

// settingsOf fills the form with what is set.
func (v *visit) settingsOf(s *models.Settings) settingsPage {
	body := settingsPage{
		Lifetime: byServer, NonExpiringExp: s.NonExpiringExp, Refresh: s.RefreshTokens, Passwords: byServer, Permissions: s.PermissionClaims,
		Origins: strings.Join(s.AllowedOrigins, "\n"), Scopes: strings.Join(s.Scopes, "\n"),
		Confirmation: s.EmailConfirmation, Approval: s.AdminApproval,
		LifetimeField: entered("lifetime", s.AccessTokenTTL, "hour"),
		RefreshLife:   entered("refreshlife", s.RefreshTokenTTL, "day"),
		RefreshIdle:   entered("refreshidle", s.RefreshTokenIdleTTL, "day"),
	}
	switch {
	case s.AccessTokenTTL == nil:
	case *s.AccessTokenTTL == 0:
		body.Lifetime, body.LifetimeField.Number = never, ""
	default:
		body.Lifetime = fixed
	}
	if s.PasswordGrant != nil {
		body.Passwords = off
		if *s.PasswordGrant {
			body.Passwords = on
		}
	}
	return body
}

// entered is a field with a duration (ms) in it, or an empty one with a usual unit.
func entered(name string, ms *int64, usual string) lifetimeField {
	if ms == nil || *ms == 0 {
		return lifetimeField{Name: name, Unit: usual}
	}
	number, unit := inUnit(*ms)
	return lifetimeField{Name: name, Number: strconv.FormatInt(number, 10), Unit: unit}
}

// saveSettings is POST …/settings/save.
func (v *visit) saveSettings() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	body := v.readSettings()
	changes, complaint := v.changes(&body)
	if complaint != "" {
		return v.showSettingsForm(a, http.StatusBadRequest, complaint, body)
	}
	if err := v.do(call{method: http.MethodPut, path: []string{a.Organization, a.Name}, body: changes}, nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showSettingsForm(a, status, text, body)
	}
	return v.done(a.at("settings"), "notice.saved")
}

// readSettings takes what was entered, to be shown again if something is wrong with it.
func (v *visit) readSettings() settingsPage {
	duration := func(name string) lifetimeField {
		return lifetimeField{Name: name, Number: strings.TrimSpace(v.field(name)), Unit: v.field(name + "_unit")}
	}
	yes := func(name string) bool { return v.field(name) == "yes" }
	return settingsPage{
		Lifetime: v.field("kind"), LifetimeField: duration("lifetime"), NonExpiringExp: yes("exp"),
		Refresh: yes("refresh"), RefreshLife: duration("refreshlife"), RefreshIdle: duration("refreshidle"),
		Passwords: v.field("passwords"), Permissions: yes("permissions"), Origins: v.field("origins"), Scopes: v.field("scopes"),
		Confirmation: yes("confirmation"), Approval: yes("approval"),
	}
}

// changes are the members of the wire that the form stands for; null unsets.
func (v *visit) changes(body *settingsPage) (changes map[string]any, complaint string) {
	changes = map[string]any{
		"nonexpiringexp": body.NonExpiringExp, "refreshtokens": body.Refresh, "permissionclaims": body.Permissions,
		"allowedorigins": inLines(body.Origins), "scopes": inLines(body.Scopes),
		"registration_requires_email_confirmation": body.Confirmation, "registration_requires_admin_approval": body.Approval,
		"accesstokenttl": nil, "passwordgrant": nil,
	}
	switch body.Lifetime {
	case byServer:
	case never:
		changes["accesstokenttl"] = 0
	case fixed:
		ms := body.LifetimeField.millis()
		if ms == nil || *ms == 0 {
			return nil, v.texts.say("error.lifetime")
		}
		changes["accesstokenttl"] = *ms
	default:
		return nil, v.texts.say("error.choice")
	}
	switch body.Passwords {
	case byServer:
	case on, off:
		changes["passwordgrant"] = body.Passwords == on
	default:
		return nil, v.texts.say("error.choice")
	}
	for name, f := range map[string]lifetimeField{"refreshtokenttl": body.RefreshLife, "refreshtokenidlettl": body.RefreshIdle} {
		changes[name] = nil
		if f.Number == "" {
			continue
		}
		ms := f.millis()
		if ms == nil || *ms == 0 {
			return nil, v.texts.say("error.lifetime")
		}
		changes[name] = *ms
	}
	return changes, ""
}

// millis is what was entered, nil if that is no duration. What is too long stays too long, for the API to say so.
func (f *lifetimeField) millis() *int64 {
	number, err := strconv.ParseInt(f.Number, 10, 64)
	if err != nil || number < 0 {
		return nil
	}
	for _, u := range units {
		if u.name != f.Unit {
			continue
		}
		if number > models.MaxLifetime/u.size {
			number = models.MaxLifetime + 1
		} else {
			number *= u.size
		}
		return &number
	}
	return nil
}

// inLines are the entries of a field that has one in a line.
func inLines(text string) []string {
	lines := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
