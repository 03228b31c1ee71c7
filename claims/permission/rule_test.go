package permission

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestParseGivesCanonicalForm(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text, canonical string
		operations      Operations
	}{
		{"/a", "/a", All},
		{"*", "*", All},
		{"**/likes", "**/likes", All},
		{"*:/a", "*:/a", All},
		{"access:/a", "access:/a", All},
		{"get:*", "get:*", Get},
		{"get,put,post,delete:/**", "get,put,post,delete:/**", All},
		{"delete,get:/a,/b", "delete,get:/a,/b", Get | Delete},
		{"get,get:/a", "get,get:/a", Get},
		{" \r\n GET,Post:/Users/${User}/ÄB \t", "get,post:/users/${user}/äb", Get | Post},
		{"put:/users/me/**", "put:/users/me/**", Put},
		{"post:users", "post:users", Post},
		{"get:/users/dana reed", "get:/users/dana reed", Get},
		{"get:/a/$x/%20/#", "get:/a/$x/%20/#", Get},
		{strings.Repeat("a", MaxLength), strings.Repeat("a", MaxLength), All},
	}
	for _, c := range cases {
		rule, err := Parse(c.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.text, err)
			continue
		}
		if rule.String() != c.canonical || rule.Operations() != c.operations {
			t.Errorf("Parse(%q) = %q %04b, want %q %04b", c.text, rule, rule.Operations(), c.canonical, c.operations)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, text, reason string }{
		{"nothing", "", "empty path"},
		{"white space", " \t", "empty path"},
		{"unknown operation", "patch:/a", "unknown operation 'patch'"},
		{"one unknown operation", "get,head:/a", "unknown operation 'head'"},
		{"long unknown operation", strings.Repeat("x", 41) + ":/a", "unknown operation '" + strings.Repeat("x", 40) + "...'"},
		{"URL", "https://example.com/a", "unknown operation 'https'"},
		{"no operation", ":/a", "unknown operation ''"},
		{"empty operation", "get,:/a", "unknown operation ''"},
		{"space in operations", "get, put:/a", "unknown operation ' put'"},
		{"second colon", "get:put:/a", "more than one ':'"},
		{"second colon in the path", "get:/a:b", "more than one ':'"},
		{"operation without path", "get:", "empty path"},
		{"empty alternative", "get:/a,,/b", "empty path"},
		{"alternative missing at the end", "get:/a,", "empty path"},
		{"alternative missing at the start", ",/a", "empty path"},
		{"space before a path", "get: /a", "white space around path ' /a'"},
		{"space after an alternative", "get:/a ,/b", "white space around path '/a '"},
		{"too long", strings.Repeat("a", MaxLength+1), "longer than 1000 bytes"},
		{"too long in lower case", strings.Repeat("Ⱥ", MaxLength/2), "longer than 1000 bytes"},
		{"control character", "get:/a\x00", "control character U+0000"},
		{"line break", "get:/a\n/b", "control character U+000A"},
		{"delete", "get:/a\x7f", "control character U+007F"},
		{"line separator", "get:/a\u2028b", "control character U+2028"},
		{"bidirectional override", "get:/a\u202eb", "control character U+202E"},
		{"not UTF-8", "get:/a\xff", "not UTF-8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rule, err := Parse(c.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("Parse(%q) = %q, %v, want a *SyntaxError", c.text, rule, err)
			}
			if syntax.Reason != c.reason || !reflect.DeepEqual(rule, Rule{}) {
				t.Errorf("Parse(%q) = %q, %q, want no rule and %q", c.text, rule, syntax.Reason, c.reason)
			}
			if err.Error() != "Illegal permission: "+c.reason {
				t.Errorf("Error() = %q", err.Error())
			}
		})
	}
}

func TestZeroValuesGrantNothing(t *testing.T) {
	t.Parallel()
	if (Rule{}).Allows(get("/", "", "/a"), dana()) || (Rule{}).Operations() != 0 || (Rule{}).String() != "" {
		t.Error("the zero Rule is something")
	}
	if (Set{}).Allows(get("/", "", "/a"), dana()) || Compile(nil).Allows(get("/"), dana()) {
		t.Error("the zero Set grants something")
	}
}

// The stored form must not depend on how often a rule is read: it is what DELETE compares with.
func TestLowerCaseOfLowerCaseIsTheSame(t *testing.T) {
	t.Parallel()
	for r := range unicode.MaxRune + 1 {
		if once := strings.ToLower(string(r)); strings.ToLower(once) != once {
			t.Errorf("%U becomes %q and then %q", r, once, strings.ToLower(once))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"get,put:/users/${user}", "*", " ACCESS:/a,/b/** ", "x:y:z", "get:/ü?/", "Ⱥ", "\u0130:/a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Reason == "" || len(syntax.Reason) > 400 {
				t.Fatalf("Parse(%q): %v", text, err)
			}
			return
		}
		again, err := Parse(rule.String())
		if err != nil || !reflect.DeepEqual(rule, again) {
			t.Fatalf("Parse(%q) = %+v, and its form again %+v, %v", text, rule, again, err)
		}
		if len(rule.String()) > MaxLength || rule.Operations() == 0 || rule.Operations()&^All != 0 {
			t.Fatalf("Parse(%q) = %+v", text, rule)
		}
	})
}
