package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

func (t *transaction) createClient(client models.Client, kind models.ClientKind, owner uuid.UUID) error {
	if client.ID != owner || client.Kind != kind {
		return fmt.Errorf("client of %s %s has kind %q and id %s", kind, owner, client.Kind, client.ID)
	}
	return t.db.Create(&client).Error
}

// Client finds the credential of an application or organization, whether that is live or deleted.
func (s *Store) Client(ctx context.Context, owner uuid.UUID) (models.Client, error) {
	return one[models.Client](s.read(ctx), "id = ?", owner)
}

// UpdateClient changes a credential. A raised generation denies all its older tokens.
func (s *Store) UpdateClient(ctx context.Context, owner uuid.UUID, change func(*models.Client) error) (models.Client, error) {
	var row models.Client
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.Client](t.forUpdate(), "id = ?", owner); err != nil {
			return err
		}
		before := row
		if err := change(&row); err != nil {
			return err
		}
		row.ID, row.Kind = before.ID, before.Kind
		t.changed(models.ChangeClient, owner)
		who := subject{id: owner, scope: models.ManagementScope}
		if row.Kind == models.ApplicationClient {
			who = subject{id: owner, scope: owner.String(), application: &owner}
		}
		if err := t.raise(who, before.Generation, row.Generation); err != nil {
			return err
		}
		return t.save(&row)
	})
	return row, err
}
