package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/claims"
)

func tokens() group {
	return group{
		name: "token", usage: "tokens: list and revoke those that do not expire, inspect and revoke any",
		about: "Short-lived tokens are stored nowhere. Tokens that do not expire are registered: those can be listed.",
		commands: []command{
			{
				name: "list", arguments: "ORG[/APP] [--user USER] | --admin ADMIN", most: 1, usage: "list tokens that do not expire, revoked ones too",
				about: "ORG lists those of the organization's client, ORG/APP those of the application's client and users.",
				flags: holderFlags(), run: listTokens, example: "writ token list acme/shop --user dana",
			},
			{
				name: "revoke", arguments: "ORG[/APP] [--user USER] | --admin ADMIN, then JTI... or --all", most: -1, usage: "revoke tokens",
				about: "JTI is the identifier that `writ token list` shows. With --token-stdin the token itself is read, whichever it is.",
				flags: append(holderFlags(), flag{"all", "", "all of the list"}, flag{"token-stdin", "", "read the token itself from standard input"}),
				run:   revokeTokens, example: "writ token revoke acme/shop 01a230f0-8aba-7f62-812e-df7b27ebd003\nwrit token revoke --token-stdin < token.txt",
			},
			{
				name: "inspect", usage: "read a token from standard input, tell whether it is valid and what it says",
				run: inspectToken, example: "writ token inspect < token.txt",
			},
		},
	}
}

func holderFlags() []flag {
	return []flag{{"user", "USER", "only those of this user of the application"}, {"admin", "ADMIN", "those of this admin user"}}
}

// register is the list of §6.4 that the arguments name; rest are the arguments behind it.
func (s *session) register() (path, rest []string, what string, err error) {
	if s.cmd.IsSet("admin") {
		name, err := reference("an admin user", s.cmd.String("admin"))
		if err == nil && s.cmd.IsSet("user") {
			err = usage("--user and --admin: only one of them makes sense")
		}
		return adminPath(name, "tokens"), s.args, "admin user " + name, err
	}
	if len(s.args) == 0 {
		return nil, nil, "", usage("whose tokens? name ORG, ORG/APP or --admin")
	}
	t, err := targetNamed(s.args[0])
	if err != nil {
		return nil, nil, "", err
	}
	rest = s.args[1:]
	switch {
	case s.cmd.IsSet("user") && t.application == "":
		return nil, nil, "", usage("--user wants an application: ORG/APP")
	case s.cmd.IsSet("user"):
		name, err := reference("a user", s.cmd.String("user"))
		return t.root("users", name, "tokens"), rest, userOf(t, name), err
	case t.application == "":
		return t.managed("tokens"), rest, t.String(), nil
	}
	return t.root("tokens"), rest, t.String(), nil
}

func listTokens(ctx context.Context, s *session) error {
	path, rest, what, err := s.register()
	if err == nil && len(rest) > 0 {
		err = usage("with --admin there is no further argument")
	}
	if err != nil {
		return err
	}
	rows, err := s.pages(ctx, call{method: http.MethodGet, path: path, what: what}, "data", 0)
	if err != nil {
		return err
	}
	return s.list(rows, member("jti", "jti"), member("level", "level"), member("subject", "subject"), member("label", "label"),
		moment("issued", "issued"), member("from", "issuedFrom"), moment("revoked", "revoked"))
}

func revokeTokens(ctx context.Context, s *session) error {
	if s.cmd.Bool("token-stdin") {
		return revokePresented(ctx, s)
	}
	path, rest, what, err := s.register()
	if err != nil {
		return err
	}
	switch all := s.cmd.Bool("all"); {
	case all && len(rest) > 0, !all && len(rest) == 0:
		return usage("name either the tokens by their JTI, or --all")
	case all:
		if _, err := s.do(ctx, call{method: http.MethodDelete, path: path, what: what}); err != nil {
			return err
		}
		return s.done(done{Action: "revoked", Kind: "token", Name: "all registered tokens", In: what})
	}
	ids := make([]string, 0, len(rest))
	for _, argument := range rest {
		id, err := reference("a token", argument)
		if err != nil || strings.Contains(id, ".") {
			return usage("a token is named by its JTI, as `writ token list` shows it; the token itself is no argument")
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := s.do(ctx, call{method: http.MethodDelete, path: append(slices.Clip(path), id), what: what}); err != nil {
			return err
		}
	}
	return s.done(done{Action: "revoked", Kind: "token", Name: strings.Join(ids, " "), In: what})
}

// presented reads a token from standard input. Nothing of it is verified here.
func (s *session) presented() (raw string, said map[string]any, err error) {
	if s.cmd.String("token-file") == "-" {
		return "", nil, usage("standard input cannot be both the token for --url and the token to look at")
	}
	line, err := readLine(s.Stdin)
	if err != nil {
		return "", nil, err
	}
	raw = strings.TrimSpace(line)
	compact, err := claims.Split(raw)
	if err != nil {
		return "", nil, usage("standard input holds no access token")
	}
	decoder := json.NewDecoder(bytes.NewReader(compact.Payload))
	decoder.UseNumber()
	if decoder.Decode(&said) != nil || said == nil {
		return "", nil, usage("standard input holds no access token")
	}
	return raw, said, nil
}

// revokePresented is RFC 7009 at the issuer that the token names. That endpoint answers alike whatever it got, so it is asked again.
func revokePresented(ctx context.Context, s *session) error {
	if len(s.args) > 0 || s.cmd.Bool("all") {
		return usage("--token-stdin stands alone")
	}
	raw, said, err := s.presented()
	if err != nil {
		return err
	}
	path := []string{"management", "revoke"}
	if level := text(said["level"]); level == string(claims.ApplicationUser) || level == string(claims.Application) {
		t, err := applicationNamed(text(said["org"]) + "/" + text(said["app"]))
		if err != nil {
			return usage("the token names no application")
		}
		path = t.root("revoke")
	}
	if _, err := s.do(ctx, call{method: http.MethodPost, path: path, body: map[string]any{"token": raw}}); err != nil {
		return err
	}
	active, err := s.introspect(ctx, raw)
	if err != nil {
		return err
	}
	if active["active"] == true {
		return failed("the server goes on accepting the token")
	}
	return s.done(done{Action: "revoked", Kind: "token", Name: text(said["jti"])})
}

func (s *session) introspect(ctx context.Context, raw string) (reply, error) {
	return s.do(ctx, call{method: http.MethodPost, path: []string{"management", "introspect"}, body: map[string]any{"token": raw}})
}

func inspectToken(ctx context.Context, s *session) error {
	raw, said, err := s.presented()
	if err != nil {
		return err
	}
	answer, err := s.introspect(ctx, raw)
	if err != nil {
		return err
	}
	shown := map[string]any{"active": answer["active"] == true, "claims": said}
	if answer["active"] != true {
		shown["reason"] = whyInactive(said, time.Now())
	}
	return s.print(shown, func(io.Writer) error { return s.showToken(shown, said) })
}

// whyInactive guesses from what the token says of itself: a server does not tell why it refuses a token.
func whyInactive(said map[string]any, now time.Time) string {
	exp, is := said["exp"].(json.Number)
	if at, err := exp.Int64(); is && err == nil && at <= now.Unix() {
		return "expired"
	}
	return "revoked, forged, of another server, or not within reach of --url's token"
}

func (s *session) showToken(shown, said map[string]any) error {
	all := map[string]any{"active": shown["active"]}
	if shown["reason"] != nil {
		all["reason"] = shown["reason"]
	}
	for name, value := range said {
		if number, is := value.(json.Number); is && (name == "iat" || name == "exp") {
			if seconds, err := number.Int64(); err == nil {
				value = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
			}
		}
		all["claim "+name] = value
	}
	return s.show(all, "active", "reason")
}
