package server

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
)

func TestTokenAnswerIsWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	own := tokenAnswer{AccessToken: "eyJh.eyJp.c2ln-_", TokenType: "Bearer", ExpiresIn: 86400, Application: uuid.New()}
	scoped, user := own, own
	scoped.Scope = "a<b"
	user.Application, user.User, user.PasswordChanged = uuid.Nil, map[string]any{"username": "dana"}, new(int64(1))
	for name, answer := range map[string]*tokenAnswer{"own": &own, "scope": &scoped, "user": &user} {
		want, err := json.Marshal(answer)
		must(t, err)
		got, err := answer.encode()
		must(t, err)
		if string(got) != string(want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}
