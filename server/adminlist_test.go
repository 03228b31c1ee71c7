package server

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestTheSuperuserListsAllAdmins(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	superuser := f.asSuperuser(t)
	f.status(t, 200, "POST", "/management/users", `{"email":"lone@example.com","username":"lone"}`, superuser)
	for _, limit := range []string{"1", "1000"} {
		var names []string
		for cursor, more := "", true; more; more = cursor != "" {
			a := f.status(t, 200, "GET", "/management/users?limit="+limit+"&cursor="+url.QueryEscape(cursor), "", superuser)
			var page struct {
				Action, Cursor string
				Count          int
				Data           []struct{ Username, Password string }
			}
			must(t, json.Unmarshal([]byte(a.text), &page))
			if page.Action != "get admin users" || page.Count != len(page.Data) || strings.Contains(a.text, "argon2") {
				t.Errorf("%s", a.text)
			}
			for _, admin := range page.Data {
				names = append(names, admin.Username)
			}
			cursor = page.Cursor
		}
		slices.Sort(names)
		if want := "lone olga rita superuser"; strings.Join(names, " ") != want {
			t.Errorf("by %s: %v, want %s", limit, names, want)
		}
	}
}

func TestTheSuperuserFindsAdmins(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.AdminApproval = true }})
	superuser := f.asSuperuser(t)
	f.status(t, 200, "POST", "/management/users", `{"email":"lone@example.com","username":"lone"}`, superuser)
	for query, want := range map[string]string{
		"search=LON": "lone", "search=one%40exa": "lone", "search=%25": "", "waiting=true": "lone", "waiting=true&search=olga": "", "search=olg": "olga",
	} {
		a := f.status(t, 200, "GET", "/management/users?"+query, "", superuser)
		var page struct{ Data []struct{ Username string } }
		must(t, json.Unmarshal([]byte(a.text), &page))
		var got strings.Builder
		for _, admin := range page.Data {
			got.WriteString(admin.Username)
		}
		if got.String() != want {
			t.Errorf("%s: %q, want %q", query, got.String(), want)
		}
	}
	f.status(t, 400, "GET", "/management/users?waiting=yes", "", superuser)
}
