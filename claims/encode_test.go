package claims

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"testing"
)

func TestAppendJSONWritesWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	sets := map[string]Claims{
		"zero": {}, "empty lists": {Audience: Audience{}, Roles: []string{}, Groups: []string{}, Permissions: []string{}, Orgs: []string{}},
	}
	maps.Copy(sets, examples())
	full := Claims{Expires: new(int64(-1)), Superuser: true, IssuedAt: 1 << 53, Generation: -7}
	full.Status = &Status{List: &StatusListEntry{Index: 1 << 40, URI: "<\u2028>"}}
	sets["other status"] = Claims{Status: &Status{}}
	fill(reflect.ValueOf(&full).Elem(), "a\"b\\c<d>&é\u2028\x00\xff")
	sets["every member, hard to quote"] = full
	for name, set := range sets {
		want, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.AppendJSON([]byte("x")); !bytes.Equal(got, append([]byte("x"), want...)) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// fill sets every text and every list of texts, those of members to come too.
func fill(set reflect.Value, text string) {
	for _, field := range set.Fields() {
		switch field.Kind() {
		case reflect.String:
			field.SetString(text)
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 2, 2))
			field.Index(0).SetString(text)
		case reflect.Bool:
			field.SetBool(true)
		default:
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("https://id.example.com/acme/shop", "orders.read", int64(1796117400))
	f.Fuzz(func(t *testing.T, text, other string, number int64) {
		set := Claims{Issuer: text, Audience: Audience{other, text}, Username: other, Roles: []string{text}, Expires: &number, Scope: text}
		want, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.AppendJSON(nil); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
