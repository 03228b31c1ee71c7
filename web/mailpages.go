package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/web/wording"
)

//go:embed templates
var templates embed.FS

//go:embed mailpage.css
var mailPageCSS string

//go:embed texts/en*.txt
var englishTexts embed.FS

// MailPageKind says which page of a mail flow it is.
type MailPageKind string

// The pages of the mail flows.
const (
	AskReset     MailPageKind = "ask-reset"     // a form: the address to send a link to
	AskResetUser MailPageKind = "ask-resetuser" // the same for the account of the path: a button
	CheckMail    MailPageKind = "check-mail"    // what was asked for is on its way, if there is such an account
	ResetForm    MailPageKind = "reset-form"    // two fields for the new password
	PasswordSet  MailPageKind = "password-set"
	InvalidToken MailPageKind = "invalid-token"
	Activated    MailPageKind = "activated"
	Confirmed    MailPageKind = "confirmed"
	Waiting      MailPageKind = "waiting" // confirmed, but somebody must approve
	Failure      MailPageKind = "failure" // Problem says what
)

// MailPage is what a page says. All of it is escaped.
type MailPage struct {
	Kind    MailPageKind
	Place   string // in whose name the page speaks: "org/app", or "Writ"
	Action  string // path that the form of the page goes to
	Token   string // of ResetForm: goes back with the form, and is the only proof
	Problem string // why the form is shown again, or what failed; may be empty
	Min     int    // shortest password, for the hint; 0: no hint
	Again   string // of InvalidToken: the path of AskReset
}

// MailPages renders the pages of mail flows. Make it with NewMailPages.
type MailPages struct {
	page   *template.Template
	texts  wording.Texts
	policy string
}

// NewMailPages parses the templates, which are our own: that they parse is tested.
func NewMailPages() *MailPages {
	styles := func() template.CSS { return template.CSS(mailPageCSS) } //nolint:gosec // G203: our own file
	texts := wording.Read(englishTexts, "texts/en*.txt")
	page := template.Must(template.New("mailpage.html").Funcs(template.FuncMap{"styles": styles, "t": texts.Say}).ParseFS(templates, "templates/mailpage.html"))
	hash := sha256.Sum256([]byte(mailPageCSS))
	return &MailPages{page, texts, strings.Join([]string{
		"default-src 'none'",
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'",
		"form-action 'self'",
		"frame-ancestors 'none'",
		"base-uri 'none'",
	}, "; ")}
}

// Render makes the whole page before anything is sent.
func (m *MailPages) Render(p MailPage) ([]byte, error) {
	var out bytes.Buffer
	if err := m.page.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("page %s: %w", p.Kind, err)
	}
	return out.Bytes(), nil
}

// Problem is an error of the wire in the words of a page.
func (m *MailPages) Problem(code, description string) string {
	if code == "error_password_policy_violation" {
		if _, why, named := strings.Cut(description, ": "); named {
			return m.texts.Say("reset.policy", why)
		}
	}
	return strings.TrimSuffix(description, ".") + "."
}

// SetHeaders sets the headers of every page. The address has the token in it: it goes nowhere as a referrer, and into no cache. secure
// says that the server is reached over TLS.
func (m *MailPages) SetHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", m.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
