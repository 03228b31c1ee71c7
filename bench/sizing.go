package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What is counted for the figures that tell how large a machine must be.
const (
	sizingCount       = 100_000 // users, denials
	sizingConnections = 2_000
	sizingLogins      = 4 // connections of who logs in: one core hashes one password at a time
	sizingSettle      = 3 * time.Second
)

// sizing is what one core, one connection, one user and one denial cost, for whoever has to choose a machine.
func (b *bench) sizing(ctx context.Context) error {
	if err := b.perCore(ctx); err != nil {
		return err
	}
	if err := b.perConnection(ctx); err != nil {
		return err
	}
	return b.perRow(ctx)
}

// perCore pins a server, and what hashes for it, to the first core.
func (b *bench) perCore(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1)
	if err != nil {
		return err
	}
	server, err := b.startWritOn(ctx, "0", s)
	if err != nil {
		return err
	}
	defer server.end()
	logins, err := s.logins(ctx, 1)
	if err != nil {
		return err
	}
	clients, err := s.clients(ctx, 1)
	if err != nil {
		return err
	}
	for _, load := range []struct {
		what        string
		connections int
		targets     []target
	}{{"logins with a password", sizingLogins, logins}, {"tokens of a client", replicaLoad, clients}} {
		var rate, each sample
		for range b.rounds {
			before := familyTime(server.pid())
			o, err := b.loadFrom(ctx, loadCores(), server, load.connections, load.targets, func(p *plan) { p.WarmUp = 0 })
			if err != nil {
				return err
			}
			used := familyTime(server.pid()) - before
			rate, each = append(rate, o.perSecond()), append(each, float64(o.Requests)/used.Seconds())
		}
		b.report.add(load.what+" a second, server on one core", "-", rate.text("%.0f"), informative)
		b.report.add(load.what+" per second of processor time", "-", each.text("%.0f"), informative)
	}
	return nil
}

// familyTime is the processor time of a server and of the processes that hash for it.
func familyTime(pid int) time.Duration {
	sum := processorTime(pid)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread that is gone has none
		for child := range strings.FieldsSeq(string(text)) {
			if number, err := strconv.Atoi(child); err == nil {
				sum += processorTime(number)
			}
		}
	}
	return sum
}

// occupied is what a server takes, after a while of rest.
func occupied(ctx context.Context, server *process) (resident, live float64, err error) {
	wait(ctx, sizingSettle)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+server.address+"/metrics", http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	status, page, err := do(request)
	if err != nil || status != http.StatusOK {
		return 0, 0, errors.Join(err, fmt.Errorf("metrics: %d", status))
	}
	return residentMiB(server.pid()), liveHeap(metricsOf(page, heapTarget, heapPercent)), nil
}

// perConnection opens connections and asks once over each.
func (b *bench) perConnection(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1)
	if err != nil {
		return err
	}
	server, err := b.startWrit(ctx, s)
	if err != nil {
		return err
	}
	defer server.end()
	before, _, err := occupied(ctx, server)
	if err != nil {
		return err
	}
	for range sizingConnections {
		conn, err := (&net.Dialer{Timeout: wireTimeout}).DialContext(ctx, "tcp", server.address)
		if err != nil {
			return err
		}
		defer conn.Close() //nolint:errcheck // all of them are open until the end
		if _, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", server.address); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			return err
		}
	}
	after, _, err := occupied(ctx, server)
	if err != nil {
		return err
	}
	b.report.add(fmt.Sprintf("resident memory for each of %d idle connections, KiB", sizingConnections), "-",
		fmt.Sprintf("%.0f", (after-before)*1024/sizingConnections), informative)
	return nil
}

// perRow fills tables and looks at the file, and at a server that has read them.
func (b *bench) perRow(ctx context.Context) error {
	s := &seed{folder: filepath.Join(b.folder, "sizing"), size: 1}
	if err := s.create(ctx, "sqlite:"+s.database(), 1); err != nil {
		return err
	}
	_, _, size, err := b.startedOn(ctx, s) // keys and superuser are made
	if err != nil {
		return err
	}
	resident, live, _, err := b.startedOn(ctx, s)
	if err != nil {
		return err
	}
	for _, rows := range []struct{ what, fill string }{
		{"user", fillUsers},
		{"denial", fillDenials},
	} {
		if err := s.fill(ctx, rows.fill); err != nil {
			return err
		}
		nowResident, nowLive, nowSize, err := b.startedOn(ctx, s)
		if err != nil {
			return err
		}
		b.report.add(fmt.Sprintf("database (SQLite) for each %s of %d, bytes", rows.what, sizingCount), "-",
			fmt.Sprintf("%.0f", float64(nowSize-size)/sizingCount), informative)
		b.report.add(fmt.Sprintf("memory for %d of them: resident, live heap, MiB", sizingCount), "-",
			fmt.Sprintf("%.1f, %.1f", nowResident-resident, nowLive-live), informative)
		resident, live, size = nowResident, nowLive, nowSize
	}
	return nil
}

// startedOn starts a server, and tells what it takes and how large its database is when it has ended.
func (b *bench) startedOn(ctx context.Context, s *seed) (resident, live float64, size int64, err error) {
	server, err := b.startWrit(ctx, s)
	if err != nil {
		return 0, 0, 0, err
	}
	resident, live, err = occupied(ctx, server)
	server.end()
	if err != nil {
		return 0, 0, 0, err
	}
	info, err := os.Stat(s.database())
	if err != nil {
		return 0, 0, 0, err
	}
	return resident, live, info.Size(), nil
}

// Rows that differ in what is unique. A denial ends when its token does: an hour.
const (
	fillUsers = `INSERT INTO users SELECT * FROM copies`

	fillDenials = `INSERT INTO denied_tokens (jti, scope, expires, created)
		SELECT id, (SELECT id FROM applications LIMIT 1), unixepoch() + 3600, unixepoch() * 1000 FROM ids`
)

// fill runs a statement with so many fresh identifiers in ids, and as many copies of the user in copies.
func (s *seed) fill(ctx context.Context, statement string) error {
	return s.change(ctx,
		fmt.Sprintf(`CREATE TEMP TABLE ids AS WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i < %d)
			SELECT i, %s AS id FROM n`, sizingCount+1, sqlUUID),
		`CREATE TEMP TABLE copies AS SELECT users.*, i, ids.id AS copy FROM (SELECT * FROM users LIMIT 1) AS users, ids`,
		`UPDATE copies SET id = copy, username = username || '-' || i, username_key = username_key || '-' || i`,
		`ALTER TABLE copies DROP COLUMN i`, `ALTER TABLE copies DROP COLUMN copy`,
		statement,
	)
}
