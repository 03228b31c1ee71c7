package verifier

// Metrics is told what happens; functions that are nil are not called. They are called on the path of requests: they must be quick,
// must not block, and may be called by many goroutines at once.
type Metrics struct {
	// Verified is called once for each Verify. code is that of the *Error, empty if the token was accepted; cached tells whether the
	// signature had been checked before.
	Verified func(code string, cached bool)
	// Keys is called after each fetch of the key set.
	Keys func(issuer string, err error)
	// Feed is called for what happens to the connection with the revocation feed.
	Feed func(issuer string, event FeedEvent)
}

// FeedEvent is something that happened to the connection with the feed. It is fit for a label.
type FeedEvent string

// The events.
const (
	FeedConnected    FeedEvent = "connected"
	FeedDisconnected FeedEvent = "disconnected"
	FeedDocument     FeedEvent = "document" // an increment was applied
	FeedComplete     FeedEvent = "complete" // a complete list was applied
	FeedGap          FeedEvent = "gap"      // something is missing, the complete list is fetched
	FeedRejected     FeedEvent = "rejected" // a document was refused: signature, typ, issuer or form
	FeedPolicy       FeedEvent = "policy"   // a new policy was applied
)

func (m Metrics) verified(code string, cached bool) {
	if m.Verified != nil {
		m.Verified(code, cached)
	}
}

func (m Metrics) keys(issuer string, err error) {
	if m.Keys != nil {
		m.Keys(issuer, err)
	}
}

func (m Metrics) feed(issuer string, event FeedEvent) {
	if m.Feed != nil {
		m.Feed(issuer, event)
	}
}
