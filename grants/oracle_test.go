package grants

import (
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// SEC-11: what a failed login costs must not tell whether the user exists, is locked or inactive. Times are noise on a shared machine; the memory
// that argon2 fills is the work itself, so that is what is compared. Hash parameters differ by nothing but the salt.
func TestFailedLoginsCostTheSame(t *testing.T) { //nolint:paralleltest // it measures what the whole process allocates
	cost := Cost{Memory: 4 << 10, Time: 1, Threads: 1}
	f := newFixture(t, func(c *Config) { c.Passwords = NewPasswords(Policy{MinLength: 8, Cost: cost}, 1) })
	idle := f.user(t, "idle", func(u *models.User) { u.Activated = false })
	bare := f.user(t, "bare", func(u *models.User) { u.PasswordHash = "" })
	wrong := func(change func(*TokenRequest)) TokenRequest {
		return with(f.login(), func(r *TokenRequest) { r.Password = "wrong"; change(r) })
	}
	costs := map[string]float64{}
	for name, req := range map[string]TokenRequest{
		"wrong password":      wrong(func(*TokenRequest) {}),
		"unknown user":        wrong(func(r *TokenRequest) { r.Username = "nobody" }),
		"unknown uuid":        wrong(func(r *TokenRequest) { r.Username = uuid.NewString() }),
		"inactive user":       wrong(func(r *TokenRequest) { r.Username = idle.Username }),
		"user without one":    wrong(func(r *TokenRequest) { r.Username = bare.Username }),
		"unknown admin":       wrong(func(r *TokenRequest) { r.Tenant, r.Username = nil, "nobody" }),
		"wrong admin":         wrong(func(r *TokenRequest) { r.Tenant, r.Username = nil, "olga" }),
		"very long passwords": wrong(func(r *TokenRequest) { r.Password = string(make([]byte, 60_000)) }),
	} {
		costs[name] = filled(func() {
			for range 5 {
				_, err := f.Token(t.Context(), with(req, func(r *TokenRequest) { r.Source = uuid.NewString() }))
				if got := code(t, err, RFC6749); got != "invalid_grant" {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
	one := 5 * float64(cost.Memory) * 1024
	for name, cost := range costs {
		if cost < one || cost > 1.5*one {
			t.Errorf("%s fills %.1f times the memory of one hash each", name, cost/one)
		}
	}
}

// filled is the number of bytes that work allocates.
func filled(work func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}
