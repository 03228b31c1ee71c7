package grants

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/models"
)

// How many users' rights are kept in memory, and how many bytes of them; the same number of applications' guests.
const (
	cachedRights      = 10_000
	cachedRightsBytes = 64 << 20
	cachedGuestsBytes = 16 << 20
)

// rights caches what application users and guests hold, their rules compiled. The change log invalidates, so that a change of rights
// holds from the next request on for tokens already issued.
type rights struct {
	store  rightsStore
	users  *cache[uuid.UUID, *held]
	guests *cache[uuid.UUID, *held] // by application
}

// held is what somebody holds in an application.
type held struct {
	models.Rights

	application uuid.UUID
	set         permission.Set
}

func newRights(store rightsStore) *rights {
	return &rights{
		store:  store,
		users:  newCache[uuid.UUID](cachedRights, cachedRightsBytes, (*held).weight),
		guests: newCache[uuid.UUID](cachedRights, cachedGuestsBytes, (*held).weight),
	}
}

// weight is roughly what rights take in memory, in bytes: a compiled rule has its text several times, cut in pieces.
func (h *held) weight() int {
	weight := 512
	for _, rule := range h.Rules {
		weight += 256 + 4*len(rule)
	}
	for _, names := range [][]string{h.Roles, h.Groups} {
		for _, name := range names {
			weight += 16 + len(name)
		}
	}
	return weight
}

// ofUser gives the rights of an application user, the rule to read himself among them.
func (r *rights) ofUser(ctx context.Context, application, user uuid.UUID) (*held, error) {
	return r.users.get(user, func() (*held, error) {
		found, err := r.store.Rights(ctx, application, user)
		if err != nil {
			return nil, err
		}
		found.Rules = append([]string{"get:/users/" + user.String()}, found.Rules...)
		return &held{Rights: found, application: application, set: permission.Compile(found.Rules)}, nil
	})
}

// ofGuest gives the rights of callers without credentials; models.ErrNotFound says that the role guest is deleted.
func (r *rights) ofGuest(ctx context.Context, application uuid.UUID) (*held, error) {
	return r.guests.get(application, func() (*held, error) {
		rules, err := r.store.GuestRules(ctx, application)
		if err != nil {
			return nil, err
		}
		return &held{Rights: models.Rights{Rules: rules}, application: application, set: permission.Compile(rules)}, nil
	})
}

func (r *rights) forgetUser(user uuid.UUID) { r.users.drop(user) }

func (r *rights) forgetApplication(application uuid.UUID) {
	r.guests.drop(application)
	r.users.dropAll(func(_ uuid.UUID, h *held) bool { return h.application == application })
}
