package server

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// scenario is one request and what its answer must be. wantBody maps dotted paths to values; nil means absent, numbers are float64.
type scenario struct {
	name, method, path, body string
	headers                  []string
	wantStatus               int
	wantBody                 map[string]any
	wantHeader               map[string]string // "" means absent
	wantNotBody              []string          // texts that must not occur
}

// run runs scenarios one after the other on this fixture.
func (f *fixture) run(t *testing.T, scenarios []scenario) {
	t.Helper()
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			a := f.do(t, sc.method, sc.path, sc.body, sc.headers...)
			a.check(t, sc)
		})
	}
}

func (a *answer) check(t testing.TB, sc scenario) {
	t.Helper()
	if a.Code != sc.wantStatus {
		t.Errorf("status %d, want %d: %s", a.Code, sc.wantStatus, a.text)
	}
	for path, want := range sc.wantBody {
		if got := a.get(path); !same(got, want) {
			t.Errorf("%s is %v, want %v: %s", path, got, want, a.text)
		}
	}
	for name, want := range sc.wantHeader {
		if got := a.Header().Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	for _, text := range sc.wantNotBody {
		if strings.Contains(a.text, text) {
			t.Errorf("the answer must not hold %q: %s", text, a.text)
		}
	}
}

func same(got, want any) bool {
	switch w := want.(type) {
	case int:
		want = float64(w)
	case int64:
		want = float64(w)
	case uuid.UUID:
		want = w.String()
	case []any, map[string]any:
		g, err1 := json.Marshal(got)
		x, err2 := json.Marshal(want)
		return err1 == nil && err2 == nil && string(g) == string(x)
	}
	return got == want
}

// fails makes the wantBody of an error.
func fails(code, description string) map[string]any {
	return map[string]any{"error": code, "error_description": description}
}

// with adds members to a wantBody.
func with(body map[string]any, more map[string]any) map[string]any {
	both := maps.Clone(body)
	maps.Copy(both, more)
	return both
}
