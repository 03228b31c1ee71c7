package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
)

// feedQuery is what somebody asks of the feed.
type feedQuery struct {
	page int
	seq  int64

	positioned bool // after was given
	position   feed.Position
	wait       time.Duration
	stream     bool
}

const (
	maxFeedWait  = 30 * time.Second
	maxEpoch     = 64
	lastEventID  = "Last-Event-ID"
	eventStream  = "text/event-stream"
	noSuchParam  = "unknown parameter: "
	needsAfter   = " needs after"
	badParameter = " is malformed"
)

// feedQuery reads the parameters. They are few and strict: a public document is cached by its address, and a credential in a query would be
// in every log on the way.
func (r *request) feedQuery() (q feedQuery, err error) {
	query := r.in.query
	if name := query.repeated(); name != "" {
		return q, grants.IllegalArgument("duplicate parameter: " + name)
	}
	for _, p := range query {
		switch p.name {
		case "page", "seq", "after", "epoch", "wait":
		default:
			return q, grants.IllegalArgument(noSuchParam + plainASCII(p.name))
		}
	}
	q.stream = wantsStream(r.Request().Header.Values("Accept"))
	if err := q.readPosition(query); err != nil {
		return q, err
	}
	if err := q.readPage(query); err != nil {
		return q, err
	}
	if id := r.Request().Header.Get(lastEventID); q.stream && id != "" {
		q.resume(id)
	}
	return q, nil
}

func (q *feedQuery) readPosition(query params) error {
	if text := query.get("after"); text != "" {
		seq, ok := digits(text)
		if !ok {
			return grants.IllegalArgument("after" + badParameter)
		}
		q.positioned, q.position.Seq = true, seq
	}
	if text := query.get("epoch"); text != "" {
		switch {
		case !q.positioned:
			return grants.IllegalArgument("epoch" + needsAfter)
		case len(text) > maxEpoch:
			return grants.IllegalArgument("epoch" + badParameter)
		}
		q.position.Epoch = text
	}
	if text := query.get("wait"); text != "" {
		seconds, ok := digits(strings.TrimSuffix(text, "s"))
		switch {
		case !q.positioned:
			return grants.IllegalArgument("wait" + needsAfter)
		case !ok || seconds > int64(maxFeedWait/time.Second):
			return grants.IllegalArgument("wait must be a number of seconds, at most 30")
		}
		q.wait = time.Duration(seconds) * time.Second
	}
	return nil
}

func (q *feedQuery) readPage(query params) error {
	pageText, seqText := query.get("page"), query.get("seq")
	if pageText == "" && seqText == "" {
		return nil
	}
	page, ok := digits(pageText)
	seq, numbered := digits(seqText)
	switch {
	case pageText == "" || seqText == "":
		return grants.IllegalArgument("page and seq need each other")
	case !ok || page < 1 || page > 1<<30:
		return grants.IllegalArgument("page" + badParameter)
	case !numbered:
		return grants.IllegalArgument("seq" + badParameter)
	case q.positioned || q.stream:
		return grants.IllegalArgument("a page is a document of its own")
	}
	q.page, q.seq = int(page), seq
	return nil
}

// resume takes the position of the last event, which goes before that of the address: clients repeat the address for ever. An identifier that is
// not ours leads nowhere, and the reader is told to fetch the complete list.
func (q *feedQuery) resume(id string) {
	epoch, text, _ := strings.Cut(id, ":")
	seq, ok := digits(text)
	q.positioned, q.position = ok && epoch != "", feed.Position{Epoch: epoch, Seq: seq}
}

// digits reads a number that is written in digits alone.
func digits(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil
}

// wantsStream tells whether a stream of events is asked for by name, and not less than a document is.
func wantsStream(accept []string) bool {
	header := strings.Join(accept, ",")
	stream, named := weight(header, eventStream)
	if !named || stream == 0 {
		return false
	}
	document, _ := weight(header, revocation.MediaType)
	return stream >= document
}
