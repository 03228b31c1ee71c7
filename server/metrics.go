package server

import (
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
)

// metrics are the counters of §11.3, in a registry of this server's own.
type metrics struct {
	registry    *prometheus.Registry
	legacy      *prometheus.CounterVec
	issued      *prometheus.CounterVec
	requests    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	failures    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	revocations *prometheus.CounterVec
	panics      prometheus.Counter
	unaudited   prometheus.Counter
	page        http.Handler
}

func newMetrics() *metrics {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		legacy:      vector("writ_legacy_requests_total", "Requests that used a feature compat=strict switches off.", "feature"),
		issued:      vector("writ_tokens_issued_total", "Access tokens issued.", "level", "grant"),
		requests:    vector("writ_token_requests_total", "Token requests by grant, level of the token and result: issued, or the error's code.", "grant", "level", "result"),
		latency:     newLatency(),
		failures:    vector("writ_token_errors_total", "Token requests that were refused.", "error"),
		refusals:    vector("writ_tokens_refused_total", "Credentials refused on other requests.", "reason"),
		revocations: vector("writ_revocations_total", "Revocations.", "kind"),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "writ_panics_total", Help: "Requests that ended in a panic."}),
	}
	m.unaudited = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "writ_audit_errors_total", Help: "Changes whose audit entry could not be written at once.",
	})
	m.registry.MustRegister(m.legacy, m.issued, m.requests, m.latency, m.failures, m.refusals, m.revocations, m.panics, m.unaudited)
	for _, feature := range legacyNames() {
		m.legacy.WithLabelValues(feature) // a counter at zero says more than none
	}
	m.page = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// watchFeed shows what the revocation feed counts.
func (m *metrics) watchFeed(stats *feed.Stats) {
	counter := func(name, help string, of *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of.Load()) })
	}
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "writ_feed_clients", Help: "Who follow the revocation feed now."},
			func() float64 { return float64(stats.Followers.Load()) }),
		counter("writ_feed_documents_signed_total", "Documents of the revocation feed that were signed.", &stats.Signed),
		counter("writ_feed_events_sent_total", "Documents given to those who follow the revocation feed.", &stats.Sent),
		counter("writ_feed_complete_pages_total", "Pages of complete lists of the revocation feed that were served.", &stats.Complete),
	)
}

// refused counts a credential that was refused, by its error code.
func (m *metrics) refused(err error) {
	if known, is := errors.AsType[*grants.Error](err); is {
		m.refusals.WithLabelValues(known.Code).Inc()
	}
}

// Registry is where other parts of Writ add metrics of their own.
func (s *Server) Registry() *prometheus.Registry { return s.metrics.registry }

// showMetrics serves the metrics to callers on this machine only, unless they have a listener of their own; for everybody else there is
// nothing here.
func (s *Server) showMetrics(r *request) error {
	// What came through a proxy has a source that is no address of this machine: see originOf.
	ip, err := netip.ParseAddr(r.source())
	if s.MetricsApart || err != nil || !ip.Unmap().IsLoopback() {
		return notFound()
	}
	r.status = http.StatusOK
	s.metrics.page.ServeHTTP(r.Response(), r.Request())
	return nil
}

// MetricsHandler serves /metrics to whoever can reach its listener.
func (s *Server) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.page)
	return mux
}
