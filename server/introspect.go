package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
)

// introspection is the answer of RFC 7662 §2.2 for an active token: all its claims.
type introspection struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	*claims.Claims
}

// inactive is the answer for every other token: nothing tells expired from revoked, foreign or garbage.
type inactive struct {
	Active bool `json:"active"`
}

// introspect is RFC 7662 (§6.3).
func (s *Server) introspect(r *request) error {
	form, err := s.oauthForm(r)
	if err != nil {
		return err
	}
	caller, err := s.introspector(r, form.client)
	if err != nil {
		r.countRefused(err)
		return err
	}
	r.caller = caller
	found, err := s.Grants.Introspect(r.ctx(), r.tenant, caller, form.token)
	if err != nil {
		return err
	}
	var answer any = inactive{}
	if found != nil {
		answer = introspection{Active: true, TokenType: "Bearer", Claims: found}
	}
	if prefersSigned(r.Request().Header, "application/"+grants.IntrospectionType) {
		return s.answerSigned(r, caller, answer)
	}
	r.answer(http.StatusOK, answer)
	return nil
}

// answerSigned is RFC 9701: the same answer as a JWT, for callers who must prove later what they were told.
func (s *Server) answerSigned(r *request, caller *grants.Caller, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	signed, err := s.Grants.SignIntrospection(r.tenant, caller, text)
	if err != nil {
		return err
	}
	r.write(http.StatusOK, "application/"+grants.IntrospectionType, []byte(signed))
	return nil
}

// introspector authenticates who asks: a client by Basic or in the body, anybody with a level for it by Bearer.
func (s *Server) introspector(r *request, client grants.PresentedClient) (*grants.Caller, error) {
	if scheme, value := r.authorization(); scheme == "bearer" {
		if client.Secret != "" {
			return nil, twoMethods()
		}
		r.credential = tokenCredential
		caller, err := s.Grants.AuthenticateToken(r.ctx(), value)
		return caller, asInvalidClient(err, false)
	}
	if basic := client.Basic; basic != nil {
		r.credential = basicCredential
		if client.Secret != "" || client.ID != "" && client.ID != basic.Username {
			return nil, twoMethods()
		}
		return s.introspectingClient(r, basic.Username, basic.Password, true)
	}
	return s.introspectingClient(r, client.ID, client.Secret, false)
}

// twoMethods is RFC 6749 §2.3: not more than one authentication method in a request.
func twoMethods() *grants.Error {
	return grants.NewError(http.StatusBadRequest, "invalid_request", "more than one client authentication method")
}

func (s *Server) introspectingClient(r *request, id, secret string, basic bool) (*grants.Caller, error) {
	if id == "" || secret == "" {
		return nil, grants.InvalidClient(basic)
	}
	caller, err := s.Grants.AuthenticateClient(r.ctx(), id, secret, r.source())
	return caller, asInvalidClient(err, basic)
}

// asInvalidClient gives every refusal the one code of this endpoint; throttling and our own failures stay what they are.
func asInvalidClient(err error, basic bool) error {
	var known *grants.Error
	if errors.As(err, &known) && known.Status == http.StatusUnauthorized {
		return grants.InvalidClient(basic).Because(err)
	}
	return err
}
