package grants

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// SEC-46
func TestRightsInATokenAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("role-%03d-%s", i, strings.Repeat("x", 8))
	}
	fits := func(want bool, gained models.Rights) {
		t.Helper()
		err := f.ClaimsFit(t.Context(), f.shop, f.dana.ID, gained)
		if invalid := (*models.Invalid)(nil); want != (err == nil) || !want && !errors.As(err, &invalid) {
			t.Errorf("got %v", err)
		}
	}
	fits(true, models.Rights{Roles: many[:200]})
	fits(false, models.Rights{Roles: many})
	fits(true, models.Rights{Roles: append(many[:200:200], many[:200]...)}) // what he has already adds nothing
	fits(false, models.Rights{Groups: many})
	fits(true, models.Rights{Rules: many}) // not in the token
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.PermissionClaims = true })
	fits(false, models.Rights{Rules: many})
}
