package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	driver "gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// IsPostgres tells whether a Config.Database names a PostgreSQL.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

const (
	// defaultConnections and leastConnections bound what one process takes of max_connections, which is 100 unless configured.
	defaultConnections = 20
	leastConnections   = 6

	connectTimeout = 5 * time.Second
	// oldestPostgres is the oldest version that is maintained (server_version_num).
	oldestPostgres = 130000
)

// postgres is what is needed beside the pools: connections of one's own for listening, leading and migrating.
type postgres struct{ config *pgx.ConnConfig }

// connectPostgres divides the connections: a third writes, three are kept for the change log and for leading, the others read. So no
// read waits behind writers that wait for each other.
func connectPostgres(cfg Config) (*database, error) {
	config, err := parsePostgres(cfg.Database)
	if err != nil {
		return nil, err
	}
	connections := cfg.Connections
	if connections == 0 {
		connections = defaultConnections
	}
	if connections < leastConnections {
		return nil, fmt.Errorf("database connections: want %d at least", leastConnections)
	}
	d := &database{
		name: postgresName(config), postgres: &postgres{config},
		dialector: func(pool *sql.DB) gorm.Dialector { return driver.New(driver.Config{Conn: pool}) },
	}
	d.writer = stdlib.OpenDB(*config.Copy())
	readOnly := stdlib.OptionAfterConnect(func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, "SET default_transaction_read_only = on")
		return err
	})
	d.reader, d.watcher = stdlib.OpenDB(*config.Copy(), readOnly), stdlib.OpenDB(*config.Copy(), readOnly)
	d.migrator = d.postgres.unbounded()
	writers := connections / 3
	for pool, size := range map[*sql.DB]int{d.writer: writers, d.reader: connections - writers - 3, d.watcher: 1} {
		pool.SetMaxOpenConns(size)
		pool.SetMaxIdleConns(size)
		pool.SetConnMaxIdleTime(5 * time.Minute)
		pool.SetConnMaxLifetime(time.Hour) // an address may come to mean another server
	}
	return d, nil
}

// parsePostgres never says more of an address than that it is wrong: it has a password in it, and an address that cannot be read
// cannot be read without it either.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the database is malformed: want postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full, " +
			"special characters percent-encoded")
	}
	for name, value := range map[string]string{
		"application_name": "writ",
		// Who waits longer answers 503 in time.
		"lock_timeout":      "5000",
		"statement_timeout": "60000",
		// A process that stands still, or can no longer be reached, must not keep the others from writing.
		"idle_in_transaction_session_timeout": "10000",
		"tcp_keepalives_idle":                 "5",
		"tcp_keepalives_interval":             "2",
		"tcp_keepalives_count":                "3",
		"tcp_user_timeout":                    "10000",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = dialer(config.ConnectTimeout).DialContext
	// A standby shows what was true some time ago: a revocation that it has not heard of would be no revocation.
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return config, nil
}

// dialer notices when the other end is gone without a word: a cut network resets nothing.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         bounded,
	}
}

// postgresName is for people.
func postgresName(config *pgx.ConnConfig) string {
	host := config.Host
	if !strings.HasPrefix(host, "/") {
		host = net.JoinHostPort(host, strconv.Itoa(int(config.Port)))
	}
	return "postgres://" + host + "/" + config.Database
}

// check asks for what Writ relies on.
func (p *postgres) check(ctx context.Context, db *sql.DB, logger *slog.Logger) error {
	var version int
	var encoding, fsync, commit string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
		current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&version, &encoding, &fsync, &commit)
	switch {
	case err != nil:
		return err
	case version < oldestPostgres:
		return fmt.Errorf("PostgreSQL is version %d, want %d or newer", version/10000, oldestPostgres/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s, want UTF8", encoding)
	}
	if fsync == "off" || commit == "off" {
		logger.WarnContext(ctx, "the database acknowledges what is not on disk yet: after a crash revocations may be forgotten",
			"fsync", fsync, "synchronous_commit", commit)
	}
	return nil
}

// unbounded is a pool whose statements and transactions may take as long as they take.
func (p *postgres) unbounded() *sql.DB {
	config := p.config.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	return stdlib.OpenDB(*config)
}

// connection is one outside of the pools, which may wait as long as it takes.
func (p *postgres) connection(ctx context.Context) (*pgx.Conn, error) {
	config := p.config.Copy()
	config.RuntimeParams["lock_timeout"] = "0"
	config.RuntimeParams["statement_timeout"] = "0"
	return pgx.ConnectConfig(ctx, config)
}
