package interop

import (
	_ "embed"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// maxPages bounds a crawl: a link that leads to ever new pages is a fault of the portal or of variable.
const maxPages = 300

//go:embed sight.js
var sightScript string

// sight is what sight.js tells about a page.
type sight struct {
	Status  int
	Heading string
	Weight  int // bytes of the page and everything it loads, uncompressed
	Assets  int
	Evil    bool // a hostile name is shown
	Links   []string
	Forms   []shownForm
	Wrong   []string

	address string
}

// shownForm is one that a page sends with POST.
type shownForm struct {
	Action string
	Fields map[string]string
}

// crawl opens every page of the portal that links lead to from the pages given, one of each shape. Pages that are added are found by themselves if
// something links to them.
func (p *tab) crawl(t *testing.T, base string, from ...string) []sight {
	t.Helper()
	var all []sight
	known, waiting := map[string]bool{}, []string{}
	add := func(address string) {
		at, err := url.Parse(address)
		if err != nil || at.Scheme+"://"+at.Host != base || !strings.HasPrefix(at.Path, "/portal") {
			return
		}
		if shape := shapeOf(at); !known[shape] {
			known[shape] = true
			waiting = append(waiting, address)
		}
	}
	for _, path := range from {
		add(base + path)
	}
	for len(waiting) > 0 {
		if len(all) == maxPages {
			t.Fatalf("more than %d pages, with %s", maxPages, waiting[0])
		}
		shown := p.look(t, waiting[0])
		waiting = waiting[1:]
		all = append(all, shown)
		for _, link := range shown.Links {
			add(link)
		}
	}
	return all
}

// look opens a page and examines it.
func (p *tab) look(t *testing.T, address string) sight {
	t.Helper()
	p.do(t, chromedp.Navigate(address))
	shown := asked[sight](t, p, sightScript)
	shown.address = address
	if shown.Status >= http.StatusBadRequest {
		p.refused[address] = true
	}
	return shown
}

var (
	// variable is a segment that is a name or an identifier, not a word of ours.
	variable = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f-]{27}$|^[A-Za-z0-9_-]{20,}$|[%0-9<]`)
	// owners are the segments behind which a name stands whatever it looks like.
	owners = []string{"organizations", "applications", "assets"}
)

// shapeOf makes one of all addresses that the same template shows.
func shapeOf(at *url.URL) string {
	segments := strings.Split(at.EscapedPath(), "/")
	for i := range segments {
		if i > 0 && (slices.Contains(owners, segments[i-1]) || variable.MatchString(segments[i])) {
			segments[i] = "*"
		}
	}
	var names []string
	for name := range at.Query() {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(segments, "/") + "?" + strings.Join(names, "&")
}
