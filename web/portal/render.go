package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// newPages parses the templates, which are our own: that they parse is tested. All are in one set, the frame once.
func (p *Portal) newPages() *template.Template {
	return template.Must(template.New("frame").Funcs(template.FuncMap{
		"t":        p.texts.say,
		"address":  address,
		"asset":    func(name string) string { return address("assets", p.assets.names[name]) },
		"moment":   moment,
		"clock":    func(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04") },
		"machine":  func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) },
		"span":     p.texts.span,
		"copied":   copied,
		"examples": p.ruleExamples,
	}).ParseFS(templateFiles, "templates/frame/*.html", "templates/*.html"))
}

// copyable is a value that the script makes copyable by a button.
type copyable struct{ Value, Label string }

func copied(value, label string) copyable { return copyable{value, label} }

// page is what the frame needs and what stands in it. Everything is escaped.
type page struct {
	Title   string
	Crumbs  []link // the way here, without the page itself
	Tabs    []link
	Problem string // why the form is shown again
	Narrow  bool   // one small form and nothing else
	Refresh int    // seconds after which a browser without scripts is to ask again; 0: never
	Body    any

	// What follows is filled in by show.
	Notice    string
	Token     string // of forms
	Admin     string // who is signed in
	Superuser bool
	Content   template.HTML
}

// link leads to a page of ours.
type link struct {
	Text, Address string
	Current       bool
}

// show renders a page as a whole before anything of it is sent.
func (v *visit) show(status int, name string, p page) error {
	if v.session != nil {
		p.Token, p.Notice = v.formToken(), v.notice()
		p.Admin, p.Superuser = v.caller.Admin.Username, v.caller.Superuser
	}
	var content, out bytes.Buffer
	err := v.pages.ExecuteTemplate(&content, "page-"+name, p)
	if err == nil {
		p.Content = template.HTML(content.String()) //nolint:gosec // a template has escaped it
		err = v.pages.ExecuteTemplate(&out, "frame", p)
	}
	if err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	v.write(status, "text/html; charset=utf-8", out.Bytes())
	return nil
}
