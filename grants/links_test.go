package grants

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

func TestLinksAreRandomAndKeptAsAHash(t *testing.T) { // SEC-32, SEC-56
	t.Parallel()
	f := newFixture(t)
	seen := map[string]bool{}
	for range 10 {
		token, err := f.NewUserLink(t.Context(), &f.dana, models.LinkReset)
		if err != nil || len(token) != 32 || seen[token] { // 24 bytes in base64
			t.Fatalf("%q, %v", token, err)
		}
		seen[token] = true
		row, err := f.store.Link(t.Context(), linkHash(token))
		if err != nil || bytes.Contains(row.Hash, []byte(token)) || len(row.Hash) != 32 || row.OwnerID != f.dana.ID ||
			row.Expires-row.Created != time.Hour.Milliseconds() {
			t.Errorf("%+v, %v", row, err)
		}
	}
	for purpose, want := range map[models.LinkPurpose]time.Duration{
		models.LinkReset: time.Hour, models.LinkActivate: 7 * 24 * time.Hour, models.LinkConfirm: 7 * 24 * time.Hour,
	} {
		if got := LinkLife(purpose); got != want {
			t.Errorf("%s lives %s", purpose, got)
		}
	}
}

func TestTheSuperuserHasNoLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	superuser := models.Admin{ID: uuid.New(), Superuser: true}
	if token, err := f.NewAdminLink(t.Context(), &superuser, models.LinkReset); err == nil || token != "" {
		t.Errorf("%q, %v", token, err)
	}
	if _, waits := f.AdminLinkOf(&superuser); waits {
		t.Error("the superuser waits for a link")
	}
}

// A link for one thing is none for another, and none for nobody.
func TestCheckLinkUsesNothingUp(t *testing.T) { // SEC-32
	t.Parallel()
	f := newFixture(t)
	token, err := f.NewUserLink(t.Context(), &f.dana, models.LinkReset)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.CheckLink(t.Context(), f.dana.ID, models.LinkReset, token); err != nil {
			t.Error(err)
		}
	}
	for name, err := range map[string]error{
		"purpose": f.CheckLink(t.Context(), f.dana.ID, models.LinkConfirm, token),
		"nobody":  f.CheckLink(t.Context(), uuid.Nil, models.LinkReset, token),
		"other":   f.CheckLink(t.Context(), uuid.New(), models.LinkReset, token),
		"empty":   f.CheckLink(t.Context(), f.dana.ID, models.LinkReset, ""),
		"case":    f.CheckLink(t.Context(), f.dana.ID, models.LinkReset, strings.ToUpper(token)),
	} {
		if !errors.Is(err, InvalidLink()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMailLimitForgetsAfterAnHour(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_795_000_000_000)
	limit := NewMailLimit(func() time.Time { return at })
	for i := range 8 {
		if got := limit.Address("Dana@example.com"); got != (i < mailsPerAccount) {
			t.Errorf("mail %d: %t", i, got)
		}
		at = at.Add(time.Minute)
	}
	if !limit.Source("dana@example.com") {
		t.Error("a source is taken for an address")
	}
	at = at.Add(mailWindow - 8*time.Minute)
	if !limit.Address("dana@EXAMPLE.com") {
		t.Error("the first mail still counts")
	}
	if limit.Address("dana@example.com") {
		t.Error("the others do not count any more")
	}
}

func TestWhatAnAccountWaitsFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.AdminConfirmation = true })
	application := f.shop.Application
	application.Settings.EmailConfirmation = true
	asks := &Tenant{Organization: f.shop.Organization, Application: application}
	gone := int64(1)
	for name, c := range map[string]struct {
		tenant *Tenant
		user   models.User
		want   models.LinkPurpose
	}{
		"active":                    {asks, models.User{Activated: true, Confirmed: true}, ""},
		"new":                       {asks, models.User{}, models.LinkConfirm},
		"unconfirmed, nobody asks":  {f.shop, models.User{Activated: true}, ""},
		"waits for approval":        {asks, models.User{Confirmed: true}, models.LinkActivate},
		"deactivated":               {asks, models.User{Confirmed: true, Deactivated: &gone}, models.LinkActivate},
		"deactivated, unconfirmed":  {asks, models.User{Deactivated: &gone}, models.LinkActivate},
		"disabled":                  {asks, models.User{Disabled: true}, ""},
		"active in name, no mail":   {asks, models.User{Activated: true}, models.LinkConfirm},
		"disabled and unactivated":  {f.shop, models.User{Disabled: true}, ""},
		"not activated, no setting": {f.shop, models.User{}, models.LinkActivate},
	} {
		if got, waits := f.UserLinkOf(c.tenant, &c.user); got != c.want || waits != (c.want != "") {
			t.Errorf("%s: %q, %t", name, got, waits)
		}
	}
	for name, c := range map[string]struct {
		admin models.Admin
		want  models.LinkPurpose
	}{
		"active":   {models.Admin{Activated: true, Confirmed: true}, ""},
		"new":      {models.Admin{}, models.LinkConfirm},
		"approval": {models.Admin{Confirmed: true}, models.LinkActivate},
		"disabled": {models.Admin{Disabled: true}, ""},
	} {
		if got, waits := f.AdminLinkOf(&c.admin); got != c.want || waits != (c.want != "") {
			t.Errorf("admin %s: %q, %t", name, got, waits)
		}
	}
}
