package web

import (
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
		if !strings.Contains(page, "<title>"+MailPage{Kind: kind}.Title()) || strings.Count(page, "<h1>") != 1 || !strings.Contains(page, `lang="en"`) {
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
