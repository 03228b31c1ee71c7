package server

import (
	"testing"
	"time"
)

// A secret is rotated without an outage: ?overlap= keeps the old one valid for so many milliseconds, both are shown with their age, and then
// only the new one is.
func TestAnOldSecretStaysValidForTheOverlap(t *testing.T) {
	t.Parallel()
	for name, at := range credentialPaths() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			olga := f.asOlga(t)
			born := f.clock.now().UnixMilli()
			f.clock.advance(time.Hour)
			fresh := f.status(t, 200, "POST", at.path+"?overlap=60000", "", olga)
			fresh.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
				"credentials.created": f.clock.now().UnixMilli(), "credentials.previous.client_secret": at.secret(f),
				"credentials.previous.created": born, "credentials.previous.expires": f.clock.now().Add(time.Minute).UnixMilli(),
			}})
			secret, _ := fresh.get("credentials.client_secret").(string)
			f.tokenOf(t, at.tokenPath, clientForm(at.id(f), at.secret(f)))
			f.tokenOf(t, at.tokenPath, clientForm(at.id(f), secret))
			f.status(t, 200, "GET", at.path, "", olga).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
				"credentials.client_secret": secret, "credentials.previous.client_secret": at.secret(f),
			}})

			f.clock.advance(time.Minute)
			f.status(t, 401, "POST", at.tokenPath, clientForm(at.id(f), at.secret(f)))
			f.tokenOf(t, at.tokenPath, clientForm(at.id(f), secret))
			olga = f.asOlga(t)
			f.status(t, 200, "GET", at.path, "", olga).check(t, scenario{wantStatus: 200, wantNotBody: []string{"previous", "created"}})
		})
	}
}

func TestOverlapEndsWithTheNextSecret(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga, path := f.asOlga(t), "/acme/shop/credentials"
	f.status(t, 200, "POST", path+"?overlap=86400000", "", olga)
	f.status(t, 200, "POST", path, "", olga).check(t, scenario{wantStatus: 200, wantNotBody: []string{"previous"}})
	f.status(t, 401, "POST", "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
}

func TestRefusedOverlaps(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := f.asOlga(t)
	for _, query := range []string{"overlap=-1", "overlap=1.5", "overlap=1e3", "overlap=soon", "overlap=2592000001", "overlap=1000&revoketokens=true"} {
		f.refuse(t, []scenario{{
			name: query, method: "POST", path: "/acme/shop/credentials?" + query, headers: []string{olga}, wantStatus: 400,
			wantBody: map[string]any{"error": "illegal_argument"},
		}})
	}
	f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
}
