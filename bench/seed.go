package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"
	_ "github.com/mattn/go-sqlite3" // the driver that package store uses, for copying rows

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// Names of what a database is filled with. Every client has the same secret and every user the same password: copies differ in
// their names and identifiers only.
const (
	seedOrganization = "bench"
	seedApplication  = "app"
	seedUser         = "user"
	readerRole       = "reader"
	seedPassword     = "correct horse battery staple"
)

// seed is a database with one organization, its applications (each with a client) and as many users in the first application.
type seed struct {
	folder string
	size   int
	secret string
	client string // client_id of the first application
}

// seedOf makes the database of a size once.
func (b *bench) seedOf(ctx context.Context, size int) (*seed, error) {
	if s := b.seeds[size]; s != nil {
		return s, nil
	}
	s := &seed{folder: filepath.Join(b.folder, "data-"+strconv.Itoa(size)), size: size}
	if err := s.create(ctx, "sqlite:"+s.database(), 1); err != nil {
		return nil, fmt.Errorf("filling a database with %d clients: %w", size, err)
	}
	if err := s.multiply(ctx); err != nil {
		return nil, fmt.Errorf("filling a database with %d clients: %w", size, err)
	}
	b.seeds[size] = s
	return s, nil
}

func (s *seed) database() string { return filepath.Join(s.folder, "writ.db") }

// create makes the first of everything through the store, as the server would, and so many users.
func (s *seed) create(ctx context.Context, database string, users int) error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	now := time.Now()
	master, err := keys.LoadMasterKey(filepath.Join(s.folder, "master.key"))
	if err != nil {
		return err
	}
	sealer, err := keys.NewSealer(master)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{Database: database, TokenTTL: tokenLifetime * 1000})
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // every write was acknowledged
	organization, err := models.NewOrganization(seedOrganization, now)
	if err != nil {
		return err
	}
	application, err := models.NewApplication(organization.ID, seedApplication, now)
	if err != nil {
		return err
	}
	application.Settings.RefreshTokens = users > 1
	roles := append(models.DefaultRoles(application.ID, false, now), reader(application.ID, now))
	secrets := grants.NewSecrets(sealer, true)
	owner, _, err := secrets.NewClient(models.OrganizationClient, organization.ID, now)
	if err != nil {
		return err
	}
	client, secret, err := secrets.NewClient(models.ApplicationClient, application.ID, now)
	if err != nil {
		return err
	}
	s.secret = secret
	err = db.CreateOrganization(ctx, store.NewOrganization{Organization: organization, Client: owner, Applications: []store.NewApplication{
		{Application: application, Client: client, Roles: roles},
	}})
	if err != nil {
		return err
	}
	s.client = client.ClientID()
	return createUsers(ctx, db, application.ID, users, now)
}

// reader is a role that may list users.
func reader(application uuid.UUID, now time.Time) models.RoleSeed {
	return models.RoleSeed{
		Role: models.Role{
			ID: uuid.New(), ApplicationID: application, Name: readerRole, Title: "Reader", Created: now.UnixMilli(), Modified: now.UnixMilli(),
		},
		Rules: []string{"get:/users"},
	}
}

// createUsers makes user, user-1, user-2 and so on.
func createUsers(ctx context.Context, db *store.Store, application uuid.UUID, count int, now time.Time) error {
	passwords := grants.NewPasswords(grants.Policy{MinLength: 8}, 1)
	hash, err := passwords.Hash(ctx, seedPassword)
	if err != nil {
		return err
	}
	users := make([]models.User, count)
	for i := range users {
		if users[i], err = models.NewUser(application, userName(i), "", "Bench User", now); err != nil {
			return err
		}
		users[i].PasswordHash = hash
	}
	return db.CreateUsers(ctx, users)
}

func userName(i int) string {
	if i == 0 {
		return seedUser
	}
	return seedUser + "-" + strconv.Itoa(i)
}

// sqlUUID makes a uuid inside SQLite.
const sqlUUID = `lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)),
	substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))`

// multiply copies the first application, client and user inside SQLite: a million of them take seconds.
func (s *seed) multiply(ctx context.Context) error {
	return s.change(ctx,
		`BEGIN`,
		fmt.Sprintf(`CREATE TEMP TABLE ids AS WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i < %d)
			SELECT i, %s AS app, %s AS user FROM n WHERE i <= %d`, s.size, sqlUUID, sqlUUID, s.size),
		`CREATE TEMP TABLE a AS SELECT applications.*, i, app FROM applications, ids`,
		`UPDATE a SET id = app, name = name || '-' || i`,
		`ALTER TABLE a DROP COLUMN i`, `ALTER TABLE a DROP COLUMN app`,
		`INSERT INTO applications SELECT * FROM a`,
		`CREATE TEMP TABLE c AS SELECT clients.*, app FROM clients, ids WHERE kind = 'application'`,
		`UPDATE c SET id = app`,
		`ALTER TABLE c DROP COLUMN app`,
		`INSERT INTO clients SELECT * FROM c`,
		`CREATE TEMP TABLE u AS SELECT users.*, i, user FROM users, ids`,
		`UPDATE u SET id = user, username = username || '-' || i, username_key = username_key || '-' || i`,
		`ALTER TABLE u DROP COLUMN i`, `ALTER TABLE u DROP COLUMN user`,
		`INSERT INTO users SELECT * FROM u`,
		`COMMIT`,
	)
}

// change runs statements inside SQLite, beside the store, and leaves all of them in the file.
func (s *seed) change(ctx context.Context, statements ...string) error {
	db, err := s.open("")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // committed
	return inTurn(ctx, db, append(statements, `PRAGMA wal_checkpoint(TRUNCATE)`)...)
}

// inTurn runs statements on one connection, which is the only one from then on: temporary tables belong to it.
func inTurn(ctx context.Context, db *sql.DB, statements ...string) error {
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// clients gives a client_credentials request for each of up to most clients, evenly chosen.
func (s *seed) clients(ctx context.Context, most int) ([]target, error) {
	step := max(s.size/most, 1)
	return s.targets(ctx, fmt.Sprintf(`SELECT name, id FROM (SELECT name, id, row_number() OVER (ORDER BY id) AS r FROM applications)
		WHERE r %% %d = 0 LIMIT %d`, step, most), func(name, id string) target {
		owner, _ := uuid.Parse(id)
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {models.ClientID(models.ApplicationClient, owner)}, "client_secret": {s.secret},
		}
		return target{"/" + seedOrganization + "/" + name + "/token", form.Encode()}
	})
}

// logins gives a password grant for each of up to most users.
func (s *seed) logins(ctx context.Context, most int) ([]target, error) {
	return s.targets(ctx, fmt.Sprintf(`SELECT username, id FROM users ORDER BY id LIMIT %d`, most), func(name, _ string) target {
		form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {seedPassword}}
		return target{"/" + seedOrganization + "/" + seedApplication + "/token", form.Encode()}
	})
}

func (s *seed) targets(ctx context.Context, query string, of func(name, id string) target) (list []target, err error) {
	db, err := s.open(onlyReading)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // only read
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read
	for rows.Next() {
		var name, id string
		if err := rows.Scan(&name, &id); err != nil {
			return nil, err
		}
		list = append(list, of(name, id))
	}
	return list, rows.Err()
}

const onlyReading = "_query_only=true" // an option of the driver

// open opens the database beside the server, with one more option of the driver.
func (s *seed) open(option string) (*sql.DB, error) {
	return sql.Open("sqlite3", "file:"+(&url.URL{Path: s.database()}).EscapedPath()+"?_busy_timeout=5000&"+option)
}
