package interop

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// maxWeight of a page with everything that it loads, in bytes.
const maxWeight = 100 << 10

// TestEveryPageWithHostileNamesAndPlentyOfThem follows every link of the portal in Chromium, in a server that is full of names which become scripts if
// one is not escaped. The policy that would stop such a script is switched off, so that escaping alone has to do; whether anything became
// markup is looked up in the page as well. On the same way it weighs the pages and looks at labels and headings.
//
// SEC-69
func TestEveryPageWithHostileNamesAndPlentyOfThem(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	w.swarm(t)
	p := newTab(t, w.browser)
	if _, err := chromedp.Call(p.ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: evil}); err != nil {
		t.Fatal(err)
	}
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signInWith(t, superuser, superuserPassword, "Organizations")
	pages := p.crawl(t, w.url, "/portal", "/portal/organizations/acme", "/portal/organizations/acme/applications/shop",
		"/portal/organizations/acme/applications/shop/users/"+w.dana)
	evilPages := 0
	for _, shown := range pages {
		// A name that the API does not know leads to no page, and so does one of another shape.
		mayBeNone := strings.Contains(shown.address, "%3C") && shown.Status == http.StatusNotFound
		if shown.Status != http.StatusOK && !mayBeNone {
			t.Errorf("%s: status %d, %s", shown.address, shown.Status, shown.Heading)
		}
		for _, fault := range shown.Wrong {
			t.Errorf("%s: %s", shown.address, fault)
		}
		if shown.Weight > maxWeight || shown.Weight == 0 || shown.Assets < 3 {
			t.Errorf("%s weighs %d bytes with %d assets, at most %d are meant", shown.address, shown.Weight, shown.Assets, maxWeight)
		}
		if shown.Evil {
			evilPages++
		}
		t.Logf("%3d %6d bytes, %d forms: %s", shown.Status, shown.Weight, len(shown.Forms), strings.TrimPrefix(shown.address, w.url))
	}
	if len(pages) < 30 || evilPages < 20 {
		t.Errorf("%d pages, %d of them with hostile names: the way leads past what should be examined", len(pages), evilPages)
	}
	// What was looked for would have been seen.
	p.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector('main').innerHTML += "<p onclick='x'><img src='x' onerror='window.ran = 1'>"`))
	p.do(t, chromedp.Query(chromedp.CSS("main p[onclick]")))
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("window.ran === 1")); err != nil {
		t.Errorf("even without the policy no script runs: %v", err)
	}
	if wrong := asked[sight](t, p, sightScript).Wrong; len(wrong) < 3 {
		t.Errorf("faults are not seen: %s", wrong)
	}
}
