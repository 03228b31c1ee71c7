package server

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/writ-auth/writ/claims"
)

// latencyBuckets (s): from what a signature costs to what a client waits for.
func latencyBuckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

func newLatency() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "writ_request_duration_seconds", Help: "Time to answer a request, by group of routes and class of status.", Buckets: latencyBuckets(),
	}, []string{"group", "status"})
}

// routeGroup is the label of a route: few values, whatever is asked.
func routeGroup(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case path == "/*":
		return "unknown"
	case last == "token", path == "/management/me":
		return "token"
	case last == "introspect":
		return "introspect"
	case last == "revoke", last == "revoketoken", last == "revoketokens":
		return "revoke"
	case last == "revocations", last == "policy", strings.Contains(path, "/statuslists"):
		return "feed"
	case strings.Contains(path, "/.well-known/"):
		return "keys"
	case strings.HasPrefix(path, "/management/"):
		return "management"
	case strings.HasPrefix(path, applicationRoot):
		return "application"
	}
	return "system"
}

// measure counts how long a request took.
func (s *Server) measure(r *request, took time.Duration) {
	group := r.route.group
	if group == "" { // a method that its path does not know
		group = routeGroup(r.route.path)
	}
	s.metrics.latency.WithLabelValues(group, statusClass(r.status)).Observe(took.Seconds())
}

func statusClass(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return "none" // the caller was gone before anything was written
}

// grantLabel keeps what callers invent out of the labels.
func grantLabel(grant string) string {
	if grant == "" {
		return "none"
	}
	if slices.Contains([]string{"password", "pin", "client_credentials", "refresh_token", reissued, impersonated}, grant) {
		return grant
	}
	return "unknown"
}

// Grants that have no name in a request.
const (
	reissued     = "reissue"
	impersonated = "impersonation"
)

// countIssued counts a token.
func (m *metrics) countIssued(level claims.Level, grant string) {
	m.issued.WithLabelValues(string(level), grant).Inc()
	m.requests.WithLabelValues(grantLabel(grant), string(level), "issued").Inc()
}

// countRefused counts a token request that was refused, by the code it was answered.
func (m *metrics) countRefused(grant, code string) {
	m.failures.WithLabelValues(code).Inc()
	m.requests.WithLabelValues(grantLabel(grant), "none", code).Inc()
}
