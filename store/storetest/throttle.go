package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var throttle = []contract{
	{"failures of all processes add up, and a wait is announced", func(t *testing.T, f *fixture) { // SEC-28
		ctx := t.Context()
		now := f.clock.ms.Load()
		failure := func(key string, bucket, count int64) models.FailureCount {
			return models.FailureCount{Key: key, Bucket: bucket, Count: count, Expires: f.clock.ms.Load() + 60_000}
		}
		totals := map[string]int64{}
		decide := func(key string, total int64) int64 {
			totals[key] = total
			if total < 10 {
				return 0
			}
			return now + 30_000
		}
		other := f.open(t, serverTTL)
		f.written(t, func() {
			must(t, f.CountFailures(ctx, []models.FailureCount{failure("b", 1, 4), failure("a", 0, 2), failure("b", 2, 3)}, decide))
		})
		equal(t, "totals", totals, map[string]int64{"a": 2, "b": 7})
		must(t, other.CountFailures(ctx, []models.FailureCount{failure("a", 0, 1)}, decide))
		equal(t, "total", totals["a"], 3)
		f.written(t, func() { must(t, f.CountFailures(ctx, []models.FailureCount{failure("b", 2, 3)}, decide)) }, "throttle b")
		waits, err := other.ThrottleWaits(ctx)
		must(t, err)
		equal(t, "waits", waits, []models.ThrottleWait{{Key: "b", Expires: now + 30_000}})

		f.written(t, func() { must(t, f.ClearFailures(ctx, []string{"b", "nobody"})) }, "throttle b")
		waits, err = f.ThrottleWaits(ctx)
		must(t, err)
		equal(t, "waits", len(waits), 0)
		must(t, f.CountFailures(ctx, []models.FailureCount{failure("b", 2, 1)}, decide))
		equal(t, "after a success", totals["b"], 1)

		f.clock.advance(2 * time.Minute)
		must(t, f.CountFailures(ctx, []models.FailureCount{failure("a", 0, 1)}, decide))
		equal(t, "after its end", totals["a"], 1)
		count, err := f.PruneDenials(ctx, 100)
		must(t, err)
		equal(t, "pruned", count, 1)
	}},
	{"no failure is lost to another one", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		const times = 16
		last := make(chan int64, 2*times)
		equal(t, "callers", race(t, times, never, func(i int) error {
			failures := []models.FailureCount{{Key: "a", Count: 1, Expires: f.clock.ms.Load() + 1000}, {Key: "b", Count: 1, Expires: f.clock.ms.Load() + 1000}}
			if i%2 == 0 {
				failures[0], failures[1] = failures[1], failures[0]
			}
			return f.CountFailures(ctx, append(failures, models.FailureCount{Key: strconv.Itoa(i), Count: 1, Expires: f.clock.ms.Load() + 1000}),
				func(key string, total int64) int64 {
					if key == "a" || key == "b" {
						last <- total
					}
					return 0
				})
		}), times)
		close(last)
		highest := int64(0)
		for total := range last {
			highest = max(highest, total)
		}
		equal(t, "total", highest, times)
	}},
}
