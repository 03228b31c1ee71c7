package models

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var changes map[string]any
	if err := unmarshal([]byte(text), &changes); err != nil {
		t.Fatal(err)
	}
	return changes
}

func fullSettings() Settings {
	ttl, refresh, idle, grant := int64(0), int64(MaxLifetime), int64(7), false
	return Settings{
		AccessTokenTTL: &ttl, RefreshTokens: true, RefreshTokenTTL: &refresh, RefreshTokenIdleTTL: &idle, PasswordGrant: &grant, PermissionClaims: true,
		Scopes: []string{"orders.read", "orders.write"}, AllowedOrigins: []string{"https://shop.example.com", "*"},
		EmailConfirmation: true, AdminApproval: true, NonExpiringExp: true,
	}
}

const fullJSON = `{"accesstokenttl":0,"refreshtokens":true,"refreshtokenttl":3153600000000,"refreshtokenidlettl":7,"passwordgrant":false,
 "permissionclaims":true,"scopes":["orders.read","orders.write"],"allowedorigins":["https://shop.example.com","*"],
 "registration_requires_email_confirmation":true,"registration_requires_admin_approval":true,"nonexpiringexp":true}`

func TestApplySetsEveryProperty(t *testing.T) {
	t.Parallel()
	var settings Settings
	custom, err := settings.Apply(decode(t, fullJSON))
	if err != nil || custom == nil || len(custom) != 0 {
		t.Fatalf("Apply = %v, %v", custom, err)
	}
	if !reflect.DeepEqual(settings, fullSettings()) {
		t.Errorf("applied %+v", settings)
	}
	if len(settings.properties()) != reflect.TypeFor[Settings]().NumField() {
		t.Error("a field of Settings cannot be set")
	}
}

func TestApplyNullUnsetsEveryProperty(t *testing.T) {
	t.Parallel()
	settings, changes := fullSettings(), map[string]any{}
	for _, p := range settings.properties() {
		changes[p.name] = nil
	}
	if custom, err := settings.Apply(changes); err != nil || len(custom) != 0 || !reflect.DeepEqual(settings, Settings{}) {
		t.Errorf("%+v, %v, %v", settings, custom, err)
	}
}

func TestApplyAccepts(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, changes, want string }{
		{"nothing", `{}`, `{}`},
		{"number", `{"accesstokenttl":1800000}`, `{"accesstokenttl":1800000}`},
		{"string of digits", `{"accesstokenttl":"31536000000"}`, `{"accesstokenttl":31536000000}`},
		{"leading zeros", `{"accesstokenttl":"007"}`, `{"accesstokenttl":7}`},
		{"zero", `{"accesstokenttl":"0"}`, `{"accesstokenttl":0}`},
		{"100 years", `{"accesstokenttl":3153600000000}`, `{"accesstokenttl":3153600000000}`},
		{"refresh tokens of 1 ms", `{"refreshtokenttl":1}`, `{"refreshtokenttl":1}`},
		{"boolean", `{"refreshtokens":true}`, `{"refreshtokens":true}`},
		{"boolean as a string", `{"refreshtokens":"true","permissionclaims":"false"}`, `{"refreshtokens":true}`},
		{"password grant off", `{"passwordgrant":"false"}`, `{"passwordgrant":false}`},
		{"password grant on", `{"passwordgrant":true}`, `{"passwordgrant":true}`},
		{"empty list is none", `{"scopes":[],"allowedorigins":[]}`, `{}`},
		{"scopes with every character", `{"scopes":["!#[]~","https://x/y?z"]}`, `{"scopes":["!#[]~","https://x/y?z"]}`},
		{"scopes differ by case", `{"scopes":["a","A"]}`, `{"scopes":["a","A"]}`},
		{"origin in upper case", `{"allowedorigins":["HTTPS://Shop.Example.COM:8443"]}`, `{"allowedorigins":["https://shop.example.com:8443"]}`},
		{"origin with its default port", `{"allowedorigins":["https://x:443","http://x:80"]}`, `{"allowedorigins":["https://x","http://x"]}`},
		{"origin with another port", `{"allowedorigins":["http://x:443"]}`, `{"allowedorigins":["http://x:443"]}`},
		{"origin by address", `{"allowedorigins":["http://127.0.0.1:3000","http://[::1]:3000"]}`, `{"allowedorigins":["http://127.0.0.1:3000","http://[::1]:3000"]}`},
		{"origin of an app", `{"allowedorigins":["capacitor://localhost"]}`, `{"allowedorigins":["capacitor://localhost"]}`},
		{"every origin", `{"allowedorigins":["*"]}`, `{"allowedorigins":["*"]}`},
		{"100 entries", `{"scopes":` + entries(100) + `}`, `{"scopes":` + entries(100) + `}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var settings Settings
			custom, err := settings.Apply(decode(t, c.changes))
			if err != nil || len(custom) != 0 {
				t.Fatalf("Apply = %v, %v", custom, err)
			}
			if got, want := asJSON(t, settings.Map()), asJSON(t, decode(t, c.want)); got != want {
				t.Errorf("applied %s, want %s", got, want)
			}
		})
	}
}

func entries(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("s", i)
	}
	text, _ := json.Marshal(list)
	return string(text)
}

func asJSON(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	ttl := "accesstokenttl must be a number >= 0"
	cases := []struct{ name, changes, reason string }{
		{"negative", `{"accesstokenttl":-1}`, ttl},
		{"negative zero", `{"accesstokenttl":-0}`, ttl},
		{"fraction", `{"accesstokenttl":1.5}`, ttl},
		{"fraction of nothing", `{"accesstokenttl":1.0}`, ttl},
		{"exponent", `{"accesstokenttl":1e3}`, ttl},
		{"exponent in a string", `{"accesstokenttl":"1e3"}`, ttl},
		{"sign", `{"accesstokenttl":"+5"}`, ttl},
		{"space", `{"accesstokenttl":" 5"}`, ttl},
		{"empty", `{"accesstokenttl":""}`, ttl},
		{"word", `{"accesstokenttl":"derp"}`, ttl},
		{"digits beyond ASCII", `{"accesstokenttl":"٣"}`, ttl},
		{"boolean", `{"accesstokenttl":true}`, ttl},
		{"array", `{"accesstokenttl":[5]}`, ttl},
		{"object", `{"accesstokenttl":{}}`, ttl},
		{"more than 100 years", `{"accesstokenttl":3153600000001}`, "accesstokenttl cannot be more than 3153600000000 milliseconds"},
		{"more than 64 bits", `{"accesstokenttl":"99999999999999999999"}`, "accesstokenttl cannot be more than 3153600000000 milliseconds"},
		{"refresh tokens of 0 ms", `{"refreshtokenttl":0}`, "refreshtokenttl must be a number >= 1"},
		{"idle refresh tokens of 0 ms", `{"refreshtokenidlettl":0}`, "refreshtokenidlettl must be a number >= 1"},
		{"refresh tokens, word", `{"refreshtokenttl":"x"}`, "refreshtokenttl must be a number >= 1"},
		{"flag as a number", `{"refreshtokens":1}`, "refreshtokens must be true or false"},
		{"flag as another word", `{"permissionclaims":"yes"}`, "permissionclaims must be true or false"},
		{"flag in upper case", `{"nonexpiringexp":"TRUE"}`, "nonexpiringexp must be true or false"},
		{"flag, empty", `{"registration_requires_admin_approval":""}`, "registration_requires_admin_approval must be true or false"},
		{"flag as an array", `{"registration_requires_email_confirmation":[true]}`, "registration_requires_email_confirmation must be true or false"},
		{"flag as an object", `{"refreshtokens":{}}`, "refreshtokens must be true or false"},
		{"choice", `{"passwordgrant":"maybe"}`, "passwordgrant must be true or false"},
		{"list as a string", `{"scopes":"a b"}`, "scopes must be an array of strings"},
		{"list as an object", `{"allowedorigins":{}}`, "allowedorigins must be an array of strings"},
		{"list of numbers", `{"scopes":["a",1]}`, "scopes must be an array of strings"},
		{"list with null", `{"scopes":[null]}`, "scopes must be an array of strings"},
		{"101 entries", `{"scopes":` + entries(101) + `}`, "scopes may have at most 100 entries"},
		{"scope twice", `{"scopes":["a","b","a"]}`, "scopes has an entry twice: a"},
		{"empty scope", `{"scopes":[""]}`, "scopes has an illegal entry: "},
		{"scope with a space", `{"scopes":["a b"]}`, "scopes has an illegal entry: a b"},
		{"scope with a quote", `{"scopes":["a\"b"]}`, "scopes has an illegal entry: a\"b"},
		{"scope with a backslash", `{"scopes":["a\\b"]}`, "scopes has an illegal entry: a\\b"},
		{"scope with a control character", `{"scopes":["a\u0000"]}`, "scopes has an illegal entry: a?"},
		{"scope beyond ASCII", `{"scopes":["é"]}`, "scopes has an illegal entry: é"},
		{"other case", `{"AccessTokenTTL":5}`, "AccessTokenTTL is written accesstokenttl"},
		{"other case beside the right one", `{"Scopes":["a"],"scopes":["b"]}`, "Scopes is written scopes"},
		{"other case, null", `{"PASSWORDGRANT":null}`, "PASSWORDGRANT is written passwordgrant"},
		{"origin twice", `{"allowedorigins":["https://x","HTTPS://X:443"]}`, "allowedorigins has an entry twice: HTTPS://X:443"},
	}
	for _, text := range []string{
		"", "null", "x", "x.example.com", "//x", "https://", "https:x", "https:/x", "https://x/", "https://x/y", "https://x?", "https://x?y", "https://x#",
		"https://x#y", "https://u@x", "https://u:p@x", "https://@x", "https://x:", "https://x:0", "https://x:080", "https://x:65536",
		"https://x:y", "https://*.x", "https://x y", " https://x", "https://x\n", "https://é.x", "https://x%2ey", "https://[::1",
		"https://[fe80::1%25eth0]", "https://:443", "ht_tp://x", "1http://x", "**", "javascript:alert(1)", "https://x,https://y", `https://x\y`,
	} {
		changes := asJSON(t, map[string]any{"allowedorigins": []string{text}})
		cases = append(cases, struct{ name, changes, reason string }{"origin " + text, changes, "allowedorigins has an illegal entry: " + Printable(text)})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := fullSettings()
			// All or nothing: the first and the last property, in any order, stay as they are.
			changes := decode(t, c.changes)
			for name, value := range map[string]any{"accesstokenttl": json.Number("5"), "scopes": []any{"z"}, "nonexpiringexp": false, "zoo": "x"} {
				if _, given := changes[name]; !given {
					changes[name] = value
				}
			}
			custom, err := settings.Apply(changes)
			wantIllegal(t, err, "")
			if err.Error() != c.reason || custom != nil {
				t.Errorf("%q, %v, want %q", err, custom, c.reason)
			}
			if !reflect.DeepEqual(settings, fullSettings()) {
				t.Errorf("changed to %+v", settings)
			}
		})
	}
}

func TestApplyLeavesCustomPropertiesUntouched(t *testing.T) {
	t.Parallel()
	settings := fullSettings()
	changes := decode(t, `{"colour":"red","gone":null,"n":1.50,"deep":{"Scopes":[1]},"access_token_ttl":1,"":"x","scope":"y"}`)
	custom, err := settings.Apply(changes)
	if err != nil || !reflect.DeepEqual(custom, changes) || !reflect.DeepEqual(settings, fullSettings()) {
		t.Errorf("%v, %v, %+v", custom, err, settings)
	}
}

// What was applied is not changed through the caller's slices, nor through those of Map.
func TestSettingsShareNothing(t *testing.T) {
	t.Parallel()
	settings := fullSettings()
	before := settings
	if _, err := settings.Apply(map[string]any{"scopes": []any{"z"}}); err != nil {
		t.Fatal(err)
	}
	if before.Scopes[0] != "orders.read" {
		t.Error("a copy changed with the settings")
	}
	scopes, ok := settings.Map()["scopes"].([]string)
	if !ok || len(scopes) != 1 {
		t.Fatalf("scopes are %v", settings.Map()["scopes"])
	}
	scopes[0] = "changed"
	if settings.Scopes[0] != "z" {
		t.Error("the settings changed with their map")
	}
}

func TestMapHasOnlyWhatIsSet(t *testing.T) {
	t.Parallel()
	if got := (Settings{}).Map(); got == nil || len(got) != 0 {
		t.Errorf("nothing set: %v", got)
	}
	full := fullSettings().Map()
	if got, want := asJSON(t, full), asJSON(t, decode(t, fullJSON)); got != want {
		t.Errorf("everything set: %s, want %s", got, want)
	}
	if ttl, ok := full["accesstokenttl"].(int64); !ok || ttl != 0 {
		t.Errorf("accesstokenttl is %#v", full["accesstokenttl"])
	}
}

// The column has the names of the wire: what is stored is what Map shows.
func TestSettingsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, settings := range []Settings{{}, fullSettings()} {
		value, err := settings.Value()
		if err != nil {
			t.Fatal(err)
		}
		text, ok := value.(string)
		if !ok {
			t.Fatalf("stored as %T", value)
		}
		if got, want := asJSON(t, decode(t, text)), asJSON(t, settings.Map()); got != want {
			t.Errorf("stored %s, shown %s", got, want)
		}
		for _, column := range []any{text, []byte(text)} {
			// What the variable held before must not shine through.
			read := fullSettings()
			if err := read.Scan(column); err != nil || !reflect.DeepEqual(read, settings) {
				t.Errorf("read %+v, %v", read, err)
			}
		}
	}
	read := fullSettings()
	if err := read.Scan(nil); err != nil || !reflect.DeepEqual(read, Settings{}) {
		t.Errorf("NULL is read as %+v, %v", read, err)
	}
	for _, column := range []any{"", "[]", 7} {
		if err := new(Settings).Scan(column); err == nil {
			t.Errorf("%#v is read as settings", column)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add(fullJSON)
	f.Add(`{"accesstokenttl":"1e3","x":1}`)
	f.Add(`{"allowedorigins":["HTTPS://X:443"],"Scopes":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var changes map[string]any
		if unmarshal([]byte(text), &changes) != nil {
			t.Skip()
		}
		settings := fullSettings()
		custom, err := settings.Apply(changes)
		if err != nil {
			wantIllegal(t, err, "")
			if custom != nil || !reflect.DeepEqual(settings, fullSettings()) {
				t.Fatalf("%s: %v, and yet %v, %+v", text, err, custom, settings)
			}
			return
		}
		var again Settings
		rest, err := again.Apply(decode(t, asJSON(t, settings.Map())))
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(again, settings) {
			t.Fatalf("%s: %+v, and shown and applied again %+v, %v, %v", text, settings, again, rest, err)
		}
		for name := range custom {
			if _, known := fullSettings().Map()[strings.ToLower(name)]; known {
				t.Fatalf("%s: %s is custom", text, name)
			}
		}
	})
}
