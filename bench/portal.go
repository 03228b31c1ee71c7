package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// portalUsers is how many users the application has whose pages are asked for.
	portalUsers = 1_000_000
	// portalEvents is how many entries the audit trail has.
	portalEvents = 100_000
	// firstByteGoal is the time to the first byte of any page.
	firstByteGoal = 50 * time.Millisecond
	// portalAsks is how often each page is asked for.
	portalAsks = 20
	// portalPages bounds the pages that are followed.
	portalPages    = 200
	superuserName  = "superuser"
	portalPassword = "tall-cedar-4711"
)

// portal measures how soon each page of the portal begins to arrive, in a server with a million users in one application. The pages are found by
// following links, one of each kind. Beside them stands what answers without a look at anything.
func (b *bench) portal(ctx context.Context) error {
	s := &seed{folder: filepath.Join(b.folder, "data-portal"), size: 1}
	if err := s.create(ctx, "sqlite:"+s.database(), 1); err != nil {
		return fmt.Errorf("filling a database: %w", err)
	}
	began := time.Now()
	if err := s.populate(ctx); err != nil {
		return fmt.Errorf("filling a database with %d users: %w", portalUsers, err)
	}
	fmt.Fprintf(b.notes, "  %d users and %d events in %.0f s\n", portalUsers, portalEvents, time.Since(began).Seconds())
	server, err := startServerWith(ctx, b.log, []string{"WRIT_SUPERUSER_PASSWORD=" + portalPassword},
		b.writ, "serve", "--listen", "127.0.0.1:0", "--data-dir", s.folder)
	if err != nil {
		return fmt.Errorf("%w; its log ends: %s", err, b.logTail())
	}
	defer server.end()
	v, err := newVisitor(ctx, "http://"+server.address)
	if err != nil {
		return err
	}
	defer v.client.CloseIdleConnections()
	pages, err := v.crawl(ctx)
	if err != nil {
		return err
	}
	return b.firstBytes(ctx, v, append([]string{"/healthz"}, pages...))
}

// firstBytes asks for every page in turn, round by round, so that what else the machine does meets all of them.
func (b *bench) firstBytes(ctx context.Context, v *visitor, pages []string) error {
	times := make([][]uint32, len(pages))
	for range portalAsks {
		for i, page := range pages {
			_, took, err := v.get(ctx, page)
			if err != nil {
				return err
			}
			times[i] = append(times[i], uint32(took.Microseconds())) //nolint:gosec // no answer takes an hour
		}
	}
	b.report.detail("\n| page | first byte, p50 ms | p99 ms |\n|---|---|---|")
	slowest, at, all := 0.0, "", []uint32{}
	for i, page := range pages {
		slices.Sort(times[i])
		p50, p99 := percentile(times[i], 50)/1000, percentile(times[i], 99)/1000
		b.report.detail("| %s | %.1f | %.1f |", unnamed.ReplaceAllString(page, "/…"), p50, p99)
		if i > 0 {
			all = append(all, times[i]...)
			if p50 > slowest {
				slowest, at = p50, page
			}
		}
	}
	slices.Sort(all)
	goal := float64(firstByteGoal.Milliseconds())
	b.report.add(fmt.Sprintf("first byte of the portal's slowest page (%s) with %d users, p50 ms", unnamed.ReplaceAllString(at, "/…"), portalUsers),
		fmt.Sprintf("≤ %.0f", goal), fmt.Sprintf("%.1f", slowest), judged(slowest <= goal))
	b.report.add(fmt.Sprintf("first byte of all %d pages of the portal, p50 and p99 ms", len(pages)-1), "-",
		fmt.Sprintf("%.1f, %.1f", percentile(all, 50)/1000, percentile(all, 99)/1000), informative)
	return nil
}

// populate copies the first user until there are so many, gives some of them roles and groups, and writes a long trail. All of it happens inside
// of SQLite: a million users take seconds, and their passwords are that of the first.
func (s *seed) populate(ctx context.Context) error {
	return s.change(ctx,
		`PRAGMA synchronous = OFF`,
		`BEGIN`,
		fmt.Sprintf(`CREATE TEMP TABLE ids AS WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i < %d)
			SELECT i, %s AS user FROM n`, portalUsers, sqlUUID),
		`CREATE TEMP TABLE u AS SELECT users.*, i, user FROM users, ids`,
		`UPDATE u SET id = user, username = username || '-' || i, username_key = username_key || '-' || i, email = 'user-' || i || '@example.com',
			email_key = 'user-' || i || '@example.com', created = created + i, activated = i % 50 <> 0`,
		`ALTER TABLE u DROP COLUMN i`, `ALTER TABLE u DROP COLUMN user`,
		`INSERT INTO users SELECT * FROM u`,
		fmt.Sprintf(`INSERT INTO groups SELECT %s, id, 'staff/g' || i, 'staff/g' || i, 'g' || i, '', created + i, created FROM applications, ids WHERE i < 500`, sqlUUID),
		`INSERT INTO group_members SELECT u.application_id, (SELECT id FROM groups WHERE path = 'staff/g2'), u.id, 1 FROM users u`,
		`INSERT INTO role_assignments SELECT u.application_id, (SELECT id FROM roles WHERE name = '`+readerRole+`'), 'user', u.id, 1 FROM users u`,
		fmt.Sprintf(`INSERT INTO audit_events SELECT i - 1, u.created, CASE i %% 3 WHEN 0 THEN 'user.create' WHEN 1 THEN 'login.failed' ELSE 'user.update' END,
			CASE i %% 5 WHEN 0 THEN 'refused' ELSE 'ok' END, '', 1, a.organization_id, a.id, '[]', NULL, 'olga', 'admin_user', 'user', user, 'user-' || i,
			'192.0.2.1', '{}', x'' FROM ids, applications a, users u WHERE u.username = '`+seedUser+`' AND i <= %d`, portalEvents),
		`INSERT INTO audit_organizations SELECT organization_id, seq FROM audit_events`,
		fmt.Sprintf(`UPDATE audit_head SET seq = %d, before = 0`, portalEvents-1),
		`COMMIT`,
	)
}

// visitor is a browser that is signed in.
type visitor struct {
	base   string
	client *http.Client
}

func newVisitor(ctx context.Context, base string) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{base: base, client: &http.Client{Jar: jar, Timeout: wireTimeout}}
	form := url.Values{"username": {superuserName}, "password": {portalPassword}, "next": {"/portal"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/portal/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/portal" {
		return nil, fmt.Errorf("signing in: %s at %s", answer.Status, answer.Request.URL)
	}
	return v, nil
}

// get opens a page and tells when it began to arrive.
func (v *visitor) get(ctx context.Context, page string) (text string, firstByte time.Duration, err error) {
	var began time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { began = time.Now() },
		GotFirstResponseByte: func() { firstByte = time.Since(began) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+page, http.NoBody)
	if err != nil {
		return "", 0, err
	}
	answer, err := v.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(page + ": " + answer.Status)
	}
	return string(body), firstByte, err
}

var (
	pageLink = regexp.MustCompile(`<a[^>]* href="(/portal[^"#]*)`)
	// unnamed are the segments that are identifiers, and what a list's next page is called.
	unnamed = regexp.MustCompile(`/[A-Za-z0-9_-]{20,}|/[a-z]*[0-9]+|=[A-Za-z0-9_-]{16,}`)
)

// crawl finds the pages, one of each kind.
func (v *visitor) crawl(ctx context.Context) (pages []string, err error) {
	const application = "/portal/organizations/" + seedOrganization + "/applications/" + seedApplication
	waiting := []string{"/portal", "/portal/sign-in", application, application + "/users?search=user-9999", "/portal?search=en"}
	known := map[string]bool{}
	for len(waiting) > 0 && len(pages) < portalPages {
		page := waiting[0]
		waiting = waiting[1:]
		kind := unnamed.ReplaceAllString(page, "/…")
		if known[kind] {
			continue
		}
		known[kind] = true
		text, _, err := v.get(ctx, page)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
		for _, link := range pageLink.FindAllStringSubmatch(text, -1) {
			waiting = append(waiting, html.UnescapeString(link[1]))
		}
	}
	if len(pages) == portalPages {
		return nil, errors.New("too many pages, the last of them " + pages[portalPages-1] + " of " + strconv.Itoa(len(waiting)))
	}
	return pages, nil
}
