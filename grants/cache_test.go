package grants

import (
	"errors"
	"testing"

	"github.com/writ-auth/writ/models"
)

func loaded[V any](value V) func() (V, error) { return func() (V, error) { return value, nil } }

// What hangs on an entry is a tenant's choice; the memory is everybody's.
func TestACacheIsBoundedByWeight(t *testing.T) {
	t.Parallel()
	c := newCache[int](100, 10, func(weight int) int { return weight })
	for key, weight := range []int{4, 4, 11, 4} {
		if got, err := c.get(key, loaded(weight)); got != weight || err != nil {
			t.Fatalf("%d, %v", got, err)
		}
		if c.weight > 10 || c.entries.Len() > 2 {
			t.Fatalf("%d entries of weight %d are kept", c.entries.Len(), c.weight)
		}
	}
	if got, _ := c.get(3, loaded(-1)); got != 4 {
		t.Error("what was used last is gone")
	}
	c.keep(c.epoch, 3, 5) // loaded twice at once
	if c.weight != 5 {
		t.Errorf("weight %d, want 5", c.weight)
	}
	c.drop(3)
	c.keep(c.epoch, 7, 2)
	c.dropAll(func(int, int) bool { return true })
	if c.weight != 0 || c.entries.Len() != 0 {
		t.Errorf("%d entries of weight %d are left", c.entries.Len(), c.weight)
	}
	if _, err := c.get(1, func() (int, error) { return 0, errors.New("none") }); err == nil || c.entries.Len() != 0 {
		t.Error("an error is kept")
	}
}

func TestPropertiesAndRulesHaveWeight(t *testing.T) {
	t.Parallel()
	plain, heavy := weightOf(models.Properties{}, nil), weightOf(models.Properties{"x": string(make([]byte, 10_000))})
	if plain > 2<<10 || heavy < 20_000 {
		t.Errorf("a tenant weighs %d, with properties %d", plain, heavy)
	}
	few, many := &held{}, &held{Rights: models.Rights{Roles: []string{"a"}, Rules: make([]string, 1000)}}
	if few.weight() > 1<<10 || many.weight() < 100_000 {
		t.Errorf("rights weigh %d, with a thousand rules %d", few.weight(), many.weight())
	}
	f := newFixture(t)
	if _, err := f.rights.ofUser(t.Context(), f.shop.Application.ID, f.dana.ID); err != nil || f.rights.users.weight == 0 || f.tenants.byID.weight == 0 {
		t.Errorf("%v: rights weigh %d, tenants %d", err, f.rights.users.weight, f.tenants.byID.weight)
	}
	f.Apply(models.Change{Kind: models.ChangeUser, Key: f.dana.ID.String()})
	f.Apply(models.Change{Kind: models.ChangeOrganization, Key: f.shop.Organization.ID.String()})
	if f.rights.users.weight != 0 {
		t.Errorf("forgotten rights weigh %d", f.rights.users.weight)
	}
}
