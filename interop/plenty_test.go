package interop

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// evil is a name that becomes a script wherever somebody forgets to escape it.
const evil = `'"><img src=x onerror=window.ran=1><script>window.ran=1</script>javascript:window.ran=1`

// asLiteral is a text in SQL.
func asLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// alter changes the database behind the server's back: what names the API refuses must not matter to a page.
func (w *portalWorld) alter(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.database+"?_busy_timeout=20000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()      //nolint:errcheck // committed
	db.SetMaxOpenConns(1) // temporary tables belong to a connection
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// swarm fills the world with more than any page shows at once, under names that are hostile and long, and with what the API itself takes of them.
func (w *portalWorld) swarm(t *testing.T) {
	t.Helper()
	quoted := strings.ReplaceAll(evil, `"`, `\"`)
	for _, r := range [][3]string{
		{"POST", "/acme/shop/users", `{"username":"erik","name":"` + quoted + `","email":"erik'onerror=alert@example.com","password":"` + userPassword + `"}`},
		{"PUT", "/management/orgs/acme", `{"properties":{"` + quoted + `":"</textarea>` + quoted + `"}}`},
		{"PUT", "/acme/shop", `{"` + quoted + `":"` + quoted + `"}`},
		{"PUT", "/acme/shop/users/dana", `{"name":"` + quoted + `","` + quoted + `":"</textarea>` + quoted + `"}`},
		{"POST", "/acme/shop/roles", `{"name":"packer","title":"` + quoted + `"}`},
		{"POST", "/acme/shop/groups", `{"path":"staff/south","title":"` + quoted + `"}`},
		{"POST", "/management/orgs/acme/users", `{"username":"nils","email":"nils@example.com","name":"` + quoted + `","password":"` + adminPassword + `"}`},
		{"POST", "/management/orgs/acme/apps", `{"name":"club"}`},
		{"POST", "/management/orgs/acme/apps", `{"name":"gone"}`},
		{"DELETE", "/management/orgs/acme/apps/gone?confirm_application_identifier=gone", ""},
		{"POST", "/management/orgs", `{"organization":"rival","username":"rita","email":"rita@example.com","password":"` + adminPassword + `"}`},
	} {
		w.set(t, r[0], r[1], r[2])
	}
	for _, label := range []string{evil, "nightly report"} {
		w.clientToken(t, "/acme/shop", w.shop, "ttl", "0", "label", label)
		w.clientToken(t, "/management", w.acme, "ttl", "0", "label", label)
		w.token(t, "/acme/shop", map[string][]string{
			"grant_type": {"password"}, "username": {"dana"}, "password": {userPassword}, "ttl": {"0"}, "label": {label},
		})
	}
	for range 3 { // failures in the trail
		if status, _ := w.do(t, "POST", "/acme/shop/token", `{"grant_type":"password","username":"`+quoted+`","password":"x"}`); status != http.StatusBadRequest {
			t.Fatal(status)
		}
	}
	w.multiply(t, 300)
}

// multiply copies rows inside of the database, and gives the copies hostile names.
func (w *portalWorld) multiply(t *testing.T, times int) {
	t.Helper()
	const id = `lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))`
	name := asLiteral(evil) + ` || n.i`
	var statements []string
	for _, c := range []struct{ table, of, set string }{
		{"users", "username = 'dana'", `id = copyid, username = ` + name + `, username_key = ` + name + `, email = ` + name + ` || '@e', email_key = ` + name + ` || '@e'`},
		{"groups", "path = 'staff/south'", `id = copyid, path = ` + name + `, path_key = ` + name + `, name = ` + name},
		{"roles", "name = 'packer'", `id = copyid, name = ` + name},
		{"applications", "name = 'club'", `id = copyid, name = ` + name},
		{"organizations", "name = 'rival'", `id = copyid, name = ` + name},
		{"registered_tokens", "label = 'nightly report' AND level = 'application_user'", `jti = replace(copyid, '-', ''), label = ` + name + `, issued_from = ` + name + `, status_index = NULL, status_list = NULL`},
		{"admins", "username = 'nils'", `id = copyid, username = ` + name + `, username_key = ` + name + `, email = ` + name + ` || '@e', email_key = ` + name + ` || '@e'`},
	} {
		statements = append(statements,
			fmt.Sprintf(`CREATE TEMP TABLE n AS WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i < %d) SELECT i, %s AS id FROM s`, times, id),
			fmt.Sprintf(`CREATE TEMP TABLE c AS SELECT o.*, n.i AS copy, n.id AS copyid FROM %s o, n WHERE o.%s`, c.table, c.of),
			fmt.Sprintf(`UPDATE c SET %s`, strings.ReplaceAll(c.set, "n.i", "copy")),
			`ALTER TABLE c DROP COLUMN copy`, `ALTER TABLE c DROP COLUMN copyid`,
			fmt.Sprintf(`INSERT INTO %s SELECT * FROM c`, c.table),
			`DROP TABLE c`, `DROP TABLE n`,
		)
	}
	shop := asLiteral(w.shopID)
	w.alter(t, append(statements,
		`INSERT INTO group_members SELECT application_id, id, `+asLiteral(w.dana)+`, 1 FROM groups WHERE path LIKE '%onerror%'`,
		`INSERT INTO group_members SELECT application_id, (SELECT id FROM groups WHERE path = 'staff/south'), id, 1 FROM users`,
		`INSERT INTO role_assignments SELECT application_id, id, 'user', `+asLiteral(w.dana)+`, 1 FROM roles WHERE name LIKE '%onerror%'`,
		`INSERT INTO role_assignments SELECT application_id, (SELECT id FROM roles WHERE name = 'packer'), 'user', id, 1 FROM users`,
		`INSERT INTO role_assignments SELECT application_id, (SELECT id FROM roles WHERE name = 'packer'), 'group', id, 1 FROM groups`,
		`INSERT INTO permissions SELECT `+shop+`, 'role', (SELECT id FROM roles WHERE name = 'packer'), 'get:/' || id || '/**', 1 FROM groups`,
		`INSERT INTO memberships SELECT admins.id, organizations.id, 1 FROM admins, organizations WHERE admins.username LIKE '%onerror%' AND organizations.name = 'acme'`,
		`UPDATE audit_events SET actor_name = `+asLiteral(evil)+`, target_name = `+asLiteral(evil)+`, target_id = `+asLiteral(evil)+`, source = `+asLiteral(evil)+`,
			code = `+asLiteral(evil)+`, detail = '{"x":"</pre><script>window.ran=1</script>"}' WHERE seq % 2`,
		`UPDATE audit_events SET action = `+asLiteral(evil)+`, result = `+asLiteral(evil)+`, actor_level = `+asLiteral(evil)+`, target_kind = `+asLiteral(evil)+` WHERE seq % 4 = 1`,
	)...)
}
