package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// staff puts users into one group and gives that to a role whose members a test changes all at once.
func (f *fixture) staff(t *testing.T, group string, users int) models.Group {
	t.Helper()
	made, err := models.NewGroup(f.shop.ID, group, "", "", f.clock.now())
	must(t, err)
	must(t, f.store.CreateGroup(t.Context(), made))
	for i := range users {
		user := f.user(t, fmt.Sprintf("user%d", i), f.clock.now())
		must(t, f.store.AddGroupMember(t.Context(), f.shop.ID, made.ID, user.ID))
	}
	return made
}

func (f *fixture) assign(t *testing.T, role string, group uuid.UUID) {
	t.Helper()
	row, err := f.store.Role(t.Context(), f.shop.ID, role)
	must(t, err)
	must(t, f.store.AssignRole(t.Context(), f.shop.ID, row.ID, models.HolderGroup, group))
}

// A reader that is sent to the complete list must find its way on from there. A list from before the change, kept for others, leads
// into the same gap again, and until it is replaced the reader learns of no revocation.
func TestTheCompleteListLeadsOnFromAChangeOfManyClaims(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{PageSize: 4})
	group := f.staff(t, "staff", 7)
	f.readAll(t, f.client()) // kept from now on
	follower := f.follow(t, f.client(), f.position())
	next(t, follower)
	f.assign(t, "admin", group.ID)
	if _, err := follower.Next(t.Context()); !errors.Is(err, ErrGap) {
		t.Fatalf("an increment: %v", err)
	}
	jti := f.deny(t, "")
	pages := f.readAll(t, f.client())
	d, err := f.After(t.Context(), f.client(), Position{pages[0].Epoch, pages[0].Seq})
	if err != nil {
		t.Fatalf("behind the complete list: %v", err)
	}
	found := lists(parsed(t, d), jti)
	for _, page := range pages {
		found = found || lists(page, jti)
	}
	if !found {
		t.Error("the revocation is told nowhere")
	}
}

// The names of roles and groups may take 4 KiB a user, and a document has 8 MiB at most.
func TestClaimsOfManyNamesFitIntoDocuments(t *testing.T) {
	t.Parallel()
	const perPage = 256
	f := newFixture(t, Config{PageSize: perPage})
	long := strings.Repeat("x", 200)
	group := f.staff(t, long, 60)
	for i := range 15 {
		name := fmt.Sprintf("%s%02d", long, i)
		role, err := models.NewRole(f.shop.ID, name, name, f.clock.now())
		must(t, err)
		must(t, f.store.CreateRole(t.Context(), role))
		f.assign(t, name, group.ID)
	}
	start := f.position()
	f.assign(t, "admin", group.ID)
	told := 0
	check := func(d *revocation.Document) {
		t.Helper()
		told += len(d.Claims)
		text, err := json.Marshal(d)
		must(t, err)
		// Random identifiers spread over 16 pages: 4 users are on one, and 20 by a chance of one in 10^9. All 60 together take thrice the limit.
		if most := 4 * perPage * entryLength; len(text) > most {
			t.Errorf("%d bytes in a document", len(text))
		}
	}
	for _, page := range f.readAll(t, f.client()) {
		check(page)
	}
	if told != 60 {
		t.Errorf("%d changes", told)
	}
	if _, err := f.After(t.Context(), f.client(), start); !errors.Is(err, ErrGap) {
		t.Errorf("an increment: %v", err)
	}
	short := f.user(t, "short", f.clock.now())
	role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
	must(t, err)
	start = f.position()
	must(t, f.store.AssignRole(t.Context(), f.shop.ID, role.ID, models.HolderUser, short.ID))
	d, err := f.After(t.Context(), f.client(), start)
	must(t, err)
	check(parsed(t, d))
}
