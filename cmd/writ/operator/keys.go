package operator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
)

func signingKeys() group {
	return group{
		name: "keys", usage: "the signing keys: list, rotate, retire, drop, seal again",
		about: "Ordinary keys rotate by themselves (setting key-rotation). The long-term key signs the tokens that do not expire and those that\n" +
			"live longer than 400 days; it stays until an operator says otherwise. A key is named by its KID or the beginning of it; write -- before\n" +
			"one that begins with a hyphen.",
		commands: []command{
			{
				name: "list", usage: "list the keys, their state and what comes next",
				flags: []flag{{"all", "", "removed keys too"}}, run: listKeys, example: "writ keys list",
			},
			{
				name: "tokens", arguments: "KID", least: 1, most: 1, usage: "list the registered tokens that would die with a key",
				run: listKeyTokens, example: "writ keys tokens zeKQmZ",
			},
			{
				name: "rotate", usage: "announce a new key, which signs two hours later",
				about: "The key that signs now goes on verifying what it signed. With --now the new key signs at once: resource servers that keep the\n" +
					"JWKS document, and do not fetch it again when they meet an unknown kid, refuse new tokens until they do.",
				flags: []flag{{"long-term", "", "the key for tokens that do not expire"}, {"now", "", "do not wait until resource servers know the key"}},
				run:   rotateKeys, example: "writ keys rotate",
			},
			{
				name: "retire", arguments: "KID", least: 1, most: 1, usage: "end a long-term key that has been rotated, or call a rotation off",
				about: "The registered tokens that a long-term key signed are revoked; `writ keys tokens` lists them. Other keys retire by themselves.",
				flags: []flag{yesFlag()}, run: retireKey, example: "writ keys rotate --long-term\nwrit keys retire zeKQmZ",
			},
			{
				name: "drop", arguments: "KID", least: 1, most: 1, usage: "emergency: end the trust in a key at once",
				about: "For a key that somebody may have stolen. Every token that it signed is refused from now on, here at once and by resource servers as soon\n" +
					"as the feed or the JWKS document tells them. Another key signs at once.",
				flags: []flag{yesFlag()}, run: dropKey, example: "writ keys drop zeKQmZ --yes",
			},
			{
				name: "reseal", usage: "seal every secret of the database under a new master key",
				about: "This is done beside the database only, and while no server uses it. Without --new-master-key-file the new key is made in\n" +
					"master.key.new, beside the present file, and takes its place; the old one is kept as master.key.old, for backups from before. Where the\n" +
					"master key comes from the environment, the new one is read from WRIT_NEW_MASTER_KEY. After an interruption run it again.",
				flags: []flag{{"new-master-key-file", "FILE", "file with the new key, made if it does not exist"}},
				run:   reseal, example: "writ keys reseal --data-dir /var/lib/writ",
			},
		},
	}
}

func keysPath(more ...string) []string { return append([]string{"management", "keys"}, more...) }

func listKeys(ctx context.Context, s *session) error {
	rows, err := s.keys(ctx, s.cmd.Bool("all"))
	if err != nil {
		return err
	}
	return s.list(rows, member("kid", "kid"), member("alg", "alg"), member("purpose", "purpose"), member("state", "state"),
		moment("since", "changed"), member("next", "next"), moment("at", "nextAt"), member("tokens", "tokens"))
}

func (s *session) keys(ctx context.Context, all bool) ([]map[string]any, error) {
	c := call{method: http.MethodGet, path: keysPath()}
	if all {
		c.query = url.Values{"all": {"true"}}
	}
	answer, err := s.do(ctx, c)
	return answer.list("data"), err
}

// key finds the key that the first argument names.
func (s *session) key(ctx context.Context) (map[string]any, error) {
	name := s.args[0]
	if name == "" {
		return nil, usage("a key is named by its KID or the beginning of it")
	}
	rows, err := s.keys(ctx, true)
	if err != nil {
		return nil, err
	}
	var found []map[string]any
	for _, row := range rows {
		if kid := text(row["kid"]); kid == name {
			return row, nil
		} else if strings.HasPrefix(kid, name) {
			found = append(found, row)
		}
	}
	switch len(found) {
	case 0:
		return nil, notFound("there is no key %s", plain(name))
	case 1:
		return found[0], nil
	}
	return nil, usage("%d keys begin with %s", len(found), plain(name))
}

func (s *session) tokensOfKey(ctx context.Context, kid string) ([]map[string]any, error) {
	return s.pages(ctx, call{method: http.MethodGet, path: keysPath(kid, "tokens"), what: "key " + kid}, "data", 0)
}

func tokenColumns() []column {
	return []column{
		member("jti", "jti"), member("level", "level"), member("organization", "organization"), member("application", "application"),
		member("subject", "subject"), member("label", "label"), moment("issued", "issued"),
	}
}

func listKeyTokens(ctx context.Context, s *session) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	rows, err := s.tokensOfKey(ctx, text(key["kid"]))
	if err != nil {
		return err
	}
	return s.list(rows, tokenColumns()...)
}

func rotateKeys(ctx context.Context, s *session) error {
	purpose, now := "ordinary", s.cmd.Bool("now")
	if s.cmd.Bool("long-term") {
		purpose = "nonexpiring"
	}
	answer, err := s.do(ctx, call{
		method: http.MethodPost, path: keysPath("rotate"), body: map[string]any{"purpose": purpose, "now": now},
	})
	if err != nil {
		return err
	}
	key := answer.object("data")
	return s.print(key, func(w io.Writer) error {
		if now {
			_, err = fmt.Fprintf(w, "key %s signs now. Resource servers that do not fetch the JWKS again for an unknown kid refuse new tokens until they do.\n",
				text(key["kid"]))
			return err
		}
		_, err = fmt.Fprintf(w, "key %s is announced and signs from %s\n", text(key["kid"]), when(key["nextAt"]))
		return err
	})
}

func retireKey(ctx context.Context, s *session) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	var warning string
	if key["purpose"] == "nonexpiring" && key["state"] == "retiring" {
		if warning, err = s.dying(ctx, text(key["kid"])); err != nil {
			return err
		}
		warning += "Tokens that live longer than 400 days, if it signed any, die too.\n"
	}
	return s.endKey(ctx, key, "retire", call{method: http.MethodPost, path: keysPath(text(key["kid"]), "retire")}, warning)
}

func dropKey(ctx context.Context, s *session) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	warning := "Every token that it signed is refused from now on; who holds one must log in again.\n"
	if key["purpose"] == "nonexpiring" {
		more, err := s.dying(ctx, text(key["kid"]))
		if err != nil {
			return err
		}
		warning += more
	}
	return s.endKey(ctx, key, "drop", call{method: http.MethodDelete, path: keysPath(text(key["kid"]))}, warning)
}

// mostNamed is how many tokens a question names.
const mostNamed = 20

// dying names the registered tokens that die with a key.
func (s *session) dying(ctx context.Context, kid string) (string, error) {
	rows, err := s.tokensOfKey(ctx, kid)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d registered tokens die:\n", len(rows))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows[:min(len(rows), mostNamed)] {
		cells := make([]string, 0, len(tokenColumns()))
		for _, c := range tokenColumns() {
			cells = append(cells, orDash(plain(c.cell(row))))
		}
		writeRow(table, cells)
	}
	if err := table.Flush(); err != nil {
		return "", err
	}
	if more := len(rows) - mostNamed; more > 0 {
		fmt.Fprintf(&b, "and %d more; `writ keys tokens %s` lists them\n", more, kid)
	}
	return b.String(), nil
}

// typedKID is how much of a KID has to be typed to confirm.
const typedKID = 8

// endKey asks, ends the key and says what has died.
func (s *session) endKey(ctx context.Context, key map[string]any, verb string, c call, warning string) error {
	kid := text(key["kid"])
	short := kid[:min(len(kid), typedKID)]
	switch {
	case s.cmd.Bool("yes"):
	case s.Terminal == nil:
		return usage("to %s a key needs --yes where nobody can be asked", verb)
	default:
		typed, err := s.Terminal.Line(ctx, fmt.Sprintf("Key %s, %s, %s.\n%sType %s to %s it: ",
			kid, text(key["purpose"]), text(key["state"]), warning, short, verb))
		if err != nil {
			return err
		}
		if strings.TrimSpace(typed) != short {
			return failed("%s was not typed: nothing is done", short)
		}
	}
	c.what = "key " + kid
	answer, err := s.do(ctx, c)
	if err != nil {
		return err
	}
	ended := answer.object("data")
	return s.print(ended, func(w io.Writer) error {
		line := text(answer["action"]) + ": key " + kid
		if ended["tokens"] != nil {
			line += ", registered tokens revoked: " + text(ended["tokens"])
		}
		_, err := io.WriteString(w, line+"\n")
		return err
	})
}

// Resealed is what sealing again has done.
type Resealed struct {
	Sealed      int    `json:"sealed"`            // secrets that were sealed again, 0 if all were under the new key already
	File        string `json:"file,omitempty"`    // has the new key; empty: it is in the environment
	OldFile     string `json:"oldFile,omitempty"` // keeps the old key
	Environment string `json:"environment,omitempty"`
}

func reseal(ctx context.Context, s *session) error {
	if s.cmd.IsSet("url") {
		return usage("secrets are sealed again beside the database only, without --url")
	}
	done, err := s.Reseal(ctx, s.settings(), s.cmd.String("new-master-key-file"))
	if err != nil {
		return err
	}
	return s.print(done, func(w io.Writer) error {
		var b strings.Builder
		fmt.Fprintf(&b, "sealed again: %d secrets\n", done.Sealed)
		if done.File != "" {
			fmt.Fprintf(&b, "the master key is in %s\n", done.File)
		}
		if done.OldFile != "" {
			fmt.Fprintf(&b, "the old one is in %s: keep it as long as backups from before\n", done.OldFile)
		}
		if done.Environment != "" {
			b.WriteString(done.Environment + "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}
