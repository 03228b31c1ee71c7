package web

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryPageRenders(t *testing.T) {
	t.Parallel()
	pages := NewMailPages()
	for kind, want := range map[MailPageKind]string{
		AskReset: `type="email"`, AskResetUser: "Send the link", CheckMail: "on its way", ResetForm: `name="password2"`, PasswordSet: "is set",
		InvalidToken: "not valid", Activated: "is active", Confirmed: "is confirmed", Waiting: "approved", Failure: "out of order",
	} {
		text, err := pages.Render(MailPage{
			Kind: kind, Place: "acme/<shop>", Token: `"canary"`, Problem: "out of order", Min: 12, Action: "/a/b", Again: "/c",
		})
		page := string(text)
		if err != nil || !strings.Contains(page, want) || !strings.Contains(page, "acme/&lt;shop&gt;") || strings.Contains(page, `"canary"`) {
			t.Errorf("%s: %v\n%s", kind, err, page)
		}
		for _, foreign := range []string{"<script", "javascript:", "http:", "https:", " style=", " onclick="} {
			if strings.Contains(page, foreign) {
				t.Errorf("%s has %q", kind, foreign)
			}
		}
		if !strings.Contains(page, "<title>"+pages.texts.Say("title."+string(kind))) || strings.Count(page, "<h1>") != 1 || !strings.Contains(page, `lang="en"`) {
			t.Errorf("%s: %s", kind, page)
		}
		if kind == ResetForm && !strings.Contains(page, "At least 12 characters") {
			t.Error(page)
		}
	}
}

// A path cannot become a script or another site's address.
func TestAddressesInPagesAreChecked(t *testing.T) {
	t.Parallel()
	text, err := NewMailPages().Render(MailPage{Kind: InvalidToken, Again: "javascript:alert(1)"})
	if err != nil || strings.Contains(string(text), "javascript") {
		t.Errorf("%v %s", err, text)
	}
}

// The pages and their texts know each other: none is missing, and none is left over.
func TestTextsAndPagesKnowEachOther(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	for _, name := range []string{"templates/mailpage.html", "mailpages.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	known, named := NewMailPages().texts, map[string]bool{}
	for _, found := range regexp.MustCompile(`(?:\bt |Say\()"([a-z.]+)"`).FindAllStringSubmatch(sources.String(), -1) {
		named[found[1]] = true
	}
	for _, kind := range regexp.MustCompile(`MailPageKind = "([a-z-]+)"`).FindAllStringSubmatch(sources.String(), -1) {
		named["title."+kind[1]] = true
	}
	for name := range named {
		if !known.Has(name) {
			t.Errorf("there is no text %s", name)
		}
	}
	for name := range known {
		if !named[name] {
			t.Errorf("nothing names %s", name)
		}
	}
	if len(named) < 25 {
		t.Errorf("only %d texts are named", len(named))
	}
	// What is no text stands in the file with the texts: the template has no words of its own.
	page, err := os.ReadFile("templates/mailpage.html")
	if err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`(?s)\{\{.*?\}\}|<[^>]*>`).ReplaceAllString(regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(string(page), ""), "")
	if word := regexp.MustCompile(`[A-Za-z]{2,}`).FindString(bare); word != "" {
		t.Errorf("the template has the word %q", word)
	}
}
