package grants

import (
	"context"
	"errors"
	"log/slog"
	"testing"
)

func TestOnlyFailuresOfOursAreLoggedAsErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  *Error
		want slog.Level
	}{
		"our failure":      {Internal(errors.New("disk")), slog.LevelError},
		"no database":      {Unavailable(errors.New("refused")), slog.LevelError},
		"the caller left":  {Unavailable(context.Canceled), slog.LevelInfo},
		"the caller erred": {InvalidGrant("invalid username or password"), slog.LevelInfo},
	} {
		if got := c.err.Level(); got != c.want {
			t.Errorf("%s is logged as %v, want %v", name, got, c.want)
		}
	}
}
