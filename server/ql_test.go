package server

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

func TestParseQL(t *testing.T) {
	t.Parallel()
	type all = []models.UserCondition
	name := func(value string) models.UserCondition {
		return models.UserCondition{Property: "username", Value: value}
	}
	mail := func(value string) models.UserCondition { return models.UserCondition{Property: "email", Value: value} }
	for _, tc := range []struct {
		ql   string
		want []all // nil: everybody
	}{
		{"", nil},
		{"select *", nil},
		{"SELECT  * ", nil},
		{"username = 'dana'", []all{{name("dana")}}},
		{"username='dana'", []all{{name("dana")}}},
		{"where username = 'dana'", []all{{name("dana")}}},
		{"select * username = 'dana'", []all{{name("dana")}}},
		{"select*where username='dana'", []all{{name("dana")}}},
		{"Select * Where Email = 'd@x'", []all{{mail("d@x")}}},
		{"username = ''", []all{{name("")}}},
		{`username = 'o\'neil'`, []all{{name("o'neil")}}},
		{`username = 'a\\'`, []all{{name(`a\`)}}},
		{"username = 'a or b'", []all{{name("a or b")}}},
		{"username='a' and email='b'", []all{{name("a"), mail("b")}}},
		{"username='a' or email='b'", []all{{name("a")}, {mail("b")}}},
		{"username='a'or email='b'", []all{{name("a")}, {mail("b")}}},
		{"username='a' or username='b' and email='c' or email='d'", []all{{name("a")}, {name("b"), mail("c")}, {mail("d")}}},
		{"username='a'\n\tAND\r\nemail='b'", []all{{name("a"), mail("b")}}},
		{"username = 'é; drop table users --'", []all{{name("é; drop table users --")}}},
	} {
		got, err := parseQL(tc.ql)
		if err != nil || !reflect.DeepEqual(got.Any, append([]all(nil), tc.want...)) {
			t.Errorf("parseQL(%q) = %v, %v, want %v", tc.ql, got.Any, err, tc.want)
		}
	}
	for _, ql := range []string{
		" ", "\t", "select", "*", "select * where", "where", "select username", "select * from users", "select * order by created", "order by created",
		"username", "username =", "username = dana", `username = "dana"`, "username = 'dana", `username = 'dana\'`, "username = 1", "username == 'a'",
		"username > 'a'", "username != 'a'", "username contains 'a'", "name = 'a'", "uuid = 'a'", "password = 'a'", "'username' = 'a'", "'a' = username",
		"(username = 'a')", "not username = 'a'", "username = 'a' and", "username = 'a' or", "and username = 'a'", "username = 'a' username = 'b'",
		"username = 'a' 'b'", "username = 'a';", "username '=' 'a'", "select 'x'", "'select' *", "select * select *", "where where username = 'a'",
		"username = 'a' order by username", "username = 'a' limit 1", "username = * ", "username = 'a*' or *", strings.Repeat("username='a' or ", 50) + "username='a'",
	} {
		got, err := parseQL(ql)
		var refused *grants.Error
		if !errors.As(err, &refused) || refused.Code != "query_parse" || refused.Status != 400 || got.Any != nil {
			t.Errorf("parseQL(%q) = %v, %v", ql, got.Any, err)
		}
	}
}

// What is read means what it says: written again in one canonical way it is read as the same.
func FuzzParseQL(f *testing.F) {
	for _, seed := range []string{"", "select * where username = 'a' and email='b' or username='\\''", "x", "username='", "select*"} {
		f.Add(seed)
	}
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	f.Fuzz(func(t *testing.T, ql string) {
		filter, err := parseQL(ql)
		if err != nil {
			var refused *grants.Error
			if !errors.As(err, &refused) || refused.Code != "query_parse" {
				t.Fatalf("%q: %v", ql, err)
			}
			return
		}
		alternatives := make([]string, 0, len(filter.Any))
		for _, conditions := range filter.Any {
			all := make([]string, 0, len(conditions))
			for _, condition := range conditions {
				all = append(all, condition.Property+" = '"+escape.Replace(condition.Value)+"'")
			}
			alternatives = append(alternatives, strings.Join(all, " and "))
		}
		again, err := parseQL(strings.Join(alternatives, " or "))
		if err != nil || !reflect.DeepEqual(again, filter) {
			t.Fatalf("%q: %v, written again %v, %v", ql, filter, again, err)
		}
	})
}

// SEC-71
func TestListsWithAQuery(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	for _, name := range []string{"erik", "o'neil"} {
		f.newUser(t, f.shop, name, "")
	}
	for _, tc := range []struct {
		ql    string
		count int
	}{
		{"", 3},
		{"select *", 3},
		{"username = 'dana'", 1},
		{"username = 'DANA'", 1},
		{"email = 'Erik@example.com'", 1},
		{"username = 'dana' or username = 'erik'", 2},
		{"username = 'dana' and username = 'erik'", 0},
		{"username = 'dana' or username = 'erik' and email = 'x'", 1},
		{`username = 'o\'neil'`, 1},
		{"username = ''' or 1 = 1 --'", -1},
		{`username = '\' or 1 = 1 --'`, 0},
		{"username = '%'", 0},
		{"username = '\x00'", 0},
		{"username like '%'", -1},
	} {
		a := f.do(t, "GET", "/acme/shop/users?ql="+url.QueryEscape(tc.ql), "", shop)
		if tc.count < 0 {
			a.check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "query_parse", "exception": "QueryParseException"}})
			continue
		}
		if a.Code != 200 || !same(a.body["count"], tc.count) {
			t.Errorf("%s: %d %s", tc.ql, a.Code, a.text)
		}
	}
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"g"}`, shop)
	for _, list := range []string{
		"/acme/shop/roles", "/acme/shop/groups", "/acme/shop/users/dana/roles", "/acme/shop/users/dana/groups", "/acme/shop/roles/default/users",
		"/acme/shop/roles/default/groups", "/acme/shop/groups/g/users", "/acme/shop/groups/g/roles", "/acme/shop/tokens", "/acme/shop/users/dana/tokens",
	} {
		f.status(t, 200, "GET", list+"?ql=select+*", "", shop)
		f.do(t, "GET", list+"?ql=order+by+x", "", shop).check(t, scenario{
			name: list, wantStatus: 400, wantBody: map[string]any{"error": "query_parse"},
		})
	}
}
