package feed

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

func payload(t testing.TB, d *Document) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(d.Text, ".")[1])
	must(t, err)
	return string(text)
}

// change gives the newest entry of a subject in a document.
func change(d *revocation.Document, subject uuid.UUID) (found *revocation.Change) {
	for i := range d.Claims {
		if d.Claims[i].ID == revocation.Hash(subject.String()) {
			found = &d.Claims[i]
		}
	}
	return found
}

func TestClientsLearnOfChangedClaims(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	start := f.position()
	public, client := f.follow(t, f.public(), start), f.follow(t, f.client(), start)
	next(t, public)
	next(t, client)
	role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
	must(t, err)
	must(t, f.store.AssignRole(t.Context(), f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
	d := next(t, client)
	got := change(d, f.dana.ID)
	if got == nil || !slices.Equal(got.Roles, []string{"admin", "default"}) || len(got.Groups) != 0 || got.Groups == nil || got.Expires == nil {
		t.Errorf("a role more: %+v", d.Claims)
	}
	must(t, f.store.UnassignRole(t.Context(), f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
	if got := change(next(t, client), f.dana.ID); got == nil || !slices.Equal(got.Roles, []string{"default"}) {
		t.Errorf("a role less: %+v", got)
	}
	late, err := f.After(t.Context(), f.client(), start)
	must(t, err)
	whole, err := f.Complete(t.Context(), f.client())
	must(t, err)
	for _, d := range []*Document{late, whole} {
		if got := change(parsed(t, d), f.dana.ID); got == nil || !slices.Equal(got.Roles, []string{"default"}) {
			t.Errorf("who comes later learns %+v", got)
		}
	}
	f.deny(t, "")
	if d := next(t, public); d.Claims != nil || len(d.Tokens) != 1 {
		t.Errorf("the public learns of %+v", d)
	}
}

func TestAnOrganizationLearnsOfItsMembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	rita, err := models.NewAdmin("rita", "rita@example.com", "", f.clock.now())
	must(t, err)
	must(t, f.store.CreateAdmin(t.Context(), rita))
	mine := f.follow(t, f.member(), f.position())
	other := f.follow(t, View{Scope: Management, Issuer: "m", Audience: uuid.New()}, f.position())
	next(t, mine)
	next(t, other)
	must(t, f.store.AddMember(t.Context(), rita.ID, f.acme.ID))
	if got := change(next(t, mine), rita.ID); got == nil || !*got.Member || got.Roles != nil {
		t.Errorf("joined: %+v", got)
	}
	must(t, f.store.RemoveMember(t.Context(), rita.ID, f.acme.ID))
	if got := change(next(t, mine), rita.ID); got == nil || *got.Member {
		t.Errorf("left: %+v", got)
	}
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: "x", Scope: models.ManagementScope}))
	if d := next(t, other); d.Claims != nil || len(d.Tokens) != 1 {
		t.Errorf("another organization learns of %+v", d)
	}
}

func TestManyChangesOfClaimsAreInTheCompleteListAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{PageSize: 4})
	group, err := models.NewGroup(f.shop.ID, "staff", "", "", f.clock.now())
	must(t, err)
	must(t, f.store.CreateGroup(t.Context(), group))
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		user := f.user(t, name, f.clock.now())
		must(t, f.store.AddGroupMember(t.Context(), f.shop.ID, group.ID, user.ID))
	}
	start := f.position()
	role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
	must(t, err)
	must(t, f.store.AssignRole(t.Context(), f.shop.ID, role.ID, models.HolderGroup, group.ID))
	if _, err := f.After(t.Context(), f.client(), start); !errors.Is(err, ErrGap) {
		t.Errorf("an increment: %v", err)
	}
	if _, err := f.After(t.Context(), f.public(), start); err != nil {
		t.Errorf("the public: %v", err)
	}
	told := 0
	for _, page := range f.readAll(t, f.client()) {
		for _, c := range page.Claims {
			if !slices.Equal(c.Roles, []string{"admin", "default"}) || !slices.Equal(c.Groups, []string{"staff"}) {
				t.Errorf("%+v", c)
			}
			told++
		}
	}
	if told != 7 {
		t.Errorf("%d changes", told)
	}
	f.clock.advance(25 * time.Hour)
	must(t, f.store.CatchUp(t.Context()))
	for _, page := range f.readAll(t, f.client()) {
		if len(page.Claims) > 0 {
			t.Errorf("after the tokens are over: %+v", page.Claims)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	read := func() (*Document, *revocation.Policy) {
		d, err := f.Policy(t.Context(), f.client())
		must(t, err)
		p, err := revocation.ParsePolicy([]byte(payload(t, d)))
		must(t, err)
		return d, p
	}
	first, p := read()
	if p.Issuer != f.client().Issuer || p.Epoch != f.Epoch() || !slices.Equal(p.Guest, []string{"post:/users"}) || len(p.Roles["default"]) != 2 {
		t.Errorf("policy %+v", p)
	}
	follower := f.follow(t, f.client(), f.position())
	if d := next(t, follower); d.Policy != p.Seq {
		t.Errorf("the feed says %d, the policy is of %d", d.Policy, p.Seq)
	}
	_, err := f.store.AddRules(t.Context(), f.shop.ID, models.HolderUser, f.dana.ID, []string{"get:/x"})
	must(t, err)
	announced := next(t, follower)
	second, p := read()
	if announced.Policy != p.Seq || second.ETag == first.ETag || !slices.Equal(p.Users[revocation.Hash(f.dana.ID.String())], []string{"get:/x"}) {
		t.Errorf("announced %d, got %+v", announced.Policy, p)
	}
	if strings.Contains(payload(t, second), f.dana.ID.String()) {
		t.Error("the policy names a user")
	}
	f.clock.advance(time.Hour)
	must(t, f.store.CatchUp(t.Context()))
	later, q := read()
	if later.ETag != second.ETag || q.AsOf <= p.AsOf {
		t.Errorf("an hour later: %s %+v", later.ETag, q)
	}
	if d, err := f.Complete(t.Context(), f.public()); err != nil || parsed(t, d).Policy != 0 {
		t.Errorf("the public learns of a policy (%v)", err)
	}
	guest, err := f.store.Role(t.Context(), f.shop.ID, "guest")
	must(t, err)
	must(t, f.store.DeleteRole(t.Context(), f.shop.ID, guest.ID))
	if _, p := read(); p.Guest != nil {
		t.Errorf("without a role for guests: %+v", p.Guest)
	}
}
