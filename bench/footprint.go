package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// Goals of this file.
const (
	startGoal  = 300 * time.Millisecond
	memoryGoal = 60 // MiB
	binaryGoal = 30 // MiB
)

// start is the time from the start of the process to the first token, on an existing database.
func (b *bench) start(ctx context.Context) error {
	for _, size := range []int{1, b.sizes[len(b.sizes)-1]} {
		s, err := b.seedOf(ctx, size)
		if err != nil {
			return err
		}
		targets, err := s.clients(ctx, 1)
		if err != nil {
			return err
		}
		var times sample
		for i := range b.starts + 1 {
			took, err := b.firstToken(ctx, s, targets[0])
			if err != nil {
				return err
			}
			if i > 0 { // the very first makes keys and superuser
				times = append(times, float64(took.Milliseconds()))
			}
		}
		b.report.add(fmt.Sprintf("start to first token, %d clients and users, ms", size), fmt.Sprintf("≤ %d, aim 100", startGoal.Milliseconds()),
			times.text("%.0f"), judged(times.median() <= float64(startGoal.Milliseconds())))
	}
	return nil
}

func (b *bench) firstToken(ctx context.Context, s *seed, first target) (time.Duration, error) {
	server, err := b.startWrit(ctx, s)
	if err != nil {
		return 0, err
	}
	defer server.end()
	w, err := dial(ctx, server.address)
	if err != nil {
		return 0, err
	}
	defer w.conn.Close() //nolint:errcheck // nothing is lost
	status, body, err := w.do(first.bytes(server.address))
	took := time.Since(server.started)
	if err != nil || status != http.StatusOK {
		return 0, errors.Join(err, fmt.Errorf("first token: %d %s", status, body))
	}
	return took, nil
}

// footprint is what tokens leave behind in memory and on disk, and the size of the program.
func (b *bench) footprint(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1_000)
	if err != nil {
		return err
	}
	clients, err := s.clients(ctx, 1_000)
	if err != nil {
		return err
	}
	writ, err := b.startWrit(ctx, s)
	if err != nil {
		return err
	}
	defer writ.end()
	db, err := s.open(onlyReading)
	if err != nil {
		return err
	}
	defer db.Close()      //nolint:errcheck // only read
	db.SetMaxOpenConns(1) // data_version tells one connection what others have committed
	before, err := stateOf(ctx, db, s)
	if err != nil {
		return err
	}
	limited := func(p *plan) { p.WarmUp, p.Limit, p.Duration = 0, b.tokens, 5*time.Minute }
	o, err := b.load(ctx, writ, 16, clients, limited)
	if err != nil {
		return err
	}
	resident := residentMiB(writ.pid())
	after, err := stateOf(ctx, db, s)
	if err != nil {
		return err
	}
	b.report.add(fmt.Sprintf("resident memory after %d tokens, MiB", o.Requests), fmt.Sprintf("≤ %d, aim 40", memoryGoal),
		fmt.Sprintf("%.0f", resident), judged(resident <= memoryGoal))
	b.report.add("bytes written to the database by them", "0, no row, no commit",
		fmt.Sprintf("%d, %d rows, %d commits", after.bytes-before.bytes, after.rows-before.rows, after.version-before.version), judged(after == before))
	size, err := sizeMiB(b.writ)
	if err != nil {
		return err
	}
	b.report.add("stripped binary, MiB", fmt.Sprintf("≤ %d, aim 20", binaryGoal), fmt.Sprintf("%.1f", size), judged(size <= binaryGoal))
	return nil
}

// state is what tells whether anything was written.
type state struct {
	bytes, rows, version int64
}

func stateOf(ctx context.Context, db *sql.DB, s *seed) (state, error) {
	var now state
	for _, path := range []string{s.database(), s.database() + "-wal"} {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return now, err
		}
		now.bytes += info.Size()
	}
	if err := db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&now.version); err != nil {
		return now, err
	}
	tables, err := tablesOf(ctx, db)
	if err != nil {
		return now, err
	}
	for _, table := range tables {
		var rows int64
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+table+`"`).Scan(&rows); err != nil {
			return now, err
		}
		now.rows += rows
	}
	return now, nil
}

func tablesOf(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
