package operator

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func credentials() group {
	return group{
		name: "credentials", usage: "client_id and client_secret of organizations and applications",
		commands: []command{
			{
				name: "show", arguments: "ORG[/APP]", least: 1, most: 1, usage: "show the credentials of a client; this is traced",
				about: "With client-secrets=once a secret is shown only when it is made: regenerate it.",
				run:   showCredentials, example: "writ credentials show acme/shop",
			},
			{
				name: "regenerate", arguments: "ORG[/APP]", least: 1, most: 1, usage: "make a new secret; the old one fails at once unless it overlaps",
				about: "With --overlap the old secret stays valid for a while, so that clients can be given the new one in peace.",
				flags: []flag{
					{"revoke-tokens", "", "also refuse every token the client has got so far"},
					{"overlap", "DURATION", "how long the old secret stays valid, such as 24h; 30 days at most"},
				},
				run:     regenerateCredentials,
				example: "writ credentials regenerate acme/shop --overlap 24h\nwrit credentials regenerate acme/shop --revoke-tokens",
			},
		},
	}
}

func showCredentials(ctx context.Context, s *session) error {
	return clientCredentials(ctx, s, http.MethodGet, nil)
}

func regenerateCredentials(ctx context.Context, s *session) error {
	query := url.Values{}
	if s.cmd.Bool("revoke-tokens") {
		query.Set("revoketokens", "true")
	}
	if given := s.cmd.String("overlap"); given != "" {
		overlap, err := time.ParseDuration(given)
		if err != nil || overlap <= 0 {
			return usage("--overlap must be a duration with its unit, such as 24h")
		}
		query.Set("overlap", strconv.FormatInt(overlap.Milliseconds(), 10))
	}
	return clientCredentials(ctx, s, http.MethodPost, query)
}

func clientCredentials(ctx context.Context, s *session, method string, query url.Values) error {
	t, err := targetNamed(s.args[0])
	if err != nil {
		return err
	}
	path := t.managed("credentials")
	if t.application != "" {
		path = t.root("credentials") // also the way of the application's own client
	}
	answer, err := s.do(ctx, call{method: method, path: path, query: query})
	if err != nil {
		return err
	}
	shown := map[string]any{"name": t.String()}
	maps.Copy(shown, answer.object("credentials"))
	return s.print(shown, func(io.Writer) error {
		flat := maps.Clone(shown)
		if previous, is := flat["previous"].(map[string]any); is {
			delete(flat, "previous")
			flat["previous_secret"], flat["previous_expires"] = previous["client_secret"], when(previous["expires"])
		}
		return s.show(flat, "name", "client_id", "client_secret", "created", "previous_secret", "previous_expires")
	})
}
