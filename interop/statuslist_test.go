package interop

import (
	"encoding/json"
	"testing"
)

// TestAForeignReaderOfStatusLists asks what an implementation of the draft by others makes of our lists.
func TestAForeignReaderOfStatusLists(t *testing.T) {
	t.Parallel()
	program := node(t)
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--alg="+algorithm)
			tokens := map[string]string{
				"valid":   w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"),
				"another": w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"),
				"revoked": w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"),
				"user's":  w.login(t, "/acme/shop", "dana", userPassword, "ttl", "0"),
			}
			look := func() map[string]any {
				content, err := json.Marshal(tokens)
				must(t, err)
				return run(t, "", []string{"ISSUER=" + w.issuer(), "TOKENS=" + string(content)}, program, "statuslist.mjs").decoded(t)
			}
			entry := func(status string) string {
				return `{"status":` + status + `,"type":"application/statuslist+jwt","ours":true,"ttl":60}`
			}
			wantShape(t, look(), `{"valid":`+entry("0")+`,"another":`+entry("0")+`,"revoked":`+entry("0")+`,"user's":`+entry("0")+`}`)
			w.revoke(t, tokens["revoked"], w.shop)
			w.set(t, "PUT", "/acme/shop/users/dana/revoketokens", "")
			wantShape(t, look(), `{"valid":`+entry("0")+`,"another":`+entry("0")+`,"revoked":`+entry("1")+`,"user's":`+entry("1")+`}`)
		})
	}
}
