package grants

import (
	"context"
	"sync"

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
}

// owner is an organization together with its client.
type owner struct {
	organization models.Organization
	client       models.Client
}

// How much is kept in memory, in entries: an application takes about 1 KiB.
const (
	cachedTenants = 20_000
	cachedNames   = 100_000
)

type tenantName struct{ organization, application string }

// tenants caches applications, organizations and their clients. Names are never reused (wire contract §1.5), so the way from names to
// a uuid is cached for good and only what hangs on the uuid is invalidated.
type tenants struct {
	store     tenantStore
	publicURL string
	names     *lru.Cache[tenantName, uuid.UUID]

	mu     sync.Mutex // guards the next two and keeps a load from storing what was invalidated meanwhile
	epoch  uint64
	byID   *lru.Cache[uuid.UUID, *Tenant]
	owners *lru.Cache[uuid.UUID, *owner]
}

func newTenants(store tenantStore, publicURL string) *tenants {
	return &tenants{
		store: store, publicURL: publicURL,
		names:  newLRU[tenantName, uuid.UUID](cachedNames),
		byID:   newLRU[uuid.UUID, *Tenant](cachedTenants),
		owners: newLRU[uuid.UUID, *owner](cachedTenants),
	}
}

func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only a size below 1 is refused
	}
	return cache
}

func (t *tenants) find(ctx context.Context, organizationRef, applicationRef string) (*Tenant, error) {
	name := tenantName{organizationRef, applicationRef}
	if id, known := t.names.Get(name); known {
		if tenant, cached := t.byID.Get(id); cached {
			return tenant, nil
		}
	}
	epoch := t.currentEpoch()
	organization, application, err := t.store.Application(ctx, organizationRef, applicationRef)
	if err != nil {
		return nil, err
	}
	client, err := t.store.Client(ctx, application.ID)
	if err != nil {
		return nil, err
	}
	tenant := &Tenant{
		Organization: organization, Application: application, client: client,
		Issuer:         t.publicURL + "/" + organization.Name + "/" + application.Name,
		organizationID: organization.ID.String(), applicationID: application.ID.String(), clientID: client.ClientID(),
	}
	t.names.Add(name, application.ID)
	t.keep(epoch, func() { t.byID.Add(application.ID, tenant) })
	return tenant, nil
}

func (t *tenants) byApplication(ctx context.Context, id uuid.UUID) (*Tenant, error) {
	if tenant, cached := t.byID.Get(id); cached {
		return tenant, nil
	}
	return t.find(ctx, "-", id.String())
}

func (t *tenants) owner(ctx context.Context, id uuid.UUID) (*owner, error) {
	if found, cached := t.owners.Get(id); cached {
		return found, nil
	}
	epoch := t.currentEpoch()
	organization, err := t.store.Organization(ctx, id.String())
	if err != nil {
		return nil, err
	}
	client, err := t.store.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	found := &owner{organization: organization, client: client}
	t.keep(epoch, func() { t.owners.Add(id, found) })
	return found, nil
}

func (t *tenants) currentEpoch() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch
}

// keep stores what was loaded unless anything was invalidated since: the load may have read the state before the change.
func (t *tenants) keep(epoch uint64, add func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch == epoch {
		add()
	}
}

// invalidate drops what is cached of an application or organization; an organization takes its applications with it.
func (t *tenants) invalidate(id uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch++
	t.owners.Remove(id)
	if t.byID.Remove(id) {
		return
	}
	for _, tenant := range t.byID.Values() {
		if tenant.Organization.ID == id {
			t.byID.Remove(tenant.Application.ID)
		}
	}
}
