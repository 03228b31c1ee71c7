package grants

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-oauth2/oauth2/v4"
	oautherrors "github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/manage"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
)

// This file is all that touches go-oauth2. Its Manager orders client, generator and token store for one token; what it would decide by
// itself (secrets, lifetimes, refresh tokens) the pipeline has decided before, so the three interfaces below hand that over and refuse
// everything that did not come through the pipeline.

// order is one token on its way through the manager; it travels in the context because go-oauth2 has no other place for it.
type order struct {
	client  *client
	claims  *claims.Claims
	purpose keys.Purpose
}

type orderKey struct{}

var errNoOrder = errors.New("a token was asked for outside the pipeline")

func (s *Service) newManager() *manage.Manager {
	m := manage.NewManager()
	// Refresh tokens are made by the pipeline; the manager's are stored in clear and rotate in three steps.
	none := &manage.Config{}
	m.SetPasswordTokenCfg(none)
	m.SetClientTokenCfg(none)
	m.MapClientStorage(provenClients{})
	m.MapAccessGenerate(generator{s})
	m.MapTokenStorage(nothingStored{})
	return m
}

// generate has the manager make a token.
func (s *Service) generate(ctx context.Context, grantType string, o order) (string, error) {
	kind := oauth2.PasswordCredentials
	if grantType == clientCredentialsGrant {
		kind = oauth2.ClientCredentials
	}
	info, err := s.manager.GenerateAccessToken(context.WithValue(ctx, orderKey{}, &o), kind, &oauth2.TokenGenerateRequest{
		ClientID: o.claims.ClientID, UserID: o.claims.Subject, Scope: o.claims.Scope,
	})
	if err != nil {
		return "", fmt.Errorf("generating a token: %w", err)
	}
	return info.GetAccess(), nil
}

// provenClients is the manager's client store: it knows the one client that the pipeline has authenticated.
type provenClients struct{}

// GetByID implements oauth2.ClientStore.
func (provenClients) GetByID(ctx context.Context, id string) (oauth2.ClientInfo, error) {
	o, ok := ctx.Value(orderKey{}).(*order)
	if !ok || id != o.claims.ClientID {
		return nil, oautherrors.ErrInvalidClient
	}
	return provenClient{o}, nil
}

// provenClient is an authenticated (or public) client in the manager's words.
type provenClient struct{ order *order }

func (p provenClient) GetID() string     { return p.order.claims.ClientID }
func (p provenClient) GetSecret() string { return "" }
func (p provenClient) GetDomain() string { return "" }
func (p provenClient) IsPublic() bool    { return p.order.client.public() }
func (p provenClient) GetUserID() string { return p.order.claims.Subject }

// VerifyPassword implements oauth2.ClientPasswordVerifier: the secret was compared by authenticateClient, and none is passed on.
func (p provenClient) VerifyPassword(secret string) bool { return secret == "" }

// generator is the manager's access token generator.
type generator struct{ service *Service }

// Token implements oauth2.AccessGenerate.
func (g generator) Token(ctx context.Context, _ *oauth2.GenerateBasic, withRefresh bool) (access, refresh string, err error) {
	o, ok := ctx.Value(orderKey{}).(*order)
	if !ok || withRefresh {
		return "", "", errNoOrder
	}
	access, err = g.service.sign(o.claims, o.purpose)
	return access, "", err
}

// nothingStored is the manager's token store. Short-lived tokens leave no row, and what must be kept is kept by the pipeline.
type nothingStored struct{}

// Create implements oauth2.TokenStore.
func (nothingStored) Create(context.Context, oauth2.TokenInfo) error { return nil }

// RemoveByCode implements oauth2.TokenStore.
func (nothingStored) RemoveByCode(context.Context, string) error { return errNoOrder }

// RemoveByAccess implements oauth2.TokenStore.
func (nothingStored) RemoveByAccess(context.Context, string) error { return errNoOrder }

// RemoveByRefresh implements oauth2.TokenStore.
func (nothingStored) RemoveByRefresh(context.Context, string) error { return errNoOrder }

// GetByCode implements oauth2.TokenStore.
func (nothingStored) GetByCode(context.Context, string) (oauth2.TokenInfo, error) {
	return nil, errNoOrder
}

// GetByAccess implements oauth2.TokenStore.
func (nothingStored) GetByAccess(context.Context, string) (oauth2.TokenInfo, error) {
	return nil, errNoOrder
}

// GetByRefresh implements oauth2.TokenStore.
func (nothingStored) GetByRefresh(context.Context, string) (oauth2.TokenInfo, error) {
	return nil, errNoOrder
}
