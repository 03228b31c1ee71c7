package portal

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed snippets/*.txt
var snippetFiles embed.FS

// snippet is a program that works when it is pasted.
type snippet struct {
	Language string // a word that is the same in every language
	Needs    string // what must be installed
	Code     string
}

// snippetValues are the real values in a snippet. None of them can hold a quote or a backslash: names, uuids and base64url.
type snippetValues struct {
	Issuer, Token, Keys, Server string
	ClientID, Secret            string
	Revealed, Passwords         bool
}

// snippets fills in the values of an application. Without the secret its place says where to find it.
func (v *visit) snippets(p *startPage, passwords bool) ([]snippet, error) {
	values := snippetValues{
		Issuer: p.Issuer, Token: p.Token, Keys: p.Keys, Server: v.PublicURL, ClientID: p.ClientID, Secret: p.Secret,
		Revealed: p.Secret != "", Passwords: passwords,
	}
	if !values.Revealed {
		values.Secret = v.texts.say("start.placeholder")
	}
	parsed, err := template.New("snippets").Option("missingkey=error").ParseFS(snippetFiles, "snippets/*.txt")
	if err != nil {
		return nil, fmt.Errorf("snippets: %w", err)
	}
	var all []snippet
	for _, one := range []snippet{
		{Language: "curl"},
		{Language: "Go", Needs: "go get golang.org/x/oauth2 github.com/coreos/go-oidc/v3"},
		{Language: "Node.js", Needs: "npm install jose"},
		{Language: "Python", Needs: "pip install 'pyjwt[crypto]'"},
	} {
		var code strings.Builder
		file := strings.ToLower(strings.TrimSuffix(one.Language, ".js")) + ".txt"
		if err := parsed.ExecuteTemplate(&code, file, values); err != nil {
			return nil, fmt.Errorf("snippets: %w", err)
		}
		one.Code = strings.TrimSpace(code.String())
		all = append(all, one)
	}
	return all, nil
}
