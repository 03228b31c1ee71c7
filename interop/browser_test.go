package interop

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// newBrowser starts a Chromium with a profile of its own, which ends with the test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path, home := tool(t, "chromium"), profile(t)
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()),
		chromedp.ExecPath(path),
		chromedp.NoInheritEnv,
		chromedp.Env("HOME="+home, "TMPDIR="+home, "PATH="+os.Getenv("PATH")), //nolint:forbidigo // the launcher of Debian is a script
		chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.Headless,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("no-sandbox", os.Getuid() == 0), // Chromium has none for root
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true), // which is small in containers
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-sync", true),
	)
	t.Cleanup(end)
	allocator, expire := context.WithTimeout(allocator, 9*patience)
	t.Cleanup(expire)
	browser, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Errorf("Chromium ended with %v", err)
		}
	})
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("Chromium did not start: %v", err)
	}
	return browser
}

// profile is a folder with a short name: Chromium has a socket in it, whose path is bounded, and the folders of tests have their names.
func profile(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp(scratch, "") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return home
}

// tab is a page of a browser without history. It fails the test when a step does.
type tab struct {
	ctx     context.Context
	console iter.Seq2[chromedp.ConsoleMessage, error]
	refused map[string]bool // addresses that were answered with an error status
}

func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	// Every step has patience; a busy machine may need it more than once for all of them.
	ctx, expire := context.WithTimeout(browser, 6*patience)
	t.Cleanup(expire)
	ctx, closed := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closed)
	p := &tab{ctx: ctx, refused: map[string]bool{}}
	if err := chromedp.Do(ctx); err != nil { // with the deadline of a step the tab would end with it
		t.Fatal(err)
	}
	p.console = chromedp.Console(ctx)
	return p
}

func (p *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, expire := context.WithTimeout(p.ctx, patience)
	defer expire()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// leads takes steps that load another document, and checks its status and heading.
func (p *tab) leads(t *testing.T, status int64, heading string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, expire := context.WithTimeout(p.ctx, patience)
	defer expire()
	response, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		t.Fatalf("on the way to %q: %v", heading, err)
	}
	if status >= 400 {
		p.refused[response.URL] = true
	}
	if shown := p.text(t, "h1"); response.Status != status || shown != heading {
		t.Fatalf("%s: %d %q, want %d %q", response.URL, response.Status, shown, status, heading)
	}
}

func (p *tab) open(t *testing.T, address string, status int64, heading string) {
	t.Helper()
	p.leads(t, status, heading, chromedp.Navigate(address))
}

func (p *tab) click(t *testing.T, selector string, status int64, heading string) {
	t.Helper()
	p.leads(t, status, heading, chromedp.Click(chromedp.CSS(selector)))
}

// enter types into a field.
func (p *tab) enter(t *testing.T, selector, value string) {
	t.Helper()
	p.do(t, chromedp.SendKeys(chromedp.CSS(selector), value))
}

func (p *tab) text(t *testing.T, selector string) string {
	t.Helper()
	ctx, expire := context.WithTimeout(p.ctx, patience)
	defer expire()
	shown, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		t.Fatalf("%s: %v", selector, err)
	}
	return strings.TrimSpace(shown)
}

// asked evaluates an expression in the page, as its developer tools do.
func asked[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	ctx, expire := context.WithTimeout(p.ctx, patience)
	defer expire()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// style is the computed value of a property.
func (p *tab) style(t *testing.T, selector, property string) string {
	t.Helper()
	return asked[string](t, p, fmt.Sprintf("getComputedStyle(document.querySelector(%q)).getPropertyValue(%q)", selector, property))
}

// withoutScripts does what the setting of a browser does.
func (p *tab) withoutScripts(t *testing.T) {
	t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	p.do(t, chromedp.Navigate("data:text/html,<title>none</title><script>document.title='ran'</script>"))
	if title := asked[string](t, p, "document.title"); title != "none" {
		t.Fatalf("the script %s", title)
	}
}

// prefers has the page shown in a color scheme.
func (p *tab) prefers(t *testing.T, scheme string) {
	t.Helper()
	feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
	if err != nil {
		t.Fatal(err)
	}
}

// wantQuietConsole checks that up to now nothing violated the policy and nothing else went wrong. Advice is none of it, and that the
// console names each document with an error status is the browser's habit. A deliberate violation ends the wait and shows that others
// would have been seen.
func (p *tab) wantQuietConsole(t *testing.T) {
	t.Helper()
	const ours = "https://elsewhere.invalid/deliberate-violation.png"
	p.do(t, chromedp.Evaluate[chromedp.Void](`new Image().src = "`+ours+`"`))
	for message, err := range p.console {
		switch {
		case err != nil:
			t.Fatalf("the deliberate violation is not in the console: %v", err)
		case strings.Contains(message.Text, ours) && strings.Contains(message.Text, "Content Security Policy"):
			return
		case message.Type == chromedp.ConsoleDebug, message.Source == "network" && p.refused[message.URL]:
		default:
			t.Errorf("console: %s (%s)", message, message.URL)
		}
	}
	t.Fatal("the console ended")
}
