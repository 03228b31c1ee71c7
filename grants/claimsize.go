package grants

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// MaxRightsClaims bounds what roles, groups and permissions add to a token, in bytes of JSON: a token must fit into an HTTP header, of which
// many servers take 8 KiB altogether.
const MaxRightsClaims = 4 << 10

// ClaimsFit refuses a change after which a user's token would say too much about his rights. It tells the administrator who makes the
// change; the user would only see a login that fails.
func (s *Service) ClaimsFit(ctx context.Context, t *Tenant, user uuid.UUID, gained models.Rights) error {
	holds, err := s.rights.ofUser(ctx, t.Application.ID, user)
	if err != nil {
		return err
	}
	after := models.Rights{
		Roles:  together(holds.Roles, gained.Roles),
		Groups: together(holds.Groups, gained.Groups),
	}
	if t.Application.Settings.PermissionClaims {
		after.Rules = together(holds.Rules, gained.Rules)
	}
	if size := claimSize(after); size > MaxRightsClaims {
		return models.Illegal("the token of user %s would carry %d bytes of roles, groups and permissions; at most %d are allowed",
			user, size, MaxRightsClaims)
	}
	return nil
}

func together(held, gained []string) []string {
	all := append(slices.Clone(held), gained...)
	slices.Sort(all)
	return slices.Compact(all)
}

func claimSize(r models.Rights) int {
	size := 0
	for _, list := range [][]string{r.Roles, r.Groups, r.Rules} {
		text, err := json.Marshal(list)
		if err != nil {
			return MaxRightsClaims + 1 // strings always encode
		}
		size += len(text)
	}
	return size
}
