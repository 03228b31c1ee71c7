package interop

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTheLiveTestAnswersWhileOneTypes types a path into the live test and a rule into the rule editor of a role: the answer is there without a click.
// The same forms work without scripts.
func TestTheLiveTestAnswersWhileOneTypes(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	w.rule(t, "get,put:/orders/*")
	const shop = "/portal/organizations/acme/applications/shop"
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Organizations")
	p.open(t, w.url+shop+"/roles/"+w.clerk, http.StatusOK, "clerk")
	p.enter(t, "#trypath", "/orders/7")
	p.waitFor(t, "document.querySelector('form[data-live=answer] .answer').textContent.includes('Allowed.')")
	if shown := p.text(t, "form[data-live=answer] .answer"); !strings.Contains(shown, "get,put:/orders/*") || !strings.Contains(shown, "Role clerk") {
		t.Errorf("answer %q", shown)
	}
	p.enter(t, "#trypath", "/items")
	p.waitFor(t, "document.querySelector('form[data-live=answer] .answer').textContent.includes('Refused.')")
	p.enter(t, "#newrule", "delete:/carts/**")
	p.waitFor(t, "document.querySelector('form[data-live=rule] .answer').textContent.includes('DELETE on /carts and everything below.')")
	p.enter(t, "#newrule", "x")
	p.waitFor(t, "document.querySelector('form[data-live=rule] .answer').textContent.includes('/carts/**x')")
	p.wantQuietConsole(t)

	plain := newTab(t, w.browser)
	plain.withoutScripts(t)
	plain.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	plain.signIn(t, "olga", "Organizations")
	plain.open(t, w.url+shop+"/roles/"+w.clerk, http.StatusOK, "clerk")
	plain.enter(t, "#trypath", "/orders/7")
	plain.click(t, "form[data-live=answer] button", http.StatusOK, "clerk")
	if shown := plain.text(t, "form[data-live=answer] .answer"); !strings.Contains(shown, "Allowed.") {
		t.Errorf("answer %q", shown)
	}
	plain.enter(t, "#newrule", "delete:/carts/**")
	plain.click(t, "form[data-live=rule] button[value=look]", http.StatusOK, "clerk")
	if shown := plain.text(t, "form[data-live=rule] .answer"); !strings.Contains(shown, "DELETE on /carts and everything below.") {
		t.Errorf("answer %q", shown)
	}
	plain.click(t, "form[data-live=rule] button[value=add]", http.StatusOK, "clerk")
	if shown := plain.text(t, "ul.rules"); !strings.Contains(shown, "delete:/carts/**") {
		t.Errorf("rules %q", shown)
	}
	plain.wantQuietConsole(t)
}

// waitFor waits until something holds on the page.
func (p *tab) waitFor(t *testing.T, condition string) {
	t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(patience))); err != nil {
		t.Fatalf("%s: %v", condition, err)
	}
}
