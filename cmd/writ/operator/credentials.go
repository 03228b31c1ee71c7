package operator

import (
	"context"
	"maps"
	"net/http"
	"net/url"
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
				name: "regenerate", arguments: "ORG[/APP]", least: 1, most: 1, usage: "make a new secret; the old one fails at once",
				flags: []flag{{"revoke-tokens", "", "also refuse every token the client has got so far"}},
				run:   regenerateCredentials, example: "writ credentials regenerate acme/shop --revoke-tokens",
			},
		},
	}
}

func showCredentials(ctx context.Context, s *session) error {
	return clientCredentials(ctx, s, http.MethodGet, nil)
}

func regenerateCredentials(ctx context.Context, s *session) error {
	var query url.Values
	if s.cmd.Bool("revoke-tokens") {
		query = url.Values{"revoketokens": {"true"}}
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
	return s.show(shown, "name", "client_id", "client_secret")
}
