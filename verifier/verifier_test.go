package verifier_test

import (
	"errors"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// refused demands that a token is refused for this reason.
func refused(t *testing.T, v *verifier.Verifier, raw string, want error) {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if !errors.Is(err, want) || token != nil {
		t.Errorf("got %v, %v; want %v", token, err, want)
	}
}

func accepted(t *testing.T, v *verifier.Verifier, raw string) *verifier.Token {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return token
}

// twice calls a test with tokens that were never seen and with tokens that come from the cache.
func twice(t *testing.T, test func(t *testing.T, seen bool)) {
	t.Helper()
	for name, seen := range map[string]bool{"first sight": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, seen)
		})
	}
}

func TestTokensOfEveryLevelAreAccepted(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	for _, test := range []struct {
		name   string
		claims claims.Claims
	}{
		{"user", verifytest.User("dana", "clerk")},
		{"application", verifytest.Application()},
		{"organization", verifytest.Organization()},
		{"admin", verifytest.Admin("olga", "other", verifytest.OrganizationName)},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := server.Issue(test.claims)
			for range 2 {
				token := accepted(t, v, raw)
				if token.Level() != test.claims.Level || token.Subject() != test.claims.Subject || token.Username() != test.claims.Username {
					t.Errorf("got %+v", token.Claims())
				}
				if _, ends := token.Expires(); !ends || token.KeyID() != server.KeyID() {
					t.Errorf("expires %v, kid %s", ends, token.KeyID())
				}
			}
		})
	}
}

func TestEveryAlgorithmIsVerified(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			server := verifytest.New(t, verifytest.Algorithm(algorithm))
			v := server.Verifier()
			accepted(t, v, server.Issue(verifytest.User("dana")))
			others := server.Verifier(func(c *verifier.Config) { c.Algorithms = without(algorithm); c.StartOffline = true; c.Logger = nil })
			refused(t, others, server.Issue(verifytest.User("dana")), verifier.ErrAlgorithm)
		})
	}
}

func without(algorithm string) (others []string) {
	for _, name := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
		if name != algorithm {
			others = append(others, name)
		}
	}
	return others
}

func TestRevokedTokensAreRefused(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, seen bool) {
		t.Helper()
		server := verifytest.New(t)
		v := server.Verifier()
		dana := verifytest.User("dana")
		one, other, erik := server.Issue(dana), server.Issue(dana), server.Issue(verifytest.User("erik"))
		application, forEver := server.Issue(verifytest.Application()), server.IssueNonExpiring(dana)
		if seen {
			for _, raw := range []string{one, other, erik, application, forEver} {
				accepted(t, v, raw)
			}
		}
		server.Revoke(one)
		server.Wait(v)
		refused(t, v, one, verifier.ErrRevoked)
		accepted(t, v, other)

		server.RevokeSubject(dana.Subject)
		server.Wait(v)
		refused(t, v, other, verifier.ErrRevoked)
		refused(t, v, forEver, verifier.ErrRevoked)
		accepted(t, v, erik)
		accepted(t, v, server.Issue(dana))

		server.DropKey(server.KeyID())
		server.Wait(v)
		refused(t, v, erik, verifier.ErrRevoked)
		erik = server.Issue(verifytest.User("erik"))
		accepted(t, v, erik)

		organization := server.Issue(verifytest.Organization())
		accepted(t, v, organization)
		server.End()
		server.Wait(v)
		refused(t, v, erik, verifier.ErrRevoked)
		// Whose organization it was has no rights in it either: it may have been deleted with it.
		refused(t, v, organization, verifier.ErrRevoked)
	})
}

// Nobody but the organization's client is told that an admin has left.
func TestAdminsTokensWithoutEndNeedClaimChanges(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	olga, organization := verifytest.Admin("olga", verifytest.OrganizationName), verifytest.Organization()
	told := server.Verifier()
	public := server.Verifier(func(c *verifier.Config) { c.ClientID, c.ClientSecret = "", "" })
	accepted(t, told, server.IssueNonExpiring(olga))
	refused(t, public, server.IssueNonExpiring(olga), verifier.ErrNonExpiring)
	accepted(t, public, server.Issue(olga))
	accepted(t, public, server.IssueNonExpiring(organization))
}

func TestClaimChangesTakeThePlaceOfTheTokens(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, seen bool) {
		t.Helper()
		server := verifytest.New(t)
		v := server.Verifier()
		dana, olga := verifytest.User("dana", "clerk"), verifytest.Admin("olga", verifytest.OrganizationName)
		dana.Groups, dana.Permissions = []string{"staff/north"}, []string{"get:/orders"}
		user, admin := server.Issue(dana), server.Issue(olga)
		if seen {
			accepted(t, v, user)
			accepted(t, v, admin)
		}
		server.SetRoles(dana.Subject, []string{"boss"})
		server.SetMember(olga.Subject, false)
		server.Wait(v)
		token := accepted(t, v, user)
		if !token.HasRole("boss") || token.HasRole("clerk") || token.InGroup("staff") || token.Claims().Permissions != nil {
			t.Errorf("got %+v", token.Claims())
		}
		refused(t, v, admin, verifier.ErrOrganization)
		server.SetRoles(dana.Subject, []string{"clerk"}, "staff/south")
		server.SetMember(olga.Subject, true)
		server.Wait(v)
		if token := accepted(t, v, user); !token.HasRole("clerk") || !token.InGroup("staff") || token.InGroup("staff/north") || token.InGroup("sta") {
			t.Errorf("got %+v", token.Claims())
		}
		accepted(t, v, admin)
	})
}

func TestManagementTokensAreForOneOrganization(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	foreign := verifytest.Organization()
	foreign.Org = "umbrella"
	super := verifytest.Admin("root")
	super.Superuser = true
	imitation := verifytest.User("dana")
	imitation.Superuser, imitation.Orgs = true, []string{verifytest.OrganizationName}
	imitation.Issuer = server.ManagementIssuer()
	upward := verifytest.Admin("olga", verifytest.OrganizationName)
	upward.Issuer = server.Issuer()
	for name, test := range map[string]struct {
		claims claims.Claims
		want   error
	}{
		"client of another organization":    {foreign, verifier.ErrOrganization},
		"admin of nothing":                  {verifytest.Admin("erik"), verifier.ErrOrganization},
		"admin of another organization":     {verifytest.Admin("erik", "umbrella"), verifier.ErrOrganization},
		"superuser":                         {super, verifier.ErrOrganization},
		"user at the management issuer":     {imitation, verifier.ErrIssuer},
		"admin at the application's issuer": {upward, verifier.ErrIssuer},
	} {
		raw := server.Issue(test.claims)
		t.Run(name, func(t *testing.T) { refused(t, v, raw, test.want) })
	}
	accepted(t, server.Verifier(func(c *verifier.Config) { c.AcceptSuperuser = true }), server.Issue(super))
	application := server.Verifier(func(c *verifier.Config) { c.ManagementIssuer, c.Organization = "", "" })
	refused(t, application, server.Issue(verifytest.Organization()), verifier.ErrIssuer)
	management := server.Verifier(func(c *verifier.Config) { c.Issuer, c.ManagementIssuer = c.ManagementIssuer, "" })
	accepted(t, management, server.Issue(verifytest.Organization()))
	refused(t, management, server.Issue(verifytest.Application()), verifier.ErrIssuer)
}

func TestRotatedKeysAreFetchedWhenTheyAreMet(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	now := newClock()
	v := server.Verifier(func(c *verifier.Config) { c.Now = now.now })
	old := server.Issue(verifytest.User("dana"))
	accepted(t, v, old)
	server.Rotate() // to a key that was announced
	accepted(t, v, server.Issue(verifytest.User("dana")))
	server.Rotate()
	unknown := server.Issue(verifytest.User("dana"))
	refused(t, v, unknown, verifier.ErrUnknownKey)
	now.advance(6 * time.Second) // the cool-down after the first fetch
	accepted(t, v, server.Issue(verifytest.User("erik")))
	accepted(t, v, unknown)
	accepted(t, v, old)
}

// Tokens of a key that left the set are refused, in the cache, too; those of a dropped key are so without a question about the key.
func TestTokensEndWithTheirKey(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, seen bool) {
		t.Helper()
		server := verifytest.New(t, verifytest.Heartbeat(time.Hour)) // so that the keys alone change
		now := newClock()
		v := server.Verifier(func(c *verifier.Config) { c.Now = now.now })
		first, withdrawn := server.KeyID(), server.Issue(verifytest.User("dana"))
		server.Rotate()
		second, dropped := server.KeyID(), server.Issue(verifytest.User("dana"))
		if seen {
			accepted(t, v, withdrawn)
			accepted(t, v, dropped)
		}
		server.Rotate()
		server.Withdraw(first)
		now.advance(6 * time.Second)
		// A key that nobody has announced makes the verifier read the set again.
		accepted(t, v, server.Issue(verifytest.User("dana")))
		refused(t, v, withdrawn, verifier.ErrUnknownKey)
		now.advance(6 * time.Second)
		server.DropKey(second)
		server.Wait(v)
		now.advance(6 * time.Second)
		server.Rotate()
		server.Rotate()
		accepted(t, v, server.Issue(verifytest.User("dana")))
		refused(t, v, dropped, verifier.ErrRevoked)
	})
}

// Old knowledge: first tokens that nothing else ends are refused, then all, and both are good again when the feed is back.
func TestStaleKnowledgeFailsClosed(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	now := newClock()
	v := server.Verifier(func(c *verifier.Config) { c.Now = now.now })
	ordinary, forEver := server.Issue(verifytest.User("dana")), server.IssueNonExpiring(verifytest.User("dana"))
	far := verifytest.User("dana")
	far.Expires = new(int64(claims.FarFuture))
	farAway := server.Issue(far)
	check := func(ordinaryWant, forEverWant error) {
		t.Helper()
		// Tokens that were seen and tokens that were not.
		for _, raw := range []string{ordinary, server.Issue(verifytest.User("dana"))} {
			if _, err := v.Verify(t.Context(), raw); !errors.Is(err, ordinaryWant) {
				t.Errorf("got %v, want %v", err, ordinaryWant)
			}
		}
		for _, raw := range []string{forEver, farAway, server.IssueNonExpiring(verifytest.User("dana"))} {
			if _, err := v.Verify(t.Context(), raw); !errors.Is(err, forEverWant) {
				t.Errorf("non-expiring: got %v, want %v", err, forEverWant)
			}
		}
	}
	check(nil, nil)
	server.Down()
	now.advance(55 * time.Second)
	check(nil, nil)
	now.advance(10 * time.Second)
	check(nil, verifier.ErrStale)
	now.advance(28 * time.Minute)
	check(nil, verifier.ErrStale)
	now.advance(2 * time.Minute)
	check(verifier.ErrStale, verifier.ErrStale)
	if err := v.Ready(); !errors.Is(err, verifier.ErrStale) {
		t.Errorf("ready: %v", err)
	}
	now.advance(-31*time.Minute - 5*time.Second)
	server.Up()
	server.Revoke(ordinary)
	server.Wait(v)
	refused(t, v, ordinary, verifier.ErrRevoked)
	accepted(t, v, forEver)
	accepted(t, v, farAway)
}

func TestPolicyIsFollowed(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	server.SetPolicy(revocation.Policy{Roles: map[string][]string{"clerk": {"get:/orders/**"}}})
	server.Wait(v)
	if at, known := v.Position(server.Issuer()); !known || at.Policy < 2 {
		t.Errorf("at %+v", at)
	}
}
