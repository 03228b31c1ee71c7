// Package transfer brings the users of an application in and out as JSON Lines, one user a line: the format, the import that can be
// interrupted and resumed, the export that takes the same memory for ten users and ten million.
//
// docs/import.md describes the format. The package knows neither flags nor terminals nor pages: the command and the portal both use it. It never
// repeats a hash.
package transfer

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// Store is what an import or export needs of the database.
type Store interface {
	ImportUsers(ctx context.Context, in models.UserImport) ([]models.ImportOutcome, error)
	UserRecords(ctx context.Context, application uuid.UUID, page models.Page) ([]models.UserRecord, string, error)
	Meta(ctx context.Context, name string) (string, error)
}
