package grants

import (
	"testing"

	"github.com/writ-auth/writ/models"
)

// clientRequest is the request that most of a token server's load consists of.
func (f *fixture) clientRequest() TokenRequest {
	return TokenRequest{
		Tenant: f.shop, Dialect: RFC6749, GrantType: clientCredentialsGrant, Source: "192.0.2.1",
		Client: PresentedClient{ID: f.clientID(f.shop), Secret: f.shopSecret},
	}
}

// maxAllocations of the whole pipeline of client_credentials, 84 when this was written; two thirds of them are the signature's (package keys). Times cannot be asserted on a
// shared machine, allocations can: raise this only with a reason.
const maxAllocations = 95

func TestClientCredentialsAllocateLittle(t *testing.T) {
	f := newFixture(t)
	req := f.clientRequest()
	if got := testing.AllocsPerRun(200, func() {
		if _, err := f.Token(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}); got > maxAllocations {
		t.Errorf("%.0f allocations for a token, at most %d are expected", got, maxAllocations)
	}
}

func BenchmarkToken(b *testing.B) {
	f := newFixture(b)
	organization := f.clientRequest()
	organization.Client = PresentedClient{ID: models.ClientID(models.OrganizationClient, f.shop.Organization.ID), Secret: f.acmeSecret}
	login := f.clientRequest()
	login.GrantType, login.Client, login.Username, login.Password = passwordGrant, PresentedClient{}, "dana", userPassword
	for _, c := range []struct {
		name    string
		request TokenRequest
	}{
		{"client_credentials", f.clientRequest()},
		{"client_credentials of an organization", organization},
		{"password, a cheap hash", login}, // what a login costs besides the hash: the rows of the user and his rights
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Token(b.Context(), c.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAuthenticateToken(b *testing.B) {
	f := newFixture(b)
	token, err := f.Token(b.Context(), f.clientRequest())
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.AuthenticateToken(b.Context(), token.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}
