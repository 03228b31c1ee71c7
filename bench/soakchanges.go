package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

const (
	changePause = time.Second
	// A change that was not acknowledged is asked for again: all of them mean the same a second time.
	changeAgain = 500 * time.Millisecond
	// Each new secret is followed by a refusal of the former one at every replica, and fifty refusals in five minutes are guessing.
	secretEvery = 20 // changes
)

// administers changes users, rights and the client's secret.
func (s *soak) administers(ctx context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		wait(ctx, changePause)
		s.administerOnce(ctx, turn)
	}
}

func (s *soak) administerOnce(ctx context.Context, turn int) {
	s.changing.Lock()
	defer s.changing.Unlock()
	switch {
	case turn%secretEvery == 0:
		s.renewSecret(ctx)
	case turn%3 == 0:
		s.disable(ctx, someUser())
	case turn%3 == 1:
		s.revokeAll(ctx, someUser())
	default:
		s.changeRights(ctx, soakUsers-1)
	}
}

// change asks until it is acknowledged.
func (s *soak) change(ctx context.Context, method, path, body string) said {
	for {
		answer := s.ask(ctx, question{method: method, path: path, bearer: s.root, json: body})
		switch {
		case ctx.Err() != nil:
			return said{}
		case answer.status == http.StatusOK:
			s.counts.changes.Add(1)
			return answer
		case answer.known():
			s.violated(validIsAccepted, "%s %s: %d %s", method, path, answer.status, answer.body)
			return answer
		}
		wait(ctx, changeAgain)
	}
}

// within waits until every replica answers as it must. While something is broken, and for a while behind it, that may take long.
func (s *soak) within(ctx context.Context, broken invariant, what string, holds func(base string) bool) {
	for _, r := range s.replicas {
		for began := time.Now(); ctx.Err() == nil && !r.away.Load(); wait(ctx, changeAgain/10) {
			asked := time.Now()
			if holds(r.url()) {
				break
			}
			if calm := *s.calmSince.Load(); calm.After(began) {
				began = calm
			}
			if asked.Sub(began) > heardWithin && s.calm(asked) {
				s.violated(broken, "replica %d: %s, not within %v", r.number, what, heardWithin)
				break
			}
		}
	}
}

// ending dooms all tokens of a user and ends them when that is acknowledged. The caller holds the account for writing.
func (s *soak) ending(user int, acknowledged func() bool) {
	buried := s.ledger.bury(func(t *soakToken) bool { return t.user == user })
	for _, t := range buried {
		t.doom()
	}
	if acknowledged() {
		at := time.Now()
		for _, t := range buried {
			t.end(at)
		}
		s.accounts[user].epoch++
	}
}

func (s *soak) disable(ctx context.Context, user int) {
	s.accounts[user].Lock()
	defer s.accounts[user].Unlock()
	path := soakRoot + "/users/" + userName(user)
	s.ending(user, func() bool { return s.change(ctx, http.MethodPut, path, `{"disabled":true}`).status == http.StatusOK })
	s.within(ctx, revokedIsRefused, "a disabled user cannot log in", func(base string) bool {
		_, _, answer := s.login(ctx, base, user)
		return answer.known() && answer.status != http.StatusOK
	})
	s.change(ctx, http.MethodPut, path, `{"disabled":false}`)
}

func (s *soak) revokeAll(ctx context.Context, user int) {
	s.accounts[user].Lock()
	defer s.accounts[user].Unlock()
	s.ending(user, func() bool {
		return s.change(ctx, http.MethodPost, soakRoot+"/users/"+userName(user)+"/revoketokens", "").status == http.StatusOK
	})
}

// changeRights gives a user a role and takes it away; the token stays the same.
func (s *soak) changeRights(ctx context.Context, user int) {
	token, _, _ := s.login(ctx, "", user)
	if token == "" {
		return
	}
	path := soakRoot + "/roles/" + readerRole + "/users/" + userName(user)
	for _, one := range []struct {
		method, what string
		status       int
		broken       invariant
	}{
		{http.MethodPost, "a new role holds", http.StatusOK, validIsAccepted},
		{http.MethodDelete, "a role that was taken away is gone", http.StatusUnauthorized, revokedIsRefused},
	} {
		if s.change(ctx, one.method, path, "").status != http.StatusOK {
			return
		}
		s.within(ctx, one.broken, one.what, func(base string) bool {
			return s.ask(ctx, question{base: base, method: http.MethodGet, path: soakRoot + "/users?limit=1", bearer: token}).status == one.status
		})
	}
}

// renewSecret gives the client another secret. Nobody uses the client until all replicas know it.
func (s *soak) renewSecret(ctx context.Context) {
	s.secret.Lock()
	defer s.secret.Unlock()
	answer := s.change(ctx, http.MethodPost, soakRoot+"/credentials", "")
	var renewed struct {
		Credentials struct {
			Secret string `json:"client_secret"`
		} `json:"credentials"`
	}
	if answer.status != http.StatusOK || json.Unmarshal(answer.body, &renewed) != nil || renewed.Credentials.Secret == "" {
		if ctx.Err() == nil {
			s.violated(validIsAccepted, "a new secret: %d %s", answer.status, answer.body)
		}
		return
	}
	former := s.seed.secret
	s.seed.secret = renewed.Credentials.Secret
	grant := func(base, secret string) said {
		form := s.asClient(url.Values{"grant_type": {"client_credentials"}})
		form.Set("client_secret", secret)
		return s.ask(ctx, question{base: base, method: http.MethodPost, path: soakRoot + "/token", form: form})
	}
	// The new one is asked for when the former is refused: before it is known it would count as guessed.
	s.within(ctx, revokedIsRefused, "a client's former secret is refused", func(base string) bool {
		answer := grant(base, former)
		return answer.known() && answer.status != http.StatusOK
	})
	s.within(ctx, validIsAccepted, "the new secret holds", func(base string) bool { return grant(base, s.seed.secret).status == http.StatusOK })
}
