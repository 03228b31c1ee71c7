package verifier

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

func TestAFollowerKnowsWhatTheFeedSaysAndWhatItSaysNext(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.denyToken("first")
	feed.denySubject("somebody", 3)
	f := follow(t, feed.config(t))
	mustBeReady(t, f)
	if err := feed.right(f.current(), f.list); err != nil {
		t.Fatal(err)
	}
	feed.denyToken("second")
	feed.denySubject("somebody", 5)
	until(t, "the increment is known", func() bool { return f.current().seq == 4 })
	if err := feed.right(f.current(), f.list); err != nil {
		t.Error(err)
	}
	k := f.current()
	if k.denied.Denies(revocation.Hash("third"), revocation.Hash("somebody"), 5) || !k.denied.Denies(revocation.Hash("third"), revocation.Hash("somebody"), 4) {
		t.Error("the generation is not that of the newest entry")
	}
}

func TestACompleteListOfManyPagesIsReadWhole(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.pageSize = 7
	for n := range 100 {
		feed.denyToken(string(rune('a' + n)))
	}
	f := follow(t, feed.config(t))
	mustBeReady(t, f)
	if err := feed.right(f.current(), f.list); err != nil {
		t.Error(err)
	}
}

func TestReadySaysWhyThereIsNothing(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	c := feed.config(t)
	c.revocations = feed.server.URL + "/nobody/revocations"
	f := follow(t, c)
	if err := f.ready(t.Context()); !errors.Is(err, ErrFeedUnknown) {
		t.Errorf("unknown issuer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c.issuer, c.revocations = "http://127.0.0.1/other", feed.name+"/revocations"
	f = follow(t, c)
	if err := f.ready(ctx); !errors.Is(err, ErrFeedDocument) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("documents of another issuer: %v", err)
	}
}
