package store

import (
	"cmp"
	"context"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// CountFailures adds to what all processes have counted. For each key decide is told how many failures count now, and answers until when
// (ms) nobody may try again, or 0. Every process hears of new waits.
func (s *Store) CountFailures(ctx context.Context, failures []models.FailureCount, decide func(key string, total int64) int64) error {
	ordered := slices.SortedFunc(slices.Values(failures), func(a, b models.FailureCount) int { // everybody locks rows in the same order
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Bucket, b.Bucket))
	})
	return s.write(ctx, func(t *transaction) error {
		for part := range slices.Chunk(ordered, batch) {
			if err := t.countFailures(part, decide); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *transaction) countFailures(failures []models.FailureCount, decide func(string, int64) int64) error {
	keys := make([]string, 0, len(failures))
	for _, failure := range failures {
		keys = append(keys, failure.Key)
		err := t.db.Exec(`INSERT INTO failure_counts (key, bucket, count, expires) VALUES (?, ?, ?, ?)
			ON CONFLICT (key, bucket) DO UPDATE SET expires = excluded.expires,
			count = excluded.count + CASE WHEN failure_counts.expires <= ? THEN 0 ELSE failure_counts.count END`,
			failure.Key, failure.Bucket, failure.Count, failure.Expires, t.now).Error
		if err != nil {
			return err
		}
	}
	var totals []struct {
		Key   string
		Total int64
	}
	err := t.db.Raw(`SELECT key, CAST(SUM(count) AS BIGINT) AS total FROM failure_counts
		WHERE key IN ? AND expires > ? GROUP BY key ORDER BY key`, keys, t.now).Scan(&totals).Error
	if err != nil {
		return err
	}
	for _, counted := range totals {
		wait := models.ThrottleWait{Key: counted.Key, Expires: decide(counted.Key, counted.Total)}
		if wait.Expires == 0 {
			continue
		}
		if err := t.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&wait).Error; err != nil {
			return err
		}
		if err := t.announce(models.ChangeThrottle, wait.Key, wait); err != nil {
			return err
		}
	}
	return nil
}

// ClearFailures forgets what was counted for keys, and ends their waits in every process.
func (s *Store) ClearFailures(ctx context.Context, keys []string) error {
	keys = slices.Sorted(slices.Values(keys))
	return s.write(ctx, func(t *transaction) error {
		for _, key := range keys {
			counted := t.db.Where("key = ?", key).Delete(&models.FailureCount{})
			if counted.Error != nil {
				return counted.Error
			}
			waiting := t.db.Where("key = ?", key).Delete(&models.ThrottleWait{})
			if waiting.Error != nil {
				return waiting.Error
			}
			if counted.RowsAffected+waiting.RowsAffected == 0 {
				continue
			}
			if err := t.announce(models.ChangeThrottle, key, models.ThrottleWait{Key: key}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ThrottleWaits are the waits that are not over.
func (s *Store) ThrottleWaits(ctx context.Context) ([]models.ThrottleWait, error) {
	var waits []models.ThrottleWait
	err := s.read(ctx).Where("expires > ?", s.now().UnixMilli()).Find(&waits).Error
	return waits, classify(err)
}
