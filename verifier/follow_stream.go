package verifier

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// from is the query for what comes after the follower's position.
func (f *follower) from() (url.Values, *knowledge) {
	k := f.current()
	return url.Values{"after": {strconv.FormatInt(k.seq, 10)}, "epoch": {k.epoch}}, k
}

// stream follows by server-sent events until the connection ends. nil means that the next attempt is due at once.
func (f *follower) stream(ctx context.Context) error {
	probing := f.pollNext != f.pace.polls
	first := f.pace.first
	if probing {
		first = f.pace.probe
	}
	alive, dead := context.WithCancelCause(ctx)
	watch := time.AfterFunc(first, func() { dead(ErrFeedSilent) })
	defer dead(nil)
	defer watch.Stop()

	worked, err := f.events(alive, func() { watch.Reset(f.pace.silence) })
	silent := errors.Is(context.Cause(alive), ErrFeedSilent)
	if silent {
		err = ErrFeedSilent
	}
	switch {
	case worked:
		f.pollNext = f.pace.polls
	case silent || errors.Is(err, errNoStream):
		// Something between us and Writ holds streams back. Polls tell whether it is more than that.
		f.logger.Info("feed does not stream, it is polled", "issuer", f.issuer, "cause", err)
		f.pollNow()
		return nil
	case errors.Is(err, errBarren): // or cuts them, or puts something else into them
		f.pollNow()
	}
	return err
}

// pollNow makes the next attempts polls, for longer each time that streams are of no use.
func (f *follower) pollNow() {
	f.pollUntil = time.Now().Add(f.pollNext)
	f.pollNext = min(2*f.pollNext, f.pace.pollsMax)
}

var (
	errNoStream = errors.New("the answer is no stream")
	errBarren   = errors.New("the stream brought nothing")
)

// events reads one stream. A document that is applied calls alive, and makes it a stream that works: what merely sends bytes, or what we
// know already, does not.
func (f *follower) events(ctx context.Context, alive func()) (worked bool, err error) {
	query, k := f.from()
	answer, err := f.ask(ctx, f.address(query), http.Header{
		"Accept": {eventStream}, "Accept-Encoding": {"identity"}, "Cache-Control": {"no-cache"},
		"Last-Event-Id": {k.epoch + ":" + strconv.FormatInt(k.seq, 10)},
	})
	if err != nil {
		return false, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if mediaType(answer) != eventStream {
		return false, errNoStream
	}
	if worked, err = f.documents(ctx, answer.Body, alive); err != nil && !worked {
		err = fmt.Errorf("%w: %w", errBarren, err)
	}
	return worked, err
}

// documents reads the events of a stream, and takes the documents in them.
func (f *follower) documents(ctx context.Context, from io.Reader, alive func()) (worked bool, err error) {
	lines := newEventReader(from)
	for {
		name, data, err := lines.next()
		if err != nil {
			return worked, err
		}
		switch name {
		case revocationsEvent:
		case goneEvent:
			f.metrics.feed(f.issuer, FeedGap)
			f.open()
			return true, nil
		default: // docs/feed.md names two; others are for later readers
			continue
		}
		d, err := f.read(ctx, data)
		if err != nil {
			return worked, err
		}
		done, err := f.take(ctx, d)
		switch {
		case err != nil:
			return worked, err
		case done == missing:
			return true, nil // the complete list, at once
		case done == applied:
			worked = true
			lines.progress()
			alive()
		}
	}
}

// open notes that something is missing.
func (f *follower) open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gap = true
}

// polls follows by long polls until it is time to try a stream again.
func (f *follower) polls(ctx context.Context) error {
	for time.Now().Before(f.pollUntil) {
		query, k := f.from()
		query.Set("wait", strconv.FormatFloat(math.Ceil(f.pace.wait.Seconds()), 'f', 0, 64))
		began := time.Now()
		d, err := f.fetch(ctx, query, f.pace.wait+f.pace.slack)
		if err != nil {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("%w: %w", ErrFeedSilent, err)
			}
			return err
		}
		done, err := f.take(ctx, d)
		switch {
		case err != nil:
			return err
		case done == missing:
			return nil
		case f.current().seq == k.seq && time.Since(began) < f.pace.wait/2:
			// A server waits. Whoever answers at once and brings nothing would be asked without end.
			return errNothingNew
		}
	}
	return nil
}

// The events of docs/feed.md.
const (
	revocationsEvent = "revocations"
	goneEvent        = "gone"
)

// eventReader reads server-sent events as the HTML standard has them. Lines, and what comes between two documents, are bounded.
type eventReader struct {
	scanner *bufio.Scanner
	bytes   int
}

func newEventReader(from io.Reader) *eventReader {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(make([]byte, 0, 4096), maxFeedDocument)
	return &eventReader{scanner: scanner}
}

// progress begins the count of bytes anew.
func (r *eventReader) progress() { r.bytes = 0 }

// next gives the next event that has a name.
func (r *eventReader) next() (name string, data []byte, err error) {
	for r.scanner.Scan() {
		line := bytes.TrimSuffix(r.scanner.Bytes(), []byte("\r"))
		if r.bytes += len(line) + 1; r.bytes > 2*maxFeedDocument {
			return "", nil, documentError("%w", errTooLong)
		}
		if len(line) == 0 { // the end of an event
			if name != "" {
				return name, data, nil
			}
			data = nil
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		default: // comments; id, which the document itself tells; retry, which the follower knows better
		}
	}
	if err := r.scanner.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = documentError("%w", errTooLong)
		}
		return "", nil, err
	}
	return "", nil, errEnded
}
