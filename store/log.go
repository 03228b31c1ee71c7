package store

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// slowQuery is what the log is told about: every statement of ours is answered by an index.
const slowQuery = time.Second

// queryLog tells of slow statements, by their text. It never has values, which are names, hashes and sealed secrets, and it
// is silent about errors: they go to the caller, who logs one event for the request.
type queryLog struct{ *slog.Logger }

// LogMode implements logger.Interface; there is one mode.
func (q queryLog) LogMode(logger.LogLevel) logger.Interface { return q }

// Info implements logger.Interface. What gorm says in passing is of no use to an operator.
func (q queryLog) Info(context.Context, string, ...any) {}

// Warn implements logger.Interface.
func (q queryLog) Warn(ctx context.Context, message string, _ ...any) { q.WarnContext(ctx, message) }

// Error implements logger.Interface.
func (q queryLog) Error(ctx context.Context, message string, _ ...any) { q.ErrorContext(ctx, message) }

// Trace implements logger.Interface.
func (q queryLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	if elapsed := time.Since(begin); elapsed > slowQuery {
		text, rows := statement()
		q.WarnContext(ctx, "slow query", "sql", text, "rows", rows, "elapsed", elapsed)
	}
}

// ParamsFilter keeps the values out of the statement.
func (q queryLog) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return statement, nil
}
