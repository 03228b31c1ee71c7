package tracing

import "testing"

func TestTracingIsOffUnlessTheEnvironmentAsksForIt(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, tc := range []struct {
		environ  []string
		on       bool
		problems int
	}{
		{nil, false, 0},
		{[]string{"OTEL_SERVICE_NAME=x", "OTEL_TRACES_SAMPLER=always_on"}, false, 0},
		{[]string{endpoint}, true, 0},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces"}, true, 0},
		{[]string{"OTEL_TRACES_EXPORTER=otlp"}, true, 0},
		{[]string{"OTEL_TRACES_EXPORTER=none", endpoint}, false, 0},
		{[]string{"OTEL_SDK_DISABLED=TRUE", endpoint}, false, 0},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, false, 0},
		{[]string{"OTEL_TRACES_EXPORTER=console"}, false, 1},
		{[]string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, 0},
		{[]string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", endpoint}, true, 1},
		{[]string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", endpoint}, true, 0},
	} {
		if on, problems := Wanted(tc.environ); on != tc.on || len(problems) != tc.problems {
			t.Errorf("%v: %v %v", tc.environ, on, problems)
		}
	}
}
