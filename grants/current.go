package grants

import (
	"context"
	"fmt"
	"time"
)

// blindLimit is how long clients whose credentials are in memory go on getting tokens while the database does not answer. Nothing can be
// revoked while it is down; where only this process has lost it, the others may have.
const blindLimit = 5 * time.Minute

// currentStore tells how old what this process knows of the others is.
type currentStore interface {
	// Current brings it up to date if it may be old.
	Current(ctx context.Context) error
	// Refresh does so only if the database answers, and tells how old it is then.
	Refresh(ctx context.Context) time.Duration
	// Renew brings it up to date in any case.
	Renew(ctx context.Context) error
}

// Current makes sure that nothing is honoured here that another process has acknowledged to be revoked more than two seconds ago. It answers
// 503 if that cannot be known.
func (s *Service) Current(ctx context.Context) error {
	if err := s.Store.Current(ctx); err != nil {
		return Unavailable(err)
	}
	return nil
}

// CurrentEnough is Current for what goes on without the database: documents, and clients that are known. It fails only if what is known is older
// than anybody should have to bear.
func (s *Service) CurrentEnough(ctx context.Context) error {
	if age := s.Store.Refresh(ctx); age > blindLimit {
		return Unavailable(fmt.Errorf("nothing has been learned from the database for %v", age.Round(time.Second)))
	}
	return nil
}

// currentFor asks for what a grant needs: all but one look into the database anyway.
func (s *Service) currentFor(ctx context.Context, grantType string) error {
	if grantType == clientCredentialsGrant {
		return s.CurrentEnough(ctx)
	}
	return s.Current(ctx)
}
