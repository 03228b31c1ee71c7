package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// docs/feed.md: the table of who gets what.
// SEC-64
func TestWhoMayReadTheFeed(t *testing.T) {
	t.Parallel()
	for _, access := range []string{"public", "client"} {
		t.Run(access, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{configure: func(c *Config) { c.FeedForClients = access == "client" }})
			guest, erik := "401", f.newUser(t, f.shop, "erik", "Erik")
			if access == "public" {
				guest = "public"
			}
			expired := bare(f.asShop(t))
			f.clock.advance(25 * time.Hour)
			f.shopToken = ""
			// Something to tell in each place.
			role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
			must(t, err)
			must(t, f.store.AssignRole(t.Context(), f.shop.ID, role.ID, models.HolderUser, erik.ID))
			must(t, f.store.AddMember(t.Context(), f.rita.ID, f.acme.ID))
			must(t, f.store.AddMember(t.Context(), f.olga.ID, f.rival.ID))
			must(t, f.store.RemoveMember(t.Context(), f.rita.ID, f.acme.ID))
			for name, c := range map[string]struct{ header, shop, policy, management string }{
				"nobody":                 {"", guest, "401", guest},
				"shop":                   {basic(f.shopID, f.shopSecret), "claims", "200", "public"},
				"shop's token":           {f.asShop(t), "claims", "200", "public"},
				"acme":                   {basic(f.acmeID, f.acmeSecret), "claims", "200", "claims"},
				"acme's token":           {f.asAcme(t), "claims", "200", "claims"},
				"a member":               {f.asOlga(t), "claims", "200", "public"},
				"the superuser":          {f.asSuperuser(t), "claims", "200", "public"},
				"the superuser by Basic": {basic("superuser", superuserPassword), "claims", "200", "public"},
				"a user":                 {f.asDana(t), "401", "401", "401"},
				"another organization":   {basic(f.rivalID, f.rivalSecret), "401", "401", "claims"},
				"another application":    {basic(f.stallID, f.stallSecret), "401", "401", "public"},
				"a sibling application":  {basic(f.sandboxID, f.sandboxSecret), "401", "401", "public"},
				"another admin":          {f.asRita(t), "401", "401", "public"},
				"a wrong secret":         {basic(f.shopID, "x"), "401", "401", "401"},
				"an expired token":       {"Authorization: Bearer " + expired, "401", "401", "401"},
				"garbage":                {"Authorization: Bearer x", "401", "401", "401"},
				"another scheme":         {"Authorization: Digest x", "401", "401", "401"},
			} {
				headers := []string{c.header}
				if c.header == "" {
					headers = nil
				}
				for _, where := range []struct{ path, want string }{{"/acme/shop/revocations", c.shop}, {"/management/revocations", c.management}} {
					for _, query := range []string{"", "?after=0"} {
						a := f.do(t, "GET", where.path+query, "", headers...)
						if where.want == "401" {
							a.check(t, scenario{wantStatus: 401, wantNotBody: []string{"."}, wantHeader: map[string]string{"Cache-Control": "no-store"}})
							if a.Header().Get("WWW-Authenticate") == "" {
								t.Errorf("%s at %s: no challenge", name, where.path)
							}
							continue
						}
						d := feedDocumentOf(t, a)
						if told := len(d.Claims) > 0; told != (where.want == "claims") {
							t.Errorf("%s at %s%s: claims %+v", name, where.path, query, d.Claims)
						}
						if tells := d.Policy > 0; tells != (where.want == "claims" && where.path != "/management/revocations") {
							t.Errorf("%s at %s%s: policy %d", name, where.path, query, d.Policy)
						}
						if private := strings.HasPrefix(a.Header().Get("Cache-Control"), "private"); private != (c.header != "") {
							t.Errorf("%s at %s: %s", name, where.path, a.Header().Get("Cache-Control"))
						}
					}
				}
				if a := f.do(t, "GET", "/acme/shop/policy", "", headers...); fmt.Sprint(a.Code) != c.policy {
					t.Errorf("%s: policy %d, want %s", name, a.Code, c.policy)
				}
			}
		})
	}
}

// An organization learns of its own members only.
func TestOrganizationsLearnOfTheirOwnMembers(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	must(t, f.store.AddMember(t.Context(), f.rita.ID, f.acme.ID))
	for organization, want := range map[string]int{basic(f.acmeID, f.acmeSecret): 1, basic(f.rivalID, f.rivalSecret): 0} {
		if d := feedDocumentOf(t, f.do(t, "GET", "/management/revocations", "", organization)); len(d.Claims) != want {
			t.Errorf("%+v, want %d", d.Claims, want)
		}
	}
}

// docs/feed.md: an issuer that has ended answers everybody, and nobody else's feed is touched.
// SEC-62
func TestTheFeedOfADeletedApplication(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.FeedForClients = true }})
	must(t, f.store.DeleteApplication(t.Context(), f.shop.ID))
	for name, headers := range map[string][]string{"nobody": nil, "its client": {basic(f.shopID, f.shopSecret)}, "garbage": {"Authorization: Bearer x"}} {
		for _, path := range []string{"/acme/shop", "/acme/" + f.shop.ID.String(), "/a/" + f.shop.ID.String()} {
			for _, query := range []string{"", "?after=0", "?after=0&wait=1"} {
				d := feedDocumentOf(t, f.do(t, "GET", path+"/revocations"+query, "", headers...))
				if !d.Ended || d.Issuer != publicURL+"/acme/shop" || d.Claims != nil || d.Policy != 0 {
					t.Errorf("%s at %s%s: %+v", name, path, query, d)
				}
			}
		}
	}
	f.do(t, "GET", "/acme/shop/policy", "", basic(f.acmeID, f.acmeSecret)).check(t, scenario{wantStatus: 404})
	if d := feedDocumentOf(t, f.do(t, "GET", "/acme/sandbox/revocations", "", basic(f.acmeID, f.acmeSecret))); d.Ended {
		t.Error("another application has ended")
	}
	must(t, f.store.DeleteOrganization(t.Context(), f.acme.ID))
	for _, path := range []string{"/acme/shop", "/acme/sandbox"} {
		if d := feedDocumentOf(t, f.do(t, "GET", path+"/revocations", "")); !d.Ended {
			t.Errorf("%s lives on", path)
		}
	}
}
