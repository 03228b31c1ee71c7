package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// collect reads an object with the reader of each value's own type.
func collect(text string, maxDepth int) (map[string]any, error) {
	o := Open(text, maxDepth)
	members := map[string]any{}
	for name, more := o.Next(); more; name, more = o.Next() {
		switch rest := o.reader.text[o.reader.at:]; {
		case o.IsText():
			members[name], _ = o.Text()
		case strings.HasPrefix(rest, "["):
			before := o
			list, is := o.Texts()
			if !is && o.Err() == nil {
				members[name] = before.Value()
				continue
			}
			all := []any{}
			for _, text := range list {
				all = append(all, text)
			}
			members[name] = all
		case strings.HasPrefix(rest, "-") || rest != "" && isDigit(rest[0]):
			members[name], _ = o.Number()
		default:
			members[name] = o.Value()
		}
	}
	return members, o.Err()
}

// SEC-40
func TestObjectRefuses(t *testing.T) {
	t.Parallel()
	var names strings.Builder
	for i := range 100 {
		fmt.Fprintf(&names, `,"m%d":%d`, i, i)
	}
	many := `{"a":0` + names.String()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"nothing":                       {``, ErrSyntax},
		"array":                         {`[]`, ErrSyntax},
		"open":                          {`{"a":1`, ErrSyntax},
		"text behind":                   {`{} x`, ErrTrailing},
		"second object":                 {`{"a":1}{"a":1}`, ErrTrailing},
		"repeated":                      {`{"a":1,"b":2,"a":1}`, ErrRepeated},
		"repeated, escaped":             {`{"a":1,"\u0061":1}`, ErrRepeated},
		"the first of many repeated":    {many + `,"a":1}`, ErrRepeated},
		"the last of many repeated":     {many + `,"m99":1}`, ErrRepeated},
		"repeated inside":               {`{"a":[{"b":1,"b":1}]}`, ErrRepeated},
		"not UTF-8":                     {"{\"a\":\"\xff\"}", ErrEncoding},
		"texts without a comma":         {`{"a":["b" "c"]}`, ErrSyntax},
		"texts that do not end":         {`{"a":["b"`, ErrSyntax},
		"texts with a comma at the end": {`{"a":["b",]}`, ErrSyntax},
		"nested too deep":               {`{"a":[[[]]]}`, ErrDepth},
		"nested too deep behind texts":  {`{"a":["b"],"c":[1],"d":[[[]]]}`, ErrDepth},
		"no value":                      {`{"a":}`, ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := collect(test.text, 3); !errors.Is(err, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestObjectTellsTypes(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`null`, `1`, `"x"`, `true`, `{}`, `["x"]`, `[1]`, `["x",1]`, `["x",["y"]]`} {
		text := `{"a":` + value + `,"b":"after"}`
		for name, is := range map[string]func(*Object) bool{
			`"x"`:   func(o *Object) bool { _, is := o.Text(); return is },
			`1`:     func(o *Object) bool { _, is := o.Number(); return is },
			`["x"]`: func(o *Object) bool { _, is := o.Texts(); return is },
		} {
			o := Open(text, 4)
			if _, more := o.Next(); !more {
				t.Fatal(o.Err())
			}
			if is(&o) != (name == value) {
				t.Errorf("%s is like %s: %v", value, name, name != value)
			}
			if after, more := o.Next(); !more || after != "b" {
				t.Errorf("%s was not read whole: %v", value, o.Err())
			}
		}
	}
}

// Few names are compared one by one, so many must not be: 80,000 of them would take seconds.
func TestObjectIsLinear(t *testing.T) {
	t.Parallel()
	read := func(n int) time.Duration {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `,"%d":0`, i)
		}
		whole := "{" + text.String()[1:] + "}"
		best := time.Hour
		for range 3 {
			start := time.Now()
			o := Open(whole, 2)
			for _, more := o.Next(); more; _, more = o.Next() {
				o.Value()
			}
			if o.Err() != nil {
				t.Fatal(o.Err())
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	if small, large := read(5_000), read(80_000); large > 100*small+500*time.Millisecond {
		t.Errorf("%v for 5,000 members, %v for 80,000", small, large)
	}
}

// FuzzObject: member by member is what Decode says of the whole.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,false,null],"c":{"d":"\u00e9\ud83d\ude00"}}`, `{"a":1,"\u0061":2}`, `{"x":["a","b"],"y":["a",1],"z":[]}`,
		`{} {}`, `[]`, ` {"a" : "\n" } `, `{"a":[[[[[[]]]]]]}`, `{"a":01}`, "{\"\xff\":1}", `{"a":"\ud800"}`, `"\ud800"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole, wantErr := Decode([]byte(text), 4)
		want, is := whole.(map[string]any)
		got, err := collect(text, 4)
		if (err == nil) != (wantErr == nil && is) {
			t.Fatalf("%v, Decode %v", err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, Decode %#v", got, want)
		}
		if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
			return // Open says so at once, Decode goes on to what else is wrong
		}
		var mine, theirs *Error
		if is = errors.As(err, &mine); is && errors.As(wantErr, &theirs) && *mine != *theirs && json.Valid([]byte(text)) {
			t.Fatalf("got %v, Decode %v", err, wantErr)
		}
	})
}
