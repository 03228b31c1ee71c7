package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
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
	case unstorable(err):
		return models.Illegal("a text holds what no text may hold")
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
	if err.Error() == "sql: database is closed" || postgresUnavailable(err) {
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

// Classes (the first two characters) and codes of PostgreSQL's errors. PostgreSQL 15, Appendix A.
const (
	sqlSerializationFailure = "40001"
	sqlDeadlock             = "40P01"
	sqlBadCharacter         = "22021"
	sqlUntranslatable       = "22P05"
	sqlReadOnly             = "25006" // what was the primary is a standby now
	sqlIdleTooLong          = "25P03"
	sqlLockTimeout          = "55P03"
	sqlNoDatabase           = "3D000"
)

// conflicting tells whether a transaction failed only because of others at the same time.
func conflicting(err error) bool {
	failure, is := errors.AsType[*pgconn.PgError](err)
	return is && (failure.Code == sqlSerializationFailure || failure.Code == sqlDeadlock)
}

// unstorable tells of a text with NUL, or one that is no UTF-8.
func unstorable(err error) bool {
	failure, is := errors.AsType[*pgconn.PgError](err)
	return is && (failure.Code == sqlBadCharacter || failure.Code == sqlUntranslatable)
}

// postgresUnavailable tells of what another attempt may overcome: the server or the way to it, not the statement.
func postgresUnavailable(err error) bool {
	if failure, is := errors.AsType[*pgconn.PgError](err); is {
		switch failure.Code[:2] {
		case "08", "28", "53", "57", "58", "XX": // connection, authorization, resources, operator, system, corruption
			return true
		}
		switch failure.Code {
		case sqlSerializationFailure, sqlDeadlock, sqlReadOnly, sqlIdleTooLong, sqlLockTimeout, sqlNoDatabase:
			return true
		}
		return false
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var network net.Error
	if _, is := errors.AsType[*pgconn.ConnectError](err); is || errors.As(err, &network) {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || err.Error() == "conn closed"
}
