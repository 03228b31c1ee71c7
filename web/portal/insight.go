package portal

import (
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/server/insight"
)

// Insight has the figures; *server.Server is the implementation. It tells the whole server's (uuid.Nil) to the superuser alone, and those of an
// application or organization to whoever the API has shown it to.
type Insight interface {
	Figures(caller *grants.Caller, of uuid.UUID, window insight.Window) (*insight.Figures, error)
	Followers(of uuid.UUID) int64
}

// insightPage is figures as charts.
type insightPage struct {
	Windows      []link
	Whole        bool // of the server
	Since        int64
	Incomplete   bool
	Charts       []*chart
	Followers    int64 // now
	Applications []applicationFigures
	More         int    // applications that are not listed
	Activity     string // address of the trail
	Review       string
}

// applicationFigures are the sums of an application in the list of its organization.
type applicationFigures struct {
	Name, Address                       string
	Tokens, Failed, Revocations, Legacy uint64
}

// listedFigures bounds the applications on the page of an organization.
const listedFigures = 100

// window is the time that the address asks for.
func (v *visit) window() insight.Window {
	if v.query("window") == "day" {
		return insight.Day
	}
	return insight.Hour
}

// newInsight makes the page of a scope at an address.
func (v *visit) newInsight(of uuid.UUID, at string) (*insightPage, *insight.Figures, error) {
	window := v.window()
	f, err := v.Insight.Figures(v.caller, of, window)
	if err != nil {
		return nil, nil, err
	}
	body := &insightPage{Whole: of == uuid.Nil, Since: f.Since, Incomplete: f.Incomplete, Followers: v.Insight.Followers(of), Charts: v.charts(f)}
	body.Windows = []link{
		{v.texts.say("insight.hour"), at, window == insight.Hour}, {v.texts.say("insight.day"), at + "?window=day", window == insight.Day},
	}
	return body, f, nil
}

// charts are those that every scope has.
func (v *visit) charts(f *insight.Figures) []*chart {
	levels := []string{}
	for _, level := range insight.Levels() {
		levels = append(levels, string(level))
	}
	byLevel := func(c *insight.Counts, level string) uint64 { return c.ByLevel(claims.Level(level)) }
	return []*chart{
		v.newChart(f, "levels", "insight.level.", levels, byLevel),
		v.newChart(f, "grants", "insight.grant.", insight.Grants(), (*insight.Counts).ByGrant),
		v.newChart(f, "failures", "insight.failure.", insight.Failures(), (*insight.Counts).Failed),
		v.newChart(f, "revocations", "insight.revocation.", insight.Revocations(), (*insight.Counts).Revoked),
		v.newChart(f, "legacy", "insight.feature.", insight.Legacies(), (*insight.Counts).Legacy),
	}
}

// next says where to go when a chart is empty.
func (p *insightPage) next(at link, charts ...string) {
	for _, c := range p.Charts {
		if slices.Contains(charts, c.ID) {
			c.Next = at
		}
	}
}

// showApplicationInsight is GET …/applications/{app}/insight.
func (v *visit) showApplicationInsight() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	body, _, err := v.newInsight(a.ID, a.at("insight"))
	if err != nil {
		return err
	}
	body.next(link{Text: v.texts.say("tab.start"), Address: a.at()}, "levels", "grants")
	body.next(link{Text: v.texts.say("tab.tokens"), Address: a.at("tokens")}, "revocations")
	body.next(link{Text: v.texts.say("tab.settings"), Address: a.at("settings")}, "legacy")
	body.next(link{Text: v.texts.say("tab.activity"), Address: a.at("activity")}, "failures")
	body.Activity, body.Review = a.at("activity"), a.at("review")
	return v.showOf(a, "insight", http.StatusOK, "insight", page{Title: v.texts.say("tab.insight"), Body: body})
}

// showOrganizationInsight is GET …/organizations/{org}/insight.
func (v *visit) showOrganizationInsight() error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	at := func(tab string) string { return address("organizations", o.Name, tab) }
	body, _, err := v.newInsight(o.ID, at("insight"))
	if err != nil {
		return err
	}
	body.next(link{Text: v.texts.say("tab.overview"), Address: address("organizations", o.Name)}, "levels", "grants", "legacy")
	body.next(link{Text: v.texts.say("tab.tokens"), Address: at("tokens")}, "revocations")
	body.next(link{Text: v.texts.say("tab.activity"), Address: at("activity")}, "failures")
	body.Activity, body.Review = at("activity"), at("review")
	names := slices.Sorted(maps.Keys(o.Applications))
	body.More = max(0, len(names)-listedFigures)
	for _, full := range names[:len(names)-body.More] {
		f, err := v.Insight.Figures(v.caller, o.Applications[full], v.window())
		if err != nil {
			return err
		}
		name := behindSlash(full)
		body.Applications = append(body.Applications, figuresOf(name, address("organizations", o.Name, "applications", name, "insight"), f.Sum()))
		body.Followers += v.Insight.Followers(o.Applications[full])
	}
	return v.showIn(o, "insight", http.StatusOK, "insight", page{Title: v.texts.say("tab.insight"), Body: body})
}

func figuresOf(name, at string, sum insight.Counts) applicationFigures {
	all := applicationFigures{Name: name, Address: at}
	for _, grant := range insight.Grants() {
		all.Tokens += sum.ByGrant(grant)
	}
	for _, why := range insight.Failures() {
		all.Failed += sum.Failed(why)
	}
	for _, what := range insight.Revocations() {
		all.Revocations += sum.Revoked(what)
	}
	for _, feature := range insight.Legacies() {
		all.Legacy += sum.Legacy(feature)
	}
	return all
}

// showServerInsight is GET /portal/insight, for the superuser.
func (v *visit) showServerInsight() error {
	body, f, err := v.newInsight(uuid.Nil, address("insight"))
	if err != nil {
		return err
	}
	body.next(link{Text: v.texts.say("organizations.title"), Address: root}, "levels", "grants")
	body.next(link{Text: v.texts.say("tab.activity"), Address: address("activity")}, "failures", "revocations")
	body.next(link{Text: v.texts.say("tab.review"), Address: address("review")}, "legacy")
	body.Review = address("review")
	body.Charts = append(body.Charts, v.followersChart(f))
	return v.showServer("insight", http.StatusOK, "insight", page{Title: v.texts.say("tab.insight"), Body: body})
}

// followersChart shows how many followed the revocation feed, the most at once in each slot.
func (v *visit) followersChart(f *insight.Figures) *chart {
	c := &chart{ID: "followers", Title: v.texts.say("insight.followers"), Intro: v.texts.say("insight.followers.intro"), Gauge: true}
	c.Empty = v.texts.say("insight.followers.none")
	followers := line{Class: "c1", Name: v.texts.say("insight.following")}
	for i := range f.Slots {
		n := uint64(max(0, f.Slots[i].Followers))
		followers.values = append(followers.values, n)
		c.Sum = max(c.Sum, n)
	}
	c.Lines = []line{followers}
	c.draw(f)
	return c
}
