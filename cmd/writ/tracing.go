package main

import (
	"context"
	"time"

	"github.com/writ-auth/writ/server/tracing"
	"github.com/writ-auth/writ/store"
)

// tracePatience is how long the last spans may take to leave at the end.
const tracePatience = 5 * time.Second

// checkTracing reports what the environment asks of OpenTelemetry and Writ cannot do.
func (p *process) checkTracing(*configuration) []string {
	_, problems := tracing.Wanted(p.environ)
	return problems
}

// startTracing exports traces if the environment says so. stop exports what is left.
func (w *wiring) startTracing(ctx context.Context, environ []string) (stop func(), err error) {
	if on, _ := tracing.Wanted(environ); !on {
		return func() {}, nil
	}
	if w.tracer, err = tracing.New(ctx, version(), w.logger); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracePatience)
		defer cancel()
		if err := w.tracer.Shutdown(ctx); err != nil {
			w.logger.WarnContext(ctx, "the last traces could not be exported", "cause", err)
		}
	}, nil
}

func (w *wiring) traceStatements() store.Trace {
	if w.tracer == nil {
		return nil
	}
	return w.tracer.Statement
}
