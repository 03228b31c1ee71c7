package models

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"
)

func TestOrganizationPropertiesAreReplacedAndHoldThePasswordHistory(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		properties map[string]any
		want       map[string]any
		size       int
	}{
		"nothing":          {nil, map[string]any{}, 0},
		"custom":           {map[string]any{"plan": "gold"}, map[string]any{"plan": "gold"}, 0},
		"null unsets":      {map[string]any{"plan": nil, "passwordHistorySize": nil}, map[string]any{}, 0},
		"number":           {map[string]any{"passwordHistorySize": json.Number("24")}, map[string]any{"passwordHistorySize": json.Number("24")}, 24},
		"digits as a text": {map[string]any{"passwordHistorySize": "3"}, map[string]any{"passwordHistorySize": "3"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Organization{Properties: Properties{"old": true}, PasswordHistorySize: 7}
			if err := o.SetProperties(test.properties); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(map[string]any(o.Properties), test.want) || o.PasswordHistorySize != test.size {
				t.Errorf("got %v and %d, want %v and %d", o.Properties, o.PasswordHistorySize, test.want, test.size)
			}
		})
	}
}

func TestPasswordHistoryOutOfBoundsIsIllegal(t *testing.T) {
	t.Parallel()
	for _, size := range []any{json.Number("25"), json.Number("-1"), json.Number("1.5"), json.Number("1e1"), "many", true, []any{}, map[string]any{}} {
		o := Organization{}
		var invalid *Invalid
		if err := o.SetProperties(map[string]any{"passwordHistorySize": size}); !errors.As(err, &invalid) {
			t.Errorf("%v was accepted: %v", size, err)
		}
	}
	o := Organization{}
	if err := o.SetProperties(map[string]any{"passwordhistorysize": json.Number("3")}); err == nil {
		t.Error("a name in the wrong case was accepted")
	}
}
