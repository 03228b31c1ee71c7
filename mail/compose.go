package mail

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"strings"
	texttemplate "text/template"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

//go:embed templates
var templates embed.FS

// composer makes messages of letters.
type composer struct {
	from  *netmail.Address
	plain *texttemplate.Template
	html  *htmltemplate.Template
}

// content is what the templates see.
type content struct {
	Subject, Link, Button string
	Before, After         []string
}

func newComposer(from string) (*composer, error) {
	sender, err := ParseAddress(from)
	if err != nil {
		return nil, err
	}
	c := &composer{from: sender}
	if c.plain, err = texttemplate.ParseFS(templates, "templates/letter.txt"); err != nil {
		return nil, err
	}
	c.html, err = htmltemplate.ParseFS(templates, "templates/letter.html")
	return c, err
}

// ParseAddress reads "Name <user@host>" or "user@host".
func ParseAddress(text string) (*netmail.Address, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, fmt.Errorf("control characters in a mail address")
	}
	address, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("no mail address: %w", err)
	}
	return address, nil
}

// compose makes the message. Addresses are parsed, not pasted: a line break in one cannot become a header (RFC 5322 §2.2).
func (c *composer) compose(letter *Letter) (*gomail.Msg, error) {
	to, err := ParseAddress("<" + letter.To + ">")
	if err != nil {
		return nil, err
	}
	words, known := textOf(letter.Kind)
	if !known {
		return nil, fmt.Errorf("no letter %q", letter.Kind)
	}
	view := words.fill(letter)
	var plain, html bytes.Buffer
	if err := c.plain.Execute(&plain, view); err != nil {
		return nil, err
	}
	if err := c.html.Execute(&html, view); err != nil {
		return nil, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(c.from)
	m.ToMailAddress(to)
	m.Subject(view.Subject)
	m.SetDate()
	// The library's own would name this machine.
	_, host, _ := strings.Cut(c.from.Address, "@")
	m.SetMessageIDWithValue(newMessageID() + "@" + host)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's out-of-office answers it
	m.SetBodyString(gomail.TypeTextPlain, plain.String())
	m.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return m, nil
}

// fill puts place, link and life into the words.
func (t *text) fill(letter *Letter) *content {
	place := letter.Place
	if place == "" {
		place = fallbackPlace
	}
	return &content{
		Subject: oneLine(insert(t.subject, place)), Link: letter.Link, Button: t.button,
		Before: inserted(t.before, place), After: inserted(t.after, lifetime(letter.Life)),
	}
}

func inserted(sentences []string, value string) []string {
	filled := make([]string, len(sentences))
	for i, sentence := range sentences {
		filled[i] = insert(sentence, value)
	}
	return filled
}

func insert(sentence, value string) string { return strings.ReplaceAll(sentence, "%s", value) }

func oneLine(subject string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, subject)
}
