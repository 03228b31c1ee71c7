package server

import (
	"context"
	"crypto/tls"
	"database/sql"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/writ-auth/writ/models"
)

// metricsStore is what metrics tell of the database.
type metricsStore interface {
	SigningKeys(ctx context.Context) ([]models.SigningKey, error)
	AsOf() time.Time
	Pools() map[string]sql.DBStats
}

// observe registers what is not counted but looked at when somebody asks.
func (s *Server) observe() {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "writ_build_info", Help: "1; the labels tell what runs.", ConstLabels: prometheus.Labels{"version": s.Version, "go_version": runtime.Version()},
	})
	build.Set(1)
	denials := s.Grants.Denials
	s.metrics.registry.MustRegister(
		build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("writ_hash_queue_length", "Passwords that wait to be hashed.", func() float64 { return float64(s.Passwords.Queued()) }),
		gauge("writ_hash_running", "Passwords that are being hashed.", func() float64 { return float64(s.Passwords.Running()) }),
		gauge("writ_hash_workers", "Passwords that can be hashed at once.", func() float64 { return float64(s.Passwords.Workers()) }),
		prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "writ_hash_refused_total", Help: "Passwords that found the queue full."},
			func() float64 { return float64(s.Passwords.Refused()) },
		),
		gauge("writ_denylist_entries", "Denials in memory, of tokens and of subjects.", func() float64 { return float64(denials()) }),
		gauge("writ_change_log_lag_seconds", "Time since every committed change was known to be applied here.",
			func() float64 { return s.Now().Sub(s.Store.AsOf()).Seconds() }),
		newPoolCollector(s.Store),
		newKeyCollector(s.Store),
	)
	if s.connections != nil {
		s.metrics.registry.MustRegister(
			gauge("writ_connections", "Open connections of clients.", func() float64 { return float64(s.connections.count()) }),
			gauge("writ_connections_max", "Connections that may be open.", func() float64 { return float64(s.connections.max) }),
		)
	}
	if s.TLS != nil {
		s.metrics.registry.MustRegister(gauge("writ_tls_certificate_expiry_timestamp_seconds", "When the TLS certificate expires (Unix time).", s.certificateExpiry))
	}
}

func (s *Server) certificateExpiry() float64 {
	certificate, err := s.TLS.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || certificate.Leaf == nil {
		return 0
	}
	return float64(certificate.Leaf.NotAfter.Unix())
}

// poolCollector tells how busy the database connections are.
type poolCollector struct {
	store                     metricsStore
	open, most, waits, waited *prometheus.Desc
}

func newPoolCollector(store metricsStore) *poolCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"pool"}, labels...), nil)
	}
	return &poolCollector{
		store:  store,
		open:   desc("writ_database_connections", "Connections to the database.", "state"),
		most:   desc("writ_database_connections_max", "Connections that the pool may open; 0: no bound."),
		waits:  desc("writ_database_waits_total", "Statements that waited for a connection."),
		waited: desc("writ_database_wait_seconds_total", "Time that statements waited for a connection."),
	}
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(to chan<- prometheus.Metric) {
	for pool, stats := range c.store.Pools() {
		to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(stats.InUse), pool, "used")
		to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(stats.Idle), pool, "idle")
		to <- prometheus.MustNewConstMetric(c.most, prometheus.GaugeValue, float64(stats.MaxOpenConnections), pool)
		to <- prometheus.MustNewConstMetric(c.waits, prometheus.CounterValue, float64(stats.WaitCount), pool)
		to <- prometheus.MustNewConstMetric(c.waited, prometheus.CounterValue, stats.WaitDuration.Seconds(), pool)
	}
}

// keyPatience bounds how long a scrape waits for the database.
const keyPatience = time.Second

// keyCollector counts the signing keys by state. Without the database it says nothing rather than something old.
type keyCollector struct {
	store metricsStore
	keys  *prometheus.Desc
}

func newKeyCollector(store metricsStore) *keyCollector {
	return &keyCollector{store, prometheus.NewDesc("writ_signing_keys", "Signing keys by state and by the tokens they are for.", []string{"state", "purpose"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *keyCollector) Describe(to chan<- *prometheus.Desc) { to <- c.keys }

// Collect implements prometheus.Collector.
func (c *keyCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), keyPatience)
	defer cancel()
	rows, err := c.store.SigningKeys(ctx)
	if err != nil {
		return
	}
	counts := map[[2]string]int{}
	for _, row := range rows {
		counts[[2]string{row.State, row.Purpose}]++
	}
	for labels, n := range counts {
		to <- prometheus.MustNewConstMetric(c.keys, prometheus.GaugeValue, float64(n), labels[0], labels[1])
	}
}
