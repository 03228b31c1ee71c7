package verifier

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/claims/strictjson"
	"github.com/writ-auth/writ/verifier/denylist"
)

// Bounds of what one issuer can make us read. A server's documents have some thousand entries.
const (
	maxFeedDocument = 12 << 20 // bytes of a signed document, as it comes and unpacked
	maxPages        = 10_000
	maxAttempts     = 3 // of reading a complete list that is replaced meanwhile
)

const eventStream = "text/event-stream"

// ask sends one request; the answer is 200, or 304 if the request was conditional.
func (f *follower) ask(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	if f.authorization != "" {
		header.Set("Authorization", f.authorization)
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusNotModified && header.Get("If-None-Match") != "" {
		return answer, nil
	}
	_ = answer.Body.Close()
	return nil, feedRefusal(answer, f.authorization != "", f.now())
}

// documentText reads a document, whose length is bounded twice: a few bytes of gzip say as much as one likes.
func documentText(answer *http.Response) ([]byte, error) {
	from := io.LimitReader(answer.Body, maxFeedDocument+1)
	switch answer.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return nil, err
		}
		from = io.LimitReader(unpacked, maxFeedDocument+1)
	default:
		return nil, errors.New("unknown Content-Encoding")
	}
	text, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	if len(text) > maxFeedDocument {
		return nil, documentError("%w", errTooLong)
	}
	return bytes.TrimRight(text, "\r\n"), nil
}

func mediaType(answer *http.Response) string {
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// address is that of the feed with a query.
func (f *follower) address(query url.Values) string {
	address := *f.feedURL
	merged := address.Query()
	maps.Copy(merged, query)
	address.RawQuery = merged.Encode()
	return address.String()
}

// fetch reads one document of the feed.
func (f *follower) fetch(ctx context.Context, query url.Values, patience time.Duration) (*revocation.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := f.ask(ctx, f.address(query), http.Header{"Accept": {revocation.MediaType}, "Accept-Encoding": {"gzip"}})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	raw, err := documentText(answer)
	if err != nil {
		return nil, err
	}
	return f.read(ctx, raw)
}

// read checks a document. docs/feed.md, Documents: typ, alg, the signature and iss, all of them.
func (f *follower) read(ctx context.Context, raw []byte) (*revocation.Document, error) {
	payload, kid, err := f.checked(ctx, raw, revocation.Type)
	if err != nil {
		return nil, err
	}
	d, err := revocation.Parse(payload)
	if err != nil {
		return nil, documentError("%w", err)
	}
	if err := f.ours(d.Issuer, d.AsOf); err != nil {
		return nil, err
	}
	if slices.Contains(d.Keys, kid) {
		return nil, documentError("it is signed by a key that it calls dropped")
	}
	return d, nil
}

// checked gives the payload of a document whose signature and typ are right, and whose key was not dropped: whoever stole a key signs
// what they like.
func (f *follower) checked(ctx context.Context, raw []byte, typ string) (payload []byte, kid string, err error) {
	if payload, err = f.verify(ctx, raw, typ); err != nil {
		return nil, "", documentError("%w", err)
	}
	encoded, _, _ := bytes.Cut(raw, []byte("."))
	header, err := base64.RawURLEncoding.DecodeString(string(encoded))
	if err != nil {
		return nil, "", documentError("header: %w", err)
	}
	decoded, err := strictjson.Decode(header, 4)
	if err != nil {
		return nil, "", documentError("header: %w", err)
	}
	members, _ := decoded.(map[string]any)
	kid, _ = members["kid"].(string)
	if k := f.current(); k != nil {
		if _, dropped := k.keys[kid]; dropped || kid == "" {
			return nil, "", documentError("it is signed by a dropped key")
		}
	}
	return payload, kid, nil
}

// maxAhead is how much clocks may differ.
const maxAhead = time.Minute

func (f *follower) ours(issuer string, asOf int64) error {
	if issuer != f.issuer {
		return documentError("it is of issuer %q", issuer)
	}
	// Taken for true it would look young for longer than the documents that follow it.
	if ahead := time.Unix(asOf, 0).Sub(f.now()); ahead > maxAhead {
		return documentError("as_of is %v in the future: the clocks differ", ahead)
	}
	return nil
}

// complete reads all pages of the complete list and applies it. first is its first page, if that is here already.
func (f *follower) complete(ctx context.Context, first *revocation.Document) error {
	for attempt := 1; ; attempt++ {
		list, err := f.pages(ctx, first)
		if err == nil {
			f.replace(list)
			f.connect()
			f.metrics.feed(f.issuer, FeedComplete)
			return nil
		}
		// docs/feed.md, Requests: begin again.
		if first = nil; !errors.Is(err, errSnapshotGone) || attempt == maxAttempts {
			return fmt.Errorf("complete list: %w", err)
		}
	}
}

// completeList is all pages of one.
type completeList struct {
	head    revocation.Document // without entries, with the lowest as_of
	entries *denylist.Builder
	claims  []revocation.Change
	arrived time.Time // when the page with that as_of did
}

func (f *follower) pages(ctx context.Context, first *revocation.Document) (*completeList, error) {
	if first == nil || first.Page != 1 {
		var err error
		if first, err = f.fetch(ctx, nil, f.pace.page); err != nil {
			return nil, err
		}
	}
	if !first.Complete || first.Page != 1 || first.Pages > maxPages {
		return nil, documentError("page %d of %d is not the first of a complete list", first.Page, first.Pages)
	}
	list := &completeList{head: *first, entries: denylist.NewBuilder(), arrived: f.now()}
	list.head.Tokens, list.head.Subjects, list.head.Claims = nil, nil, nil
	list.take(first, list.arrived)
	for number := 2; number <= first.Pages; number++ {
		query := url.Values{"page": {strconv.Itoa(number)}, "seq": {strconv.FormatInt(first.Seq, 10)}}
		page, err := f.fetch(ctx, query, f.pace.page)
		if err != nil {
			return nil, err
		}
		// docs/feed.md, Documents: all pages have the same epoch and seq.
		if !page.Complete || page.Page != number || page.Pages != first.Pages || page.Epoch != first.Epoch || page.Seq != first.Seq {
			return nil, documentError("page %d of %d at %d, asked for page %d of %d at %d",
				page.Page, page.Pages, page.Seq, number, first.Pages, first.Seq)
		}
		list.take(page, f.now())
	}
	return list, nil
}

func (l *completeList) take(page *revocation.Document, arrived time.Time) {
	l.entries.Add(page.Tokens, page.Subjects)
	l.claims = append(l.claims, page.Claims...)
	// docs/feed.md, Keeping up: as_of is the one of the page with the lowest.
	if page.AsOf < l.head.AsOf {
		l.head.AsOf, l.arrived = page.AsOf, arrived
	}
	// State is whole in every page; pages are signed one after the other.
	l.head.Ended = l.head.Ended || page.Ended
	l.head.Policy = max(l.head.Policy, page.Policy)
	l.head.Keys = append(l.head.Keys, page.Keys...)
}
