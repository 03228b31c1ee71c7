package keys

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

const payload = `{"iss":"https://id.example.com/acme/shop","sub":"23eb7164-3ac5-4727-95d2-5341edc5fe85","gen":3}`

const start = 1_795_000_000_000 // ms

func newSealer(t testing.TB, seed byte) *Sealer {
	t.Helper()
	s, err := NewSealer(bytes.Repeat([]byte{seed}, MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// world is a database, a master key and what a configuration needs beside them.
type world struct {
	t      testing.TB
	store  *store.Store
	sealer *Sealer
	log    *bytes.Buffer
	logger *slog.Logger
	clock  atomic.Int64 // ms; every look at it takes one, so that keys have an order
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, sealer: newSealer(t, 1), log: &bytes.Buffer{}}
	w.clock.Store(start)
	w.logger = slog.New(slog.NewTextHandler(w.log, nil)) // one handler, for it holds the lock
	var err error
	w.store, err = store.Open(t.Context(), store.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 86_400_000, Now: w.now, Logger: w.logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) now() time.Time { return time.UnixMilli(w.clock.Add(1)) }

func (w *world) config(algorithm string) Config {
	return Config{Store: w.store, Sealer: w.sealer, Algorithm: algorithm, Now: w.now, Logger: w.logger}
}

func (w *world) open(algorithm string) *Ring {
	w.t.Helper()
	r, err := Open(w.t.Context(), w.config(algorithm))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// rows are those of a purpose, oldest first.
func (w *world) rows(purpose Purpose) []models.SigningKey {
	w.t.Helper()
	all, err := w.store.SigningKeys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(k models.SigningKey) bool { return k.Purpose != string(purpose) })
}

func (w *world) sign(r *Ring, purpose Purpose) string {
	w.t.Helper()
	raw, err := r.Sign(purpose, []byte(payload))
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// forge signs any header and payload with the key that signs ordinary tokens: what the ring itself never would.
func forge(t testing.TB, r *Ring, header, payload string) string {
	t.Helper()
	k := r.current.Load().signing[Ordinary]
	return signWith(t, k.signer.Sign, k.private, header, payload)
}

func signWith(t testing.TB, sign func([]byte, any) ([]byte, error), private any, header, payload string) string {
	t.Helper()
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := sign([]byte(input), private)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

func encode(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }

// publicOf returns the key that signs ordinary tokens as crypto/* knows it, and its kid.
func publicOf(r *Ring) (crypto.PublicKey, string) {
	k := r.current.Load().signing[Ordinary]
	return k.public, k.row.KID
}

// create stores a row as it is, like rotation (or somebody with access to the database) would.
func (w *world) create(row models.SigningKey) {
	w.t.Helper()
	if err := w.store.CreateSigningKey(w.t.Context(), row); err != nil {
		w.t.Fatal(err)
	}
}

// remove takes a key out of use, in whatever state it is.
func (w *world) remove(row models.SigningKey) {
	w.t.Helper()
	if _, err := w.store.RemoveSigningKey(w.t.Context(), row.KID, row.State); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }
