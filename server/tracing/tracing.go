// Package tracing tells an OpenTelemetry collector how long the parts of a request took. It owns spans, what may be in them, and the
// environment variables of the OpenTelemetry specification; it knows nothing of HTTP handlers or of the database.
//
// Attributes are names that Writ itself has given: routes, tables, codes. There is never anything in a span that a caller has sent, and no
// address, name, identifier, token or statement.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Wanted tells whether the environment asks for traces, and what of it Writ cannot do.
func Wanted(environ []string) (on bool, problems []string) {
	value := func(name string) string {
		for _, pair := range environ {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	if strings.EqualFold(value("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := value("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		on = true
	case "":
		on = value("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	default:
		return false, []string{fmt.Sprintf("OTEL_TRACES_EXPORTER: %q must be otlp or none", exporter)}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if protocol := value(name); on && protocol != "" && protocol != "http/protobuf" {
			problems = append(problems, fmt.Sprintf("%s: %q must be http/protobuf", name, protocol))
		}
	}
	return on, problems
}

// Tracer makes spans.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	parents  propagation.TraceContext
}

// New starts to export. Everything else (endpoint, headers, sampler, batches, limits) is read by the SDK from the process's environment.
// logger is told when the collector cannot be reached.
func New(ctx context.Context, version string, logger *slog.Logger) (*Tracer, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("traces could not be exported", "cause", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	// What stands later wins: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "writ"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/writ-auth/writ")}, nil
}

// Shutdown exports what is left.
func (t *Tracer) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Request begins the span of a request, below that of a traceparent header if there is one. method is one that routes know.
func (t *Tracer) Request(ctx context.Context, header http.Header, method, route string) (context.Context, Request) {
	ctx = t.parents.Extract(ctx, propagation.HeaderCarrier(header))
	ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", route),
	))
	return ctx, Request{span}
}

// Request is the span of a request.
type Request struct {
	span trace.Span
}

// ID is the identifier of the trace, for the log.
func (r Request) ID() string { return r.span.SpanContext().TraceID().String() }

// End ends the span. level is that of the caller, code that of the error; both may be empty.
func (r Request) End(status int, level, code string) {
	r.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if level != "" {
		r.span.SetAttributes(attribute.String("writ.caller.level", level))
	}
	if code != "" {
		r.span.SetAttributes(attribute.String("error.type", code))
	}
	if status >= http.StatusInternalServerError {
		r.span.SetStatus(codes.Error, "")
	}
	r.span.End()
}

// Hash begins the span of a password that is hashed, its wait for a place included.
func (t *Tracer) Hash(ctx context.Context) (end func(error)) { return t.part(ctx, "hash password") }

// Statement begins the span of a statement of the database.
func (t *Tracer) Statement(ctx context.Context, verb, table string) (end func(error)) {
	if table == "" {
		return t.part(ctx, verb, attribute.String("db.operation.name", verb))
	}
	return t.part(ctx, verb+" "+table, attribute.String("db.operation.name", verb), attribute.String("db.collection.name", table))
}

// part begins a span within a request. What belongs to none, the loops in the background for example, is not traced.
func (t *Tracer) part(ctx context.Context, name string, attributes ...attribute.KeyValue) (end func(error)) {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return func(error) {}
	}
	_, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributes...))
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "") // the text may hold values
		}
		span.End()
	}
}
