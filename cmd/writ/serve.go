package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/grants/userimport"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/mail"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/tracing"
	"github.com/writ-auth/writ/store"
)

func (p *process) serveCommand() *cli.Command {
	return &cli.Command{
		Name:            "serve",
		Usage:           "run the authorization server (the default command)",
		SkipFlagParsing: true, // readFlags reports every problem at once
		HideHelp:        true, // so does it with --help
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args := cmd.Args().Slice()
			if slices.ContainsFunc(args, isHelp) {
				_, err := fmt.Fprint(p.stdout, serveHelp(settings()))
				return err
			}
			c, err := configure(args, p.environ, (*configuration).checkTransport, p.checkTracing)
			if err != nil {
				return err
			}
			return p.serve(ctx, c)
		},
	}
}

// serve opens everything that can fail, in the order of what it costs to undo, and only then accepts connections. The port
// comes before the database, so that credentials are never made by a process that cannot show them.
func (p *process) serve(ctx context.Context, c *configuration) (failure error) {
	p.tune()
	lines := newLineBuffer(p.stderr)
	defer lines.Flush()
	logger := c.newLogger(lines)
	for _, warning := range c.warnings() {
		logger.WarnContext(ctx, warning)
	}
	w := &wiring{configuration: c, self: p.self, logger: logger, now: time.Now}
	if p.now != nil {
		w.now = p.now
	}
	stopTracing, err := w.startTracing(ctx, p.environ)
	if err != nil {
		return err
	}
	defer stopTracing()
	ports, err := w.openPorts(ctx)
	if err != nil {
		return err
	}
	defer ports.close()
	if err := w.open(ctx); err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, w.store.Close()) }()
	if err := w.connect(ctx); err != nil {
		return err
	}
	if err := w.bootstrap(ctx, p.stdout); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.stdout, "Writ listens on %s\n", address(c.scheme(), ports.main.Addr())); err != nil {
		return err
	}
	loops := append(ports.loops(w), w.store.Run, w.ring.Run, w.service.ShareFailures, w.audit.Run, w.mail.Run, w.feed.Run, w.imports.Run, w.handler.Insight().Run)
	go forgetStart()
	return serveUntil(ctx, ports.main, w.handler.HTTPServer(), logger, loops...)
}

// forgetStart gives back what only the start needed. Reading the migrations leaves 16 MiB in a pool, which the second collection empties; without this the
// heap would grow to four times all of that before the first.
func forgetStart() {
	runtime.GC()
	debug.FreeOSMemory()
}

// garbagePercent lets the heap, of which little lives, grow to four times that before it is collected: fewer collections for a few MiB.
const garbagePercent = 300

// tune adjusts the garbage collector to the load of a token server, unless the operator has done so.
func (p *process) tune() {
	if !slices.ContainsFunc(p.environ, func(pair string) bool { return strings.HasPrefix(pair, "GOGC=") }) {
		debug.SetGCPercent(garbagePercent)
	}
}

// wiring connects the packages; the compiler proves here that each gets what it declared.
type wiring struct {
	*configuration

	self      string // see process
	beside    bool   // a command, not the server
	logger    *slog.Logger
	now       func() time.Time
	sealer    *keys.Sealer
	throttle  []byte // keys the names of accounts in shared counts
	store     *store.Store
	passwords *grants.Passwords
	secrets   *grants.Secrets
	ring      *keys.Ring
	service   *grants.Service
	audit     *grants.Recorder
	mail      *mail.Mailer
	feed      *feed.Hub
	imports   *userimport.Service
	handler   *server.Server

	certificate *certificate    // nil: plain HTTP
	tracer      *tracing.Tracer // nil: nobody traces
}

// open opens what is on disk: folder, master key, database.
func (w *wiring) open(ctx context.Context) error {
	if !store.IsPostgres(w.database) { // with PostgreSQL nothing of ours is on this disk
		if err := w.openDataDir(); err != nil {
			return err
		}
	}
	master, err := w.loadMasterKey()
	if err != nil {
		return err
	}
	if w.sealer, err = keys.NewSealer(master); err != nil {
		return err
	}
	w.throttle = throttleSecret(master)
	w.store, err = store.Open(ctx, store.Config{
		Trace:    w.traceStatements(),
		Database: w.database, Connections: w.connections, TokenTTL: w.tokenTTL.Milliseconds(), AuditRetention: w.auditRetention, Now: w.now, Logger: w.logger,
	})
	return err
}

// connect makes the services on top of the open database.
func (w *wiring) connect(ctx context.Context) error {
	ring, err := keys.Open(ctx, keys.Config{
		Store: w.store, Sealer: w.sealer, Algorithm: w.algorithm, Rotation: w.keyRotation, HedgedECDSA: w.hedgedECDSA,
		Beside: w.beside, Now: w.now, Logger: w.logger,
	})
	if err != nil {
		return w.interrupted(err)
	}
	w.ring = ring
	w.passwords = grants.NewPasswords(w.policy(), 0)
	if w.tracer != nil {
		w.passwords.Trace(w.tracer.Hash)
	}
	if w.self != "" {
		w.passwords.HashApart(w.logger, w.self, hashCommandName)
	}
	w.secrets = grants.NewSecrets(w.sealer, w.keepSecrets)
	w.audit = grants.NewRecorder(w.store, w.now, w.logger)
	service, err := grants.New(ctx, grants.Config{
		PublicURL: w.publicURL, TokenTTL: w.tokenTTL.Milliseconds(), NonExpiring: w.nonExpiring, Strict: w.strict,
		Superuser: w.superuser, RefreshGrace: time.Duration(w.refreshGrace) * time.Second, AdminConfirmation: w.adminConfirmation, AdminApproval: w.adminApproval,
		Store: w.store, Keys: ring, Passwords: w.passwords, Secrets: w.secrets, Now: w.now, Logger: w.logger,
		Audit: w.audit, AuditUserLogins: w.auditUserLogins, ThrottleSecret: w.throttle,
	})
	if err != nil {
		return err
	}
	w.service = service
	w.store.Subscribe(func(change models.Change) { ring.Apply(ctx, change) })
	// Behind the keys: what they have signed is made anew when they change.
	w.store.Subscribe(service.Apply)
	if w.feed, err = feed.New(ctx, feed.Config{Store: w.store, Signer: ring, Now: w.now, Logger: w.logger}); err != nil {
		return err
	}
	w.store.Subscribe(w.feed.Apply) // behind the keys: what it says is signed by those that are valid then
	if w.adminConfirmation {
		if err := w.store.DenyUnconfirmed(ctx); err != nil {
			return err
		}
	}
	if w.mail, err = w.newMailer(); err != nil {
		return err
	}
	limit, lowered := w.connectionLimit()
	if lowered {
		w.logger.WarnContext(ctx, "max-connections is more than the limit of open files allows: raise that", "connections", limit)
	}
	w.handler = server.New(server.Config{ //nolint:contextcheck // handlers have the context of their request
		PublicURL: w.publicURL, Strict: w.strict, PublicRegistration: w.publicRegistration, AllowedOrigins: w.allowedOrigins,
		AdminConfirmation: w.adminConfirmation, AdminApproval: w.adminApproval, Version: version(), Now: w.now, Logger: w.logger,
		Grants: service, Store: w.store, Keys: ring, Passwords: w.passwords, Secrets: w.secrets, Audit: w.audit,
		Mail: w.mail, Feed: w.feed, FeedForClients: w.feedForClients,
		TrustedProxies: w.trustedProxies, TLS: w.tlsConfig(), MaxConnections: limit, MetricsApart: w.metricsListen != "",
		Tracer: w.tracer,
	})
	w.imports = userimport.New(userimport.Config{Store: w.store, Sealer: w.sealer, Now: w.now, Logger: w.logger})
	w.handler.Portal = w.newPortal()
	return nil
}

// openDataDir makes the folder and proves that it can be written to: SQLite's own words would come late and name no folder.
func (w *wiring) openDataDir() error {
	if err := os.MkdirAll(w.dataDir, 0o700); err != nil {
		return fmt.Errorf("data folder %s: %w", w.dataDir, err)
	}
	probe, err := os.CreateTemp(w.dataDir, ".writable-")
	if err != nil {
		return fmt.Errorf("data folder %s is not writable: %w", w.dataDir, err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("data folder %s is not writable: %w", w.dataDir, err)
	}
	if info, err := os.Stat(w.dataDir); err == nil && info.Mode().Perm()&0o077 != 0 {
		w.logger.Warn("other users of the machine can look into the data folder: run chmod 700 on it", "folder", w.dataDir)
	}
	return nil
}

// loadMasterKey makes a new master key only where nothing can be sealed under another one yet.
func (w *wiring) loadMasterKey() ([]byte, error) {
	if w.masterKey != nil {
		return w.masterKey, nil
	}
	path := w.keyFile()
	if store.IsPostgres(w.database) && !holdsData(w.masterKeyFile) {
		return nil, errors.New("with PostgreSQL every replica needs the same master key: set WRIT_MASTER_KEY, or master-key-file to an existing " +
			"file; `openssl rand -base64 32` makes a key")
	}
	database := strings.TrimPrefix(w.database, "sqlite:")
	if !holdsData(path) && holdsData(database) {
		return nil, fmt.Errorf("master key file %s is missing, and without it the keys in %s cannot be opened: restore it from a backup", path, database)
	}
	return keys.LoadMasterKey(path)
}

// keyFile is where the master key is, unless the environment has it.
func (c *configuration) keyFile() string {
	if c.masterKeyFile != "" {
		return c.masterKeyFile
	}
	return filepath.Join(c.dataDir, "master.key")
}

func holdsData(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}
