package store

import (
	"database/sql"

	"gorm.io/gorm"
)

// Pools tells how busy the connections are, by what they are for.
func (s *Store) Pools() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{}
	for name, db := range map[string]interface{ DB() (*sql.DB, error) }{"write": s.writer, "read": s.reader, "watch": s.watcher} {
		if name == "watch" && db == s.reader {
			continue
		}
		if pool, err := db.DB(); err == nil {
			stats[name] = pool.Stats()
		}
	}
	return stats
}

// renew closes the connections that nobody uses. When a database comes back those from before may be lost without having been told so, and every one
// of them would keep a request waiting to its end.
func (s *Store) renew() {
	if s.postgres == nil {
		return
	}
	for _, db := range []*gorm.DB{s.writer, s.reader} {
		if pool, err := db.DB(); err == nil {
			pool.SetMaxIdleConns(-1)
			pool.SetMaxIdleConns(pool.Stats().MaxOpenConnections)
		}
	}
}
