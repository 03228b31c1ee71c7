package grants

import (
	"net/http"
	"testing"

	"github.com/writ-auth/writ/keys"
)

// droppedKeys is a ring whose key was dropped a moment ago, before the next one was read.
type droppedKeys struct{ Keys }

func (droppedKeys) Sign(keys.Purpose, []byte) (string, error) { return "", keys.ErrNoKey }

func TestWhileNoKeySignsClientsAreAskedToComeBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(cfg *Config) { cfg.Keys = droppedKeys{cfg.Keys} })
	never := f.login()
	never.TTL = TTL{set: true}
	for name, request := range map[string]TokenRequest{"ordinary": f.login(), "non-expiring": never} {
		_, err := f.Token(t.Context(), request)
		if code(t, err, RFC6749) != "temporarily_unavailable" || err.(*Error).Status != http.StatusServiceUnavailable || err.(*Error).RetryAfter == 0 { //nolint:errorlint,forcetypeassert // code has looked
			t.Errorf("%s: %v", name, err)
		}
	}
}
