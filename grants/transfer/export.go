package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"io"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// exported is a line of an export. Its fields are those of an import.
type exported struct {
	UUID        uuid.UUID         `json:"uuid"`
	Username    string            `json:"username"`
	Email       *string           `json:"email"`
	Name        *string           `json:"name"`
	Activated   *bool             `json:"activated"`
	Confirmed   *bool             `json:"confirmed"`
	Disabled    *bool             `json:"disabled"`
	Deactivated int64             `json:"deactivated,omitempty"`
	Created     *int64            `json:"created"`
	Hash        *string           `json:"hash,omitempty"`
	PIN         *string           `json:"pin,omitempty"`
	Properties  models.Properties `json:"properties"`
	Roles       []string          `json:"roles"`
	Groups      []string          `json:"groups"`
}

// usersPerPage bounds what an export holds in memory.
const usersPerPage = 200

// Export writes all users of an application, oldest first, and answers how many. Users that are created or deleted meanwhile may be in
// it or not; everybody else is there once.
func Export(ctx context.Context, store Store, application uuid.UUID, hashes bool, out io.Writer) (count int, err error) {
	buffered := bufio.NewWriterSize(out, 64<<10)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	page := models.Page{Limit: usersPerPage}
	for {
		records, next, err := store.UserRecords(ctx, application, page)
		if err != nil {
			return count, err
		}
		for i := range records {
			if err := encoder.Encode(lineOf(&records[i], hashes)); err != nil {
				return count, err
			}
			count++
		}
		if next == "" {
			return count, buffered.Flush()
		}
		page.Cursor = next
	}
}

func lineOf(r *models.UserRecord, hashes bool) exported {
	one := exported{
		UUID: r.ID, Username: r.Username, Email: r.Email, Name: r.Name, Activated: r.Activated, Confirmed: r.Confirmed, Disabled: r.Disabled,
		Created: r.Created, Properties: r.Properties, Roles: r.Roles, Groups: r.Groups,
	}
	if r.Deactivated != nil {
		one.Deactivated = *r.Deactivated
	}
	if hashes {
		one.Hash, one.PIN = r.PasswordHash, r.PINHash
	}
	return one
}
