package models

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// The identifiers of wire contract §4's examples.
func TestClientIDsOfTheContract(t *testing.T) {
	t.Parallel()
	cases := []struct {
		kind     ClientKind
		owner    string
		clientID string
	}{
		{ApplicationClient, "2a438f2a-3172-4442-bbce-14ab261db1d4", "YXA6KkOPKjFyREK7zhSrJh2x1A"},
		{OrganizationClient, "3fcb4b70-f79a-4ffc-a71b-9592244ececa", "b3U6P8tLcPeaT_ynG5WSJE7Oyg"},
	}
	for _, c := range cases {
		client := Client{Kind: c.kind, ID: uuid.MustParse(c.owner)}
		if got := client.ClientID(); got != c.clientID {
			t.Errorf("ClientID() = %s, want %s", got, c.clientID)
		}
		if kind, owner, ok := ParseClientID(c.clientID); !ok || kind != c.kind || owner != client.ID {
			t.Errorf("ParseClientID(%s) = %s, %s, %t", c.clientID, kind, owner, ok)
		}
		if !strings.HasPrefix(c.clientID, c.kind.Prefix()) {
			t.Errorf("prefix of %s is %s", c.kind, c.kind.Prefix())
		}
	}
}

func TestParseClientIDRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, clientID string }{
		{"nothing", ""},
		{"only a prefix", "YXA6"},
		{"uuid", someID},
		{"unknown prefix", "YXA7KkOPKjFyREK7zhSrJh2x1A"},
		{"prefix in other case", "yxa6KkOPKjFyREK7zhSrJh2x1A"},
		{"one character short", "YXA6KkOPKjFyREK7zhSrJh2x1"},
		{"one character long", "YXA6KkOPKjFyREK7zhSrJh2x1AA"},
		{"padded", "YXA6KkOPKjFyREK7zhSrJh2x1A=="},
		{"spare bits set", "YXA6KkOPKjFyREK7zhSrJh2x1B"},
		{"plain base64", "b3U6P8tLcPeaT/ynG5WSJE7Oyg"},
		{"line break inside", "YXA6KkOPKjFyREK7zhSrJh2x1\n"},
		{"line breaks for characters", "YXA6\n\nKkOPKjFyREK7zhSrJh2x"},
		{"space", "YXA6KkOPKjFyREK7zhSrJh2x1 "},
		{"secret", "YXA6" + strings.Repeat("A", 27)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if kind, owner, ok := ParseClientID(c.clientID); ok || kind != "" || owner != uuid.Nil {
				t.Errorf("ParseClientID(%q) = %q, %s, %t", c.clientID, kind, owner, ok)
			}
		})
	}
}

func FuzzParseClientID(f *testing.F) {
	f.Add("YXA6KkOPKjFyREK7zhSrJh2x1A")
	f.Add("b3U6P8tLcPeaT_ynG5WSJE7Oyg")
	f.Add("YXA6KkOPKjFyREK7zhSrJh2x1B")
	f.Fuzz(func(t *testing.T, clientID string) {
		kind, owner, ok := ParseClientID(clientID)
		if !ok {
			if kind != "" || owner != uuid.Nil {
				t.Fatalf("%q is refused and yet %q, %s", clientID, kind, owner)
			}
			return
		}
		if again := ClientID(kind, owner); again != clientID {
			t.Fatalf("%q becomes %q", clientID, again)
		}
	})
}

func FuzzClientID(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), true)
	f.Fuzz(func(t *testing.T, id []byte, application bool) {
		owner, err := uuid.FromBytes(id)
		if err != nil {
			t.Skip()
		}
		kind := OrganizationClient
		if application {
			kind = ApplicationClient
		}
		if k, o, ok := ParseClientID(ClientID(kind, owner)); !ok || k != kind || o != owner {
			t.Fatalf("%s %s becomes %s %s %t", kind, owner, k, o, ok)
		}
	})
}
