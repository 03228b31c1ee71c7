package store

import (
	"context"

	"gorm.io/gorm"
)

// Trace is told of every statement when it begins, and gives back what is to be told of its end. It learns the verb and the table (empty
// if gorm does not know it), never the statement and its values.
type Trace func(ctx context.Context, verb, table string) (end func(error))

// statements is a plugin of gorm that tells a Trace.
type statements struct {
	trace Trace
}

// Name implements gorm.Plugin.
func (statements) Name() string { return "writ:statements" }

const statementEnd = "writ:statement-end"

// Initialize implements gorm.Plugin.
func (p statements) Initialize(db *gorm.DB) error {
	begin := func(verb string) func(*gorm.DB) {
		return func(db *gorm.DB) {
			if db.Statement.Context != nil {
				db.InstanceSet(statementEnd, p.trace(db.Statement.Context, verb, db.Statement.Table))
			}
		}
	}
	end := func(db *gorm.DB) {
		if stored, found := db.InstanceGet(statementEnd); found {
			if end, is := stored.(func(error)); is {
				end(db.Error)
			}
		}
	}
	callbacks := db.Callback()
	for _, register := range []func() error{
		func() error { return callbacks.Create().Before("*").Register("writ:create", begin("INSERT")) },
		func() error { return callbacks.Create().After("*").Register("writ:created", end) },
		func() error { return callbacks.Query().Before("*").Register("writ:query", begin("SELECT")) },
		func() error { return callbacks.Query().After("*").Register("writ:queried", end) },
		func() error { return callbacks.Update().Before("*").Register("writ:update", begin("UPDATE")) },
		func() error { return callbacks.Update().After("*").Register("writ:updated", end) },
		func() error { return callbacks.Delete().Before("*").Register("writ:delete", begin("DELETE")) },
		func() error { return callbacks.Delete().After("*").Register("writ:deleted", end) },
		func() error { return callbacks.Row().Before("*").Register("writ:row", begin("SELECT")) },
		func() error { return callbacks.Row().After("*").Register("writ:rowed", end) },
		func() error { return callbacks.Raw().Before("*").Register("writ:raw", begin("EXECUTE")) },
		func() error { return callbacks.Raw().After("*").Register("writ:rawed", end) },
	} {
		if err := register(); err != nil {
			return err
		}
	}
	return nil
}
