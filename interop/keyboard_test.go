package interop

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestTheKeyboardReachesEverything presses Tab through every page: each link, button and field gets the focus, in the order of the page, and shows it.
func TestTheKeyboardReachesEverything(t *testing.T) {
	onlyLooks(t)
	t.Parallel()
	w := newPortalWorld(t)
	w.furnish(t)
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.tabsThrough(t)
	p.signInWith(t, superuser, superuserPassword, "Organizations")
	pages := p.crawl(t, w.url, "/portal", "/portal/organizations/acme/applications/shop/users/"+w.dana)
	for _, shown := range pages {
		if shown.Status == http.StatusOK {
			p.look(t, shown.address)
			p.tabsThrough(t)
		}
	}
	// The link that leads past the bar is the first, can be seen then, and leads to the content.
	p.look(t, w.url+"/portal")
	p.do(t, chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if at := asked[string](t, p, "document.activeElement.id"); at != "main" {
		t.Errorf("the first link leads to %q", at)
	}
}

// expectFocus opens what is folded and lists what the keyboard must reach; from then on it notes what gets the focus. It begins at the first link.
const expectFocus = `(() => {
	for (const folded of document.querySelectorAll('details')) folded.open = true;
	const radios = new Set();
	window.expected = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(element => {
		if (element.disabled || element.tabIndex < 0 || element.type === 'hidden' || !element.checkVisibility({ visibilityProperty: true })) return false;
		if (element.type !== 'radio') return true;
		const group = [...document.getElementsByName(element.name)].filter(other => other.form === element.form);
		return element === (group.find(other => other.checked) ?? group[0]);
	});
	window.reached = [];
	window.unseen = [];
	document.addEventListener('focusin', event => {
		const element = event.target, style = getComputedStyle(element);
		if (reached.includes(element)) return;
		reached.push(element);
		const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
		const [box] = element.getClientRects();
		if (!element.matches(':focus-visible') || !outlined || !box || box.width < 1 || box.height < 1) unseen.push(element);
	});
	document.querySelector('.skip').focus();
	// Days have a place to stop for each of their parts.
	return expected.length + 4 * document.querySelectorAll('[type=date], [type=datetime-local]').length;
})()`

// tabsThrough presses Tab as often as the page needs.
func (p *tab) tabsThrough(t *testing.T) {
	t.Helper()
	presses := asked[int](t, p, expectFocus)
	if presses < 3 {
		t.Errorf("%s: only %d places", asked[string](t, p, "location.pathname"), presses)
	}
	steps := make([]chromedp.Action[chromedp.Void], presses)
	for i := range steps {
		steps[i] = chromedp.KeyEvent(kb.Tab)
	}
	p.do(t, steps...)
	const told = `(list => list.map(element => location.pathname + ': ' + element.outerHTML.slice(0, 150)))`
	for _, missed := range asked[[]string](t, p, told+"(expected.filter(element => !reached.includes(element)))") {
		t.Errorf("not reached: %s", missed)
	}
	for _, unseen := range asked[[]string](t, p, told+"(unseen)") {
		t.Errorf("focus is not visible: %s", unseen)
	}
	if order := asked[int](t, p, "expected.findIndex((element, i) => reached.filter(other => expected.includes(other))[i] !== element)"); order >= 0 {
		t.Errorf("out of order at %s: %s", strconv.Itoa(order), asked[[]string](t, p, told+"(reached)")[order])
	}
}
