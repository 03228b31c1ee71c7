package grants

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/writ-auth/writ/models"
)

// Tenant is an application together with its organization: an immutable snapshot, shared by all requests until one of them changes.
type Tenant struct {
	Organization models.Organization
	Application  models.Application
	Issuer       string

	client         models.Client
	organizationID string
	applicationID  string
	clientID       string
	weight         int
}

// owner is an organization together with its client.
type owner struct {
	organization models.Organization
	client       models.Client
	weight       int
}

// How much is kept in memory, in entries: an application takes about 1 KiB, and what its properties take.
const (
	cachedTenants      = 20_000
	cachedTenantsBytes = 64 << 20
	cachedOwnersBytes  = 32 << 20
	cachedNames        = 100_000
)

// weightOf is roughly what a tenant takes in memory, in bytes. Decoded JSON takes a few times the room of its text.
func weightOf(all ...models.Properties) int {
	weight := 1 << 10
	for _, properties := range all {
		if len(properties) == 0 {
			continue
		}
		text, err := json.Marshal(properties)
		if err != nil {
			return cachedTenantsBytes // it came from JSON
		}
		weight += 4 * len(text)
	}
	return weight
}

// loadPatience bounds a look into the database: those who follow the feed have no other bound.
const loadPatience = 10 * time.Second

type tenantName struct{ organization, application string }

// tenants caches applications, organizations and their clients. Names are never reused (wire contract §1.5), so the way from names to
// a uuid is kept for good and only what hangs on the uuid is invalidated.
type tenants struct {
	store     tenantStore
	publicURL string
	names     *lru.Cache[tenantName, uuid.UUID]
	byID      *cache[uuid.UUID, *Tenant]
	owners    *cache[uuid.UUID, *owner]
}

func newTenants(store tenantStore, publicURL string) *tenants {
	return &tenants{
		store: store, publicURL: publicURL,
		names:  newLRU[tenantName, uuid.UUID](cachedNames),
		byID:   newCache[uuid.UUID](cachedTenants, cachedTenantsBytes, func(t *Tenant) int { return t.weight }),
		owners: newCache[uuid.UUID](cachedTenants, cachedOwnersBytes, func(o *owner) int { return o.weight }),
	}
}

func (t *tenants) find(ctx context.Context, organizationRef, applicationRef string) (*Tenant, error) {
	name := tenantName{organizationRef, applicationRef}
	if id, known := t.names.Get(name); known {
		return t.byApplication(ctx, id)
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	_, application, err := t.store.Application(ctx, organizationRef, applicationRef)
	if err != nil {
		return nil, err
	}
	t.names.Add(name, application.ID)
	return t.byApplication(ctx, application.ID)
}

func (t *tenants) byApplication(ctx context.Context, id uuid.UUID) (*Tenant, error) {
	return t.byID.get(id, func() (*Tenant, error) {
		ctx, cancel := context.WithTimeout(ctx, loadPatience)
		defer cancel()
		organization, application, err := t.store.Application(ctx, "-", id.String())
		if err != nil {
			return nil, err
		}
		client, err := t.store.Client(ctx, id)
		if err != nil {
			return nil, err
		}
		return &Tenant{
			Organization: organization, Application: application, client: client,
			Issuer:         t.publicURL + "/" + organization.Name + "/" + application.Name,
			organizationID: organization.ID.String(), applicationID: application.ID.String(), clientID: client.ClientID(),
			weight: weightOf(organization.Properties, application.Properties),
		}, nil
	})
}

func (t *tenants) owner(ctx context.Context, id uuid.UUID) (*owner, error) {
	return t.owners.get(id, func() (*owner, error) {
		ctx, cancel := context.WithTimeout(ctx, loadPatience)
		defer cancel()
		organization, err := t.store.Organization(ctx, id.String())
		if err != nil {
			return nil, err
		}
		client, err := t.store.Client(ctx, id)
		if err != nil {
			return nil, err
		}
		return &owner{organization: organization, client: client, weight: weightOf(organization.Properties)}, nil
	})
}

// invalidate drops what is cached of an application or organization; an organization takes its applications with it.
func (t *tenants) invalidate(id uuid.UUID) {
	t.owners.drop(id)
	if !t.byID.drop(id) {
		t.byID.dropAll(func(_ uuid.UUID, tenant *Tenant) bool { return tenant.Organization.ID == id })
	}
}
