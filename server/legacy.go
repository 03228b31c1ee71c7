package server

import (
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/server/insight"
)

// legacyFeatures is the set of features of §2.7 that one request uses.
type legacyFeatures uint8

const (
	queryToken legacyFeatures = 1 << iota
	queryClient
	getToken
	passwordGrant
	pinGrant
	jsonToken
)

// legacyNames are the features' metric labels, in the order of the bits.
func legacyNames() []string { return insight.Legacies() }

// note counts a feature, once per request.
func (r *request) note(feature legacyFeatures) { r.legacy |= feature }

// use counts a feature and refuses it under compat=strict.
func (r *request) use(feature legacyFeatures) error {
	r.note(feature)
	if !r.server.Strict {
		return nil
	}
	for i, name := range legacyNames() {
		if feature == 1<<i {
			return grants.StrictlyRefused(name)
		}
	}
	return nil
}

// countLegacy adds what the request has used to the metric.
func (s *Server) countLegacy(r *request) {
	if r.legacy == 0 {
		return
	}
	for i, name := range legacyNames() {
		if r.legacy&(1<<i) != 0 {
			s.metrics.legacy.WithLabelValues(name).Inc()
			r.count(insight.Legacy(i))
		}
	}
}
