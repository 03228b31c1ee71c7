package feed

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/keys"
)

// Tokens that last for years are signed by the long-term key and registered nowhere: only the key can tell of their end.
func TestARetiredLongTermKeyIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	before := f.signing(t, keys.NonExpiring)
	_, err := f.ring.Rotate(t.Context(), keys.NonExpiring, true)
	must(t, err)
	follower := f.follow(t, f.public(), f.position())
	if d := next(t, follower); d.Keys != nil {
		t.Errorf("a rotated key is named: %v", d.Keys)
	}
	_, err = f.ring.Retire(t.Context(), before)
	must(t, err)
	if d := next(t, follower); !slices.Equal(d.Keys, []string{before}) {
		t.Errorf("got %v, want %s", d.Keys, before)
	}
}

// Whoever begins to follow after a key was dropped gets nothing that it signed, although the stream he shares has not said anything since; and whoever
// waits gets an answer of the new key.
// SEC-52
func TestNothingIsGivenThatADroppedKeySigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	all := f.follow(t, f.public(), f.position()) // keeps the stream alive
	next(t, all)
	for range 20 {
		slow := f.follow(t, f.public(), f.position())
		next(t, slow)
		f.deny(t, "") // signed by the key that goes, and not yet read
		dropped := f.signing(t, keys.Ordinary)
		_, err := f.ring.Drop(t.Context(), dropped)
		must(t, err)
		late := f.follow(t, f.public(), f.position())
		for who, ask := range map[string]func() (*Document, error){
			"whoever follows": func() (*Document, error) { return late.Next(t.Context()) },
			"whoever is slow": func() (*Document, error) { return slow.Next(t.Context()) },
			"whoever polls":   func() (*Document, error) { return f.After(t.Context(), f.public(), f.position()) },
			"whoever waits": func() (*Document, error) {
				return f.Wait(t.Context(), f.public(), f.position(), time.Millisecond)
			},
		} {
			d, err := ask()
			must(t, err)
			if kid := signer(t, d); kid == dropped {
				t.Fatalf("%s got a document that the dropped key signed", who)
			}
			if read := parsed(t, d); !slices.Contains(read.Keys, dropped) {
				t.Errorf("%s is not told of the key: %v", who, read.Keys)
			}
		}
		late.Close()
		slow.Close()
	}
}

func signer(t *testing.T, d *Document) string {
	t.Helper()
	part, _, _ := strings.Cut(d.Text, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	must(t, err)
	var header struct{ Kid string }
	must(t, json.Unmarshal(text, &header))
	return header.Kid
}

func (f *fixture) signing(t *testing.T, purpose keys.Purpose) string {
	t.Helper()
	all, err := f.ring.List(t.Context(), false)
	must(t, err)
	for i := range all {
		if all[i].Purpose == purpose && all[i].State == keys.StateSigning {
			return all[i].KID
		}
	}
	t.Fatal("no key signs")
	return ""
}
