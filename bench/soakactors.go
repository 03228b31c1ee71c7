package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// Pauses between two deeds of an actor.
const (
	clientPause = 10 * time.Millisecond
	loginPause  = 200 * time.Millisecond
	revokePause = 50 * time.Millisecond
	verifyPause = 5 * time.Millisecond
)

// clients asks for tokens of the client.
func (s *soak) clients(ctx context.Context) {
	for ; ctx.Err() == nil; wait(ctx, clientPause) {
		s.secret.RLock()
		answer := s.ask(ctx, question{method: http.MethodPost, path: soakRoot + "/token", form: s.asClient(url.Values{"grant_type": {"client_credentials"}})})
		s.secret.RUnlock()
		if token, _ := answer.token(); token != "" {
			s.counts.tokens.Add(1)
			s.ledger.add(&soakToken{raw: token, user: -1})
		} else if answer.known() {
			s.violated(validIsAccepted, "client_credentials: %d %s", answer.status, answer.body)
		}
	}
}

// someUser is the number of one, without the last, who is for the changes of rights.
func someUser() int { return rand.IntN(soakUsers - 1) } //nolint:gosec // chooses, protects nothing

// login logs a user in. The caller holds the account.
func (s *soak) login(ctx context.Context, base string, user int) (token, refresh string, answer said) {
	answer = s.ask(ctx, question{
		base: base, method: http.MethodPost, path: soakRoot + "/token",
		form: url.Values{"grant_type": {"password"}, "username": {userName(user)}, "password": {seedPassword}},
	})
	token, refresh = answer.token()
	return token, refresh, answer
}

// logins logs users in.
func (s *soak) logins(ctx context.Context) {
	for ; ctx.Err() == nil; wait(ctx, loginPause) {
		user := someUser()
		s.accounts[user].RLock()
		token, _, answer := s.login(ctx, "", user)
		if token != "" {
			s.counts.tokens.Add(1)
			s.ledger.add(&soakToken{raw: token, user: user})
		} else if answer.known() {
			s.violated(validIsAccepted, "a login: %d %s", answer.status, answer.body)
		}
		s.accounts[user].RUnlock()
	}
}

// refreshes keeps a session of one user after the other alive.
func (s *soak) refreshes(ctx context.Context) {
	refresh, user, epoch, begun := "", 0, 0, time.Time{}
	for ; ctx.Err() == nil; wait(ctx, loginPause/2) {
		if refresh == "" {
			user, begun = someUser(), time.Now()
			s.accounts[user].RLock()
			_, refresh, _ = s.login(ctx, "", user)
			epoch = s.accounts[user].epoch
			s.accounts[user].RUnlock()
			continue
		}
		s.accounts[user].RLock()
		answer := s.ask(ctx, question{
			method: http.MethodPost, path: soakRoot + "/token", form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}},
		})
		ended := s.accounts[user].epoch != epoch
		s.accounts[user].RUnlock()
		refresh = s.refreshed(answer, user, ended, begun)
		if rand.IntN(20) == 0 { //nolint:gosec // as above
			refresh = ""
		}
	}
}

// refreshed looks at the answer to a refresh token of a session that began at a moment, and gives the next one.
func (s *soak) refreshed(answer said, user int, ended bool, begun time.Time) (next string) {
	token, next := answer.token()
	switch {
	case !answer.known(): // whether it is spent nobody knows
		return ""
	case token != "" && ended:
		s.violated(revokedIsRefused, "a session that was ended got a token")
	case token == "" && !ended && s.calm(begun):
		s.violated(validIsAccepted, "a refresh: %d %s", answer.status, answer.body)
	case token != "":
		s.counts.refreshes.Add(1)
		s.ledger.add(&soakToken{raw: token, user: user})
	}
	return next
}

// revokes revokes tokens and waits until each is refused everywhere.
func (s *soak) revokes(ctx context.Context) {
	for ; ctx.Err() == nil; wait(ctx, revokePause) {
		if token := s.revoke(ctx, ""); token != nil {
			s.refusedEverywhere(ctx, token)
		}
	}
}

// revoke revokes one token, at one replica or at any if base is empty. It is nil if that was not acknowledged.
func (s *soak) revoke(ctx context.Context, base string) *soakToken {
	token := s.ledger.random(false)
	if token == nil || !token.doom() {
		return nil
	}
	s.ledger.bury(func(t *soakToken) bool { return t == token })
	s.secret.RLock()
	answer := s.ask(ctx, question{base: base, method: http.MethodPost, path: soakRoot + "/revoke", form: s.asClient(url.Values{"token": {token.raw}})})
	s.secret.RUnlock()
	if answer.status == http.StatusOK {
		token.end(time.Now())
		s.counts.revocations.Add(1)
		return token
	}
	if answer.known() {
		s.violated(validIsAccepted, "a revocation: %d %s", answer.status, answer.body)
	}
	return nil
}

// refusedEverywhere asks all replicas and the resource server until each has refused, and takes the time. That a replica cannot answer is no
// acceptance; a resource server that is cut off may accept for as long as it is set to.
func (s *soak) refusedEverywhere(ctx context.Context, token *soakToken) {
	for _, r := range s.replicas {
		if !s.refusedBy(ctx, r, token) {
			return
		}
	}
	for ctx.Err() == nil {
		asked := time.Now()
		if _, err := s.follower.Verify(ctx, token.raw); errors.Is(err, verifier.ErrRevoked) {
			break
		}
		if !s.calm(token.revoked) {
			return // audit looks at it again
		}
		if after := asked.Sub(token.revoked); after > heardWithin {
			s.violated(revokedIsRefused, "by a resource server, %v after the revocation of a token", after)
			return
		}
		wait(ctx, askEvery*10)
	}
	if s.calm(token.revoked) && ctx.Err() == nil {
		s.heard.add(time.Since(token.revoked))
	}
}

// refusedBy waits until a replica refuses a token, or is away.
func (s *soak) refusedBy(ctx context.Context, r *replica, token *soakToken) bool {
	for ctx.Err() == nil && !r.away.Load() {
		active, answer := s.introspect(ctx, r.url(), token.raw)
		if answer.status == http.StatusOK && !active {
			return true
		}
		pause := askEvery * 10
		if after := answer.asked.Sub(token.revoked); answer.status != http.StatusOK {
			pause = verifyPause
		} else if after > heardWithin+freshWithin {
			s.violated(revokedIsRefused, "by replica %d, %v after the revocation of a token", r.number, after)
			return false
		}
		wait(ctx, pause)
	}
	return true
}

// freshWithin is what a replica that stood still, or lost its database, may know too late.
const freshWithin = 2 * time.Second

// verifies looks at tokens, revoked and not, at resource servers and replicas.
func (s *soak) verifies(ctx context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		wait(ctx, verifyPause)
		token := s.ledger.random(turn%4 == 3)
		if token == nil {
			continue
		}
		if turn%8 < 6 {
			s.verify(ctx, token)
		} else {
			s.examine(ctx, "", token)
		}
	}
}

// verify asks the resource server.
func (s *soak) verify(ctx context.Context, token *soakToken) {
	asked := time.Now()
	expected := token.expected(asked)
	_, err := s.follower.Verify(ctx, token.raw)
	switch {
	case ctx.Err() != nil:
	case expected == accepted && err != nil:
		if token.expected(time.Now()) == accepted && s.calm(asked) {
			s.violated(validIsAccepted, "a resource server refuses a valid token: %v", err)
		}
	case expected == refused && err == nil:
		if s.calm(asked) { // whenever it was revoked: what was missed while something was broken is known by now
			s.violated(revokedIsRefused, "a resource server accepts a revoked token")
		}
	case expected == accepted:
		s.counts.verifications.Add(1)
	case expected == refused:
		s.counts.refusals.Add(1)
	}
}

// examine asks a replica, whatever is broken.
func (s *soak) examine(ctx context.Context, base string, token *soakToken) {
	asked := time.Now()
	expected := token.expected(asked.Add(-freshWithin))
	active, answer := s.introspect(ctx, base, token.raw)
	if answer.status != http.StatusOK {
		return
	}
	switch {
	case expected == accepted && !active:
		if token.expected(time.Now()) == accepted {
			s.violated(validIsAccepted, "a replica refuses a valid token")
		}
	case expected == refused && active:
		s.violated(revokedIsRefused, "a replica accepts a revoked token")
	case expected == accepted:
		s.counts.verifications.Add(1)
	case expected == refused:
		s.counts.refusals.Add(1)
	}
}

// use asks a replica for something with a revoked token.
func (s *soak) use(ctx context.Context, base string, token *soakToken) {
	expected := token.expected(time.Now().Add(-freshWithin))
	answer := s.ask(ctx, question{base: base, method: http.MethodGet, path: soakRoot + "/users?limit=1", bearer: token.raw})
	switch {
	case expected == refused && answer.status == http.StatusOK:
		s.violated(revokedIsRefused, "a replica lets a revoked token list users")
	case expected == refused && answer.known():
		s.counts.refusals.Add(1)
	}
}

// audit looks at every token at the end, at all replicas and the resource server, when everything must be known everywhere.
func (s *soak) audit(ctx context.Context) {
	wait(ctx, max(heardWithin+freshWithin, time.Until(*s.calmSince.Load())))
	for i, token := range s.ledger.all() {
		s.verify(ctx, token)
		if i%10 == 0 {
			s.examine(ctx, s.replicas[i/10%len(s.replicas)].url(), token)
		}
	}
}
