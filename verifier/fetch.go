package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of one short request: metadata and key sets.
const (
	fetchTimeout = 10 * time.Second
	maxDocument  = 256 << 10
)

// document is an answer to a short request.
type document struct {
	body   []byte
	maxAge time.Duration // 0: the answer does not say
}

// fetch reads one small document. Errors name the address and the status, never what came.
func fetch(ctx context.Context, client *http.Client, address string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return document{}, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return document{}, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return document{}, &statusError{address: address, status: response.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return document{}, fmt.Errorf("GET %s: %w", address, err)
	}
	if len(body) > maxDocument {
		return document{}, fmt.Errorf("GET %s: more than %d bytes", address, maxDocument)
	}
	return document{body: body, maxAge: maxAge(response.Header)}, nil
}

type statusError struct {
	address string
	status  int
}

func (e *statusError) Error() string { return fmt.Sprintf("GET %s: status %d", e.address, e.status) }

// maxAge reads the life of an answer. RFC 9111 §5.2.2.1, §5.1: what it spent in caches counts.
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		if err != nil {
			return 0
		}
		age, err := strconv.ParseUint(header.Get("Age"), 10, 31)
		if err != nil {
			age = 0
		}
		return time.Duration(max(int64(seconds)-int64(age), 1)) * time.Second
	}
	return 0
}

// errRedirect: who can redirect us chooses whom we believe.
var errRedirect = errors.New("redirects are not followed")

// ownClient makes a client of the user's that follows no redirect, keeps no cookies and has no time-out of its own, because streams last.
func ownClient(from *http.Client) *http.Client {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect }}
	if from != nil {
		client.Transport = from.Transport
	}
	return client
}

// parseAddress refuses what must not be asked: another scheme than https, but for this machine or where it is allowed.
func parseAddress(name, text string, allowHTTP bool) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not a URL", name)
	case address.Host == "" || address.User != nil || address.Fragment != "":
		return nil, fmt.Errorf("%s %q: want https://host/path", name, address.Redacted())
	case address.Scheme == "https", address.Scheme == "http" && (allowHTTP || loopback(address.Hostname())):
		return address, nil
	default:
		return nil, fmt.Errorf("%s %q: not https", name, text)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }
