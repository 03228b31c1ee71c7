package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// call is a request of the wire contract. Nothing of the browser's request gets into it by itself: a handler writes down what is sent.
type call struct {
	method string
	path   []string // unescaped
	query  url.Values
	body   any // nil: none
}

// do has the API answer a call with the rights of the admin who is signed in, and decodes the answer. What was refused is a *refusal.
func (v *visit) do(c call, into any) error {
	request, err := v.request(c)
	if err != nil {
		return err
	}
	answer := &recorded{header: http.Header{}}
	v.API.ServeAs(answer, request, v.caller)
	if answer.status != http.StatusOK {
		refused := &refusal{status: answer.status}
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(answer.body.Bytes(), &body); err != nil {
			return fmt.Errorf("answer %d to %s: %w", answer.status, c.method, err)
		}
		refused.code, refused.description = body.Error, body.Description
		return refused
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.body.Bytes(), into)
}

func (v *visit) request(c call) (*http.Request, error) {
	escaped := make([]string, len(c.path))
	for i, segment := range c.path {
		if segment == "" {
			return nil, errNotFound
		}
		escaped[i] = url.PathEscape(segment)
	}
	at := &url.URL{Path: "/" + strings.Join(c.path, "/"), RawPath: "/" + strings.Join(escaped, "/"), RawQuery: c.query.Encode()}
	var body io.Reader = http.NoBody
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(v.ctx(), c.method, at.String(), body)
	if err != nil {
		return nil, err
	}
	request.URL = at
	request.RequestURI, request.RemoteAddr, request.Host = at.RequestURI(), v.r.RemoteAddr, v.r.Host
	request.Header.Set("X-Request-Id", v.w.Header().Get("X-Request-Id"))
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// get asks for something to show.
func (v *visit) get(into any, path ...string) error {
	return v.do(call{method: http.MethodGet, path: path}, into)
}

// isUnknown tells whether the API says that something does not exist.
func isUnknown(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.status == http.StatusNotFound
}

// recorded is an answer that is kept in memory.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(status int) { r.status = status }

func (r *recorded) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.body.Write(b)
}
