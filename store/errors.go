package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// classify turns what gorm and the driver report into the errors of package models. Others, those of a caller's function
// included, pass unchanged.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, models.ErrUnavailable), errors.Is(err, models.ErrNotFound), errors.Is(err, models.ErrConflict):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, sql.ErrNoRows):
		return models.ErrNotFound
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		// What the row belongs to does not exist, or not any more.
		return fmt.Errorf("%w: %w", models.ErrNotFound, err)
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return fmt.Errorf("%w: %w", models.ErrConflict, err)
	case unavailable(err):
		return fmt.Errorf("%w: %w", models.ErrUnavailable, err)
	}
	return err
}

func unavailable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return true
	}
	// database/sql does not export the error of a closed pool.
	if err.Error() == "sql: database is closed" {
		return true
	}
	var failure sqlite3.Error
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrIoErr, sqlite3.ErrFull, sqlite3.ErrCantOpen, sqlite3.ErrReadonly,
		sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrNomem, sqlite3.ErrPerm, sqlite3.ErrProtocol:
		return true
	}
	return false
}
