package grants

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// Store is what the token service needs of the database. Errors are those of package models.
type Store interface {
	tenantStore
	userStore
	adminStore
	tokenStore
	rightsStore
	linkStore
	currentStore
	throttleStore
}

type throttleStore interface {
	CountFailures(ctx context.Context, failures []models.FailureCount, decide func(key string, total int64) int64) error
	ClearFailures(ctx context.Context, keys []string) error
	ThrottleWaits(ctx context.Context) ([]models.ThrottleWait, error)
}

type tenantStore interface {
	Application(ctx context.Context, organizationRef, applicationRef string) (models.Organization, models.Application, error)
	AnyApplication(ctx context.Context, organizationRef, applicationRef string) (models.Organization, models.Application, error)
	Organization(ctx context.Context, ref string) (models.Organization, error)
	Client(ctx context.Context, owner uuid.UUID) (models.Client, error)
	UpdateClient(ctx context.Context, owner uuid.UUID, change func(*models.Client) error) (models.Client, error)
}

type userStore interface {
	User(ctx context.Context, application uuid.UUID, ref string) (models.User, error)
	UpdateUser(ctx context.Context, application, id uuid.UUID, change func(*models.User) error) (models.User, error)
	PastPasswords(ctx context.Context, owner uuid.UUID, n int) ([]string, error)
}

type adminStore interface {
	Admin(ctx context.Context, ref string) (models.Admin, error)
	Superuser(ctx context.Context) (models.Admin, error)
	OrganizationsOf(ctx context.Context, admin uuid.UUID) ([]models.Organization, error)
	UpdateAdmin(ctx context.Context, id uuid.UUID, change func(*models.Admin) error) (models.Admin, error)
}

type tokenStore interface {
	Denials(ctx context.Context, token func(models.DeniedToken), subject func(models.DeniedSubject)) error
	DenyToken(ctx context.Context, denied models.DeniedToken) error
	RegisterToken(ctx context.Context, token models.RegisteredToken) error
	RegisteredToken(ctx context.Context, jti string) (models.RegisteredToken, error)
	RefreshToken(ctx context.Context, hash []byte) (models.RefreshToken, error)
	FreeStatusEntry(ctx context.Context, scope string) (models.StatusList, int64, error)
	StatusLists(ctx context.Context, scope string) (lists []models.StatusList, gone bool, err error)
	RevokedEntries(ctx context.Context, list uuid.UUID) ([]int64, error)
	CreateRefreshToken(ctx context.Context, token models.RefreshToken) error
	RotateRefreshToken(ctx context.Context, presented []byte, grace int64, next models.RefreshToken) error
	ExchangeRefreshToken(ctx context.Context, presented []byte, grace int64, token models.RegisteredToken) error
	EndRefreshFamily(ctx context.Context, family uuid.UUID) error
}

type rightsStore interface {
	Rights(ctx context.Context, application, user uuid.UUID) (models.Rights, error)
	GuestRules(ctx context.Context, application uuid.UUID) ([]string, error)
	Sources(ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID) ([]models.Source, error)
}

// Keys signs and verifies; *keys.Ring is the implementation.
type Keys interface {
	// Sign makes a compact JWS of a payload with the current key of a purpose.
	Sign(purpose keys.Purpose, payload []byte) (string, error)
	// SignAs makes a compact JWS of a document that is not a token, with a typ of its own.
	SignAs(typ string, payload []byte) (string, error)
	// Verify checks everything about a token but its claims and returns the payload.
	Verify(raw string) ([]byte, error)
	// Status tells of one key; models.ErrNotFound.
	Status(ctx context.Context, kid string) (keys.Status, error)
	Ready() bool
}
