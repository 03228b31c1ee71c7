package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wantShape compares an answer with a documented one. In want, a string in angle brackets stands for whatever differs between
// runs: <uuid>, <jwt>, <number>, <ms> (a time of this century), <string>, <any>. Members must be the documented ones exactly,
// unless the object has the member "..." too.
func wantShape(t *testing.T, got any, want string) {
	t.Helper()
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if wrong := differences("", got, wanted); len(wrong) > 0 {
		shown, _ := json.Marshal(got)
		t.Errorf("%s\nin %s", strings.Join(wrong, "\n"), shown)
	}
}

func differences(at string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		object, is := got.(map[string]any)
		if !is {
			return []string{fmt.Sprintf("%s is %v, want an object", at, got)}
		}
		return memberDifferences(at, object, want)
	case []any:
		array, is := got.([]any)
		if !is || len(array) != len(want) {
			return []string{fmt.Sprintf("%s is %v, want an array of %d", at, got, len(want))}
		}
		var wrong []string
		for i := range want {
			wrong = append(wrong, differences(fmt.Sprintf("%s[%d]", at, i), array[i], want[i])...)
		}
		return wrong
	case string:
		if !matches(got, want) {
			return []string{fmt.Sprintf("%s is %v, want %s", at, got, want)}
		}
	default:
		if got != want {
			return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
		}
	}
	return nil
}

func memberDifferences(at string, got, want map[string]any) (wrong []string) {
	_, open := want["..."]
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == "..." {
			continue
		}
		if value, has := got[name]; has {
			wrong = append(wrong, differences(at+"."+name, value, want[name])...)
		} else {
			wrong = append(wrong, at+"."+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, documented := want[name]; !documented && !open {
			wrong = append(wrong, at+"."+name+" is not documented")
		}
	}
	return wrong
}

func matches(got any, want string) bool {
	word, isText := got.(string)
	number, isNumber := got.(float64)
	switch want {
	case "<any>":
		return true
	case "<string>":
		return isText
	case "<number>":
		return isNumber
	case "<ms>":
		return isNumber && number > 1e12 && number < 5e12
	case "<uuid>":
		return isText && regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(word)
	case "<jwt>":
		return isText && regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`).MatchString(word)
	}
	return got == want
}

// TestShape shows that the comparison would notice.
func TestShape(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		got, want string
		wrong     int
	}{
		{`{"a":1}`, `{"a":1}`, 0},
		{`{"a":1}`, `{"a":2}`, 1},
		{`{"a":1,"b":2}`, `{"a":1}`, 1},
		{`{"a":1,"b":2}`, `{"a":1,"...":""}`, 0},
		{`{}`, `{"a":"<any>"}`, 1},
		{`{"a":null}`, `{"a":"<any>"}`, 0},
		{`{"a":"x"}`, `{"a":"<number>"}`, 1},
		{`{"a":5}`, `{"a":"<ms>"}`, 1},
		{`{"a":"5"}`, `{"a":"<uuid>"}`, 1},
		{`["x"]`, `["x","y"]`, 1},
		{`[{"a":"x.y.z"}]`, `[{"a":"<jwt>"}]`, 0},
		{`{"a":[]}`, `{"a":{}}`, 1},
	} {
		var got, want any
		if err := json.Unmarshal([]byte(row.got), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(row.want), &want); err != nil {
			t.Fatal(err)
		}
		if wrong := differences("", got, want); len(wrong) != row.wrong {
			t.Errorf("%s against %s: %q, want %d differences", row.got, row.want, wrong, row.wrong)
		}
	}
}
