package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// said is an answer of a replica. Status 0: there was none.
type said struct {
	status int
	body   []byte
	asked  time.Time
}

// question is a request. Base empty: through the round-robin.
type question struct {
	base, method, path, bearer string
	form                       url.Values
	json                       string
}

const soakRoot = "/" + seedOrganization + "/" + seedApplication

// ask asks. What must never be answered while nothing is broken is noted here, for every request alike.
func (s *soak) ask(ctx context.Context, q question) said {
	answer := said{asked: time.Now()}
	client, base := s.direct, q.base
	if base == "" {
		client, base = s.balanced, clusterURL
	}
	body := q.json
	if q.form != nil {
		body = q.form.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, q.method, base+q.path, strings.NewReader(body))
	if err != nil {
		s.violated(soakWorks, "%s %s: %v", q.method, q.path, err)
		return answer
	}
	if q.form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if q.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+q.bearer)
	}
	response, err := client.Do(request)
	if err == nil {
		defer response.Body.Close() //nolint:errcheck // only read
		answer.body, err = io.ReadAll(response.Body)
	}
	switch {
	case ctx.Err() != nil: // the time is over
	case err != nil:
		if s.calm(answer.asked) {
			s.violated(alwaysAnswered, "%s %s: %v", q.method, q.path, err)
		}
	case response.StatusCode >= http.StatusInternalServerError:
		answer.status = response.StatusCode
		if response.StatusCode == http.StatusServiceUnavailable {
			s.counts.unavailable.Add(1)
		}
		if s.calm(answer.asked) || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			s.violated(alwaysAnswered, "%s %s: %d %s", q.method, q.path, response.StatusCode, answer.body)
		}
	default:
		answer.status = response.StatusCode
	}
	return answer
}

// known tells whether the answer says something: the server was there and could look.
func (a said) known() bool { return a.status != 0 && a.status < http.StatusInternalServerError }

func (a said) token() (access, refresh string) {
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &answer) != nil {
		return "", ""
	}
	return answer.Access, answer.Refresh
}

// asClient adds the client's credentials. The caller holds s.secret.
func (s *soak) asClient(values url.Values) url.Values {
	values.Set("client_id", s.seed.client)
	values.Set("client_secret", s.seed.secret)
	return values
}

// introspect asks a replica, or any if base is empty, whether a token is active.
func (s *soak) introspect(ctx context.Context, base, token string) (active bool, answer said) {
	s.secret.RLock()
	defer s.secret.RUnlock()
	answer = s.ask(ctx, question{base: base, method: http.MethodPost, path: soakRoot + "/introspect", form: s.asClient(url.Values{"token": {token}})})
	if answer.known() && answer.status != http.StatusOK {
		s.violated(validIsAccepted, "introspection: %d %s", answer.status, answer.body)
	}
	return strings.Contains(string(answer.body), `"active":true`), answer
}
