package store

import "database/sql"

// Pools tells how busy the connections are, by what they are for.
func (s *Store) Pools() map[string]sql.DBStats {
	stats := map[string]sql.DBStats{}
	for name, db := range map[string]interface{ DB() (*sql.DB, error) }{"write": s.writer, "read": s.reader} {
		if pool, err := db.DB(); err == nil {
			stats[name] = pool.Stats()
		}
	}
	return stats
}
