package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/operator"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/store"
)

// newKeyVariable holds the new master key where the present one comes from the environment. It is no setting.
const newKeyVariable = "WRIT_NEW_MASTER_KEY"

// newKeySuffix is behind the name of the master key's file in that of the new one.
const newKeySuffix = ".new"

// resealing is the exchange of a master key. Its steps are such that after an interruption anywhere the secrets are under one of the
// two keys, both keys are on disk, and doing it again finishes it:
//
//  1. the new key is on disk under a name of its own
//  2. one transaction seals everything again
//  3. the old key gets a second name, and then the new one takes its place
type resealing struct {
	w        *wiring
	oldFile  string // empty: the environment
	newFile  string // empty: the environment
	keptFile string
	old, now *keys.Sealer
	done     bool // an earlier attempt was interrupted at its very end
}

func (p *process) reseal(ctx context.Context, flags []string, newFile string) (operator.Resealed, error) {
	c, err := configure(flags, p.environ)
	if err != nil {
		return operator.Resealed{}, err
	}
	logger := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	r := &resealing{w: &wiring{configuration: c, logger: logger, now: time.Now}}
	if path, isFile := strings.CutPrefix(c.database, "sqlite:"); isFile && !holdsData(path) {
		return operator.Resealed{}, resealFailed("there is no database %s: name it with --data-dir or --database", path)
	}
	if err := r.prepare(newFile, p.variable(newKeyVariable)); err != nil {
		return operator.Resealed{}, err
	}
	if r.done {
		return operator.Resealed{File: r.oldFile}, os.Remove(r.newFile)
	}
	count, err := r.seal(ctx)
	if err != nil {
		return operator.Resealed{}, err
	}
	if r.oldFile == "" {
		return operator.Resealed{
			Sealed: count, Environment: "set WRIT_MASTER_KEY to the new key before the server starts, and keep the old one as long as backups from before",
		}, nil
	}
	return operator.Resealed{Sealed: count, File: r.oldFile, OldFile: r.keptFile}, r.exchange()
}

func resealFailed(format string, args ...any) error {
	return &operator.Failure{Code: operator.ExitFailure, Message: fmt.Sprintf(format, args...)}
}

func (p *process) variable(name string) string {
	for _, pair := range p.environ {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// prepare is step 1.
func (r *resealing) prepare(newFile, variable string) error {
	if r.w.masterKey != nil {
		return r.prepareEnvironment(newFile, variable)
	}
	r.oldFile = r.w.keyFile()
	r.newFile = newFile
	if newFile == "" {
		r.newFile = r.oldFile + newKeySuffix
	}
	if !holdsData(r.oldFile) {
		return resealFailed("master key file %s is missing: restore it from a backup", r.oldFile)
	}
	old, err := keys.LoadMasterKey(r.oldFile)
	if err != nil {
		return err
	}
	now, err := keys.LoadMasterKey(r.newFile)
	if err != nil {
		return err
	}
	if r.newFile == r.oldFile+newKeySuffix && subtle.ConstantTimeCompare(old, now) == 1 {
		r.done = true
		return nil
	}
	if err := r.sealers(old, now); err != nil {
		return err
	}
	r.keptFile = r.oldFile + ".old-" + r.old.ID()
	return nil
}

func (r *resealing) prepareEnvironment(newFile, variable string) (err error) {
	var now []byte
	switch {
	case newFile != "" && variable != "":
		return resealFailed("--new-master-key-file and %s: only one of them makes sense", newKeyVariable)
	case newFile != "":
		r.newFile = newFile
		now, err = keys.LoadMasterKey(newFile)
	case variable != "":
		if now, err = keys.ParseMasterKey(variable); err != nil {
			err = resealFailed("%s: %v", newKeyVariable, err)
		}
	default:
		err = resealFailed("the master key comes from the environment, so the new one must: set %s to the output of `openssl rand -base64 32`", newKeyVariable)
	}
	if err != nil {
		return err
	}
	return r.sealers(r.w.masterKey, now)
}

func (r *resealing) sealers(old, now []byte) (err error) {
	if subtle.ConstantTimeCompare(old, now) == 1 {
		return resealFailed("the new master key is the old one")
	}
	if r.old, err = keys.NewSealer(old); err != nil {
		return err
	}
	r.now, err = keys.NewSealer(now)
	return err
}

// seal is step 2. What is under the new key already stays: an earlier attempt has come this far.
func (r *resealing) seal(ctx context.Context) (count int, err error) {
	_, err = store.Reseal(ctx, store.Config{
		Database: r.w.database, TokenTTL: r.w.tokenTTL.Milliseconds(), AuditRetention: r.w.auditRetention, Now: r.w.now, Logger: r.w.logger,
	}, func(at store.Sealed, sealed []byte) ([]byte, error) {
		purpose := sealPurpose(at)
		plain, err := r.old.Open(purpose, sealed)
		if errors.Is(err, keys.ErrMasterKey) {
			if _, err := r.now.Open(purpose, sealed); err != nil {
				return nil, fmt.Errorf("neither under the old nor under the new master key: %w", err)
			}
			return sealed, nil
		}
		if err != nil {
			return nil, err
		}
		count++
		return r.now.Seal(purpose, plain)
	})
	return count, err
}

// sealPurpose is what a secret was sealed for.
func sealPurpose(at store.Sealed) string {
	if at.Table == "signing_keys" {
		return keys.SealPurpose(at.ID)
	}
	return grants.SealPurpose(at.ID)
}

// exchange is step 3. The new key stays under its own name until the last moment.
func (r *resealing) exchange() error {
	if err := copyKey(r.oldFile, r.keptFile); err != nil {
		return fmt.Errorf("everything is sealed under the key in %s, but the old key could not be kept: %w; run this again", r.newFile, err)
	}
	if err := copyKey(r.newFile, r.oldFile); err != nil {
		return fmt.Errorf("everything is sealed under the key in %s, but it could not take the place of %s: %w; run this again", r.newFile, r.oldFile, err)
	}
	if r.newFile == r.oldFile+newKeySuffix {
		return os.Remove(r.newFile)
	}
	return nil
}

// copyKey gives a file a second name, replacing what is there. Whoever looks finds the whole file or the one before.
func copyKey(from, to string) error {
	text, err := os.ReadFile(from) //nolint:gosec // the operator's setting
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(to), ".master-key-") // mode 0600
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	if err := os.Rename(draft.Name(), to); err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// interrupted adds to the failure of a start under the wrong master key what may be the reason.
func (w *wiring) interrupted(err error) error {
	if w.masterKey == nil && errors.Is(err, keys.ErrMasterKey) && holdsData(w.keyFile()+newKeySuffix) {
		return fmt.Errorf("%w There is a %s: `writ keys reseal` was interrupted, run it again", err, w.keyFile()+newKeySuffix)
	}
	return err
}
