package interop

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// screenshots is where pictures of every page go; without it none are made.
var screenshots = flag.String("screenshots", "", "folder for pictures of every page of the portal")

// view is what somebody looks at pages with.
type view struct {
	name          string
	width, height int64
	scheme        string
}

// views are a phone and a desk, in both color schemes. No rule of the style is about a width and a scheme at once, so two of the four find all that there is
// to find; pictures are made of all.
func views() []view {
	all := []view{{"390-light", 390, 844, "light"}, {"1280-dark", 1280, 800, "dark"}, {"390-dark", 390, 844, "dark"}, {"1280-light", 1280, 800, "light"}}
	if *screenshots == "" {
		return all[:2]
	}
	return all
}

func (p *tab) sees(t *testing.T, v view) {
	t.Helper()
	p.prefers(t, v.scheme)
	if v.width < 1000 {
		p.do(t, chromedp.EmulateViewport(v.width, v.height, chromedp.EmulateMobile))
	} else {
		p.do(t, chromedp.EmulateViewport(v.width, v.height))
	}
}

// onlyLooks leaves out, under the race detector, what repeats other tests with the eyes of a browser: the detector sees nothing of Chromium, and every page is
// opened in TestEveryPageWithHostileNamesAndPlentyOfThem.
func onlyLooks(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: looks")
	}
}

// axe is the source of the accessibility checker.
func (w *portalWorld) axe(t *testing.T) string {
	t.Helper()
	node(t)
	source, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// examine checks the page that is shown.
func (p *tab) examine(t *testing.T, axe, page, view string, width int64) {
	t.Helper()
	p.examineStyled(t, axe, page, view, width, ".card")
}

// examineStyled is examine for pages whose round corners are those of another element.
func (p *tab) examineStyled(t *testing.T, axe, page, view string, width int64, round string) {
	t.Helper()
	if *screenshots != "" {
		p.photograph(t, page, view)
	}
	// A phone that may zoom out makes room for what is too wide.
	if widths := asked[[]int64](t, p, "[innerWidth, document.documentElement.scrollWidth]"); widths[0] != width || widths[1] > width {
		t.Errorf("%s at %s: the window is %d and the page %d wide", page, view, widths[0], widths[1])
	}
	if radius := p.style(t, round, "border-radius"); radius == "0px" {
		t.Errorf("%s: the style is not applied", page)
	}
	p.do(t, chromedp.Evaluate[chromedp.Void](axe))
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`(async () => {
		const { violations } = await axe.run({ resultTypes: ['violations'] });
		return violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
			.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join('; '));
	})()`, awaited))
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range found {
		t.Errorf("%s at %s: %s", page, view, violation)
	}
}

func (p *tab) photograph(t *testing.T, page, view string) {
	t.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(*screenshots, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, url.PathEscape(page)+"-"+view+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
