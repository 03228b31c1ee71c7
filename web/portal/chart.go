package portal

import (
	"fmt"
	"strings"

	"github.com/writ-auth/writ/server/insight"
)

// chart is bars over time, and a table of the numbers they are made of.
type chart struct {
	ID, Title, Intro string
	Empty            string // what to say, and where to go, when there is nothing to draw
	Next             link
	Notes            []link // where more is known
	Lines            []line // from the bottom up; what never happened in the window or before is left out
	Sum              uint64 // of the window
	Most             uint64 // of one slot
	Rows             []chartRow
	Gauge            bool    // numbers of a moment, which have no sum
	Uncounted        float64 // the part of the width before counting began
	From, To, Step   int64
}

// line is one kind of bars.
type line struct {
	Class, Name string
	Count       uint64 // in the window
	Total       uint64 // since counting began
	Path        string // of the SVG
	values      []uint64
}

// chartRow is a slot of time in the table.
type chartRow struct {
	At     int64
	Values []uint64
}

// The size of a chart in units of its own, and the room between two bars.
const (
	chartWidth  = 1000.0
	chartHeight = 100.0
	chartGap    = 4.0
)

// newChart makes the bars of some kinds. of gives the number of a name among counts, words begins the names of their texts.
func (v *visit) newChart(f *insight.Figures, id, words string, names []string, of func(c *insight.Counts, name string) uint64) *chart {
	c := &chart{ID: id, Title: v.texts.say("insight." + id), Intro: v.texts.say("insight." + id + ".intro"), Empty: v.texts.say("insight." + id + ".none")}
	sum := f.Sum()
	for i, name := range names {
		l := line{Class: fmt.Sprintf("c%d", i+1), Name: v.texts.say(words + name), Count: of(&sum, name), Total: of(&f.Total, name)}
		if l.Total == 0 {
			continue
		}
		for slot := range f.Slots {
			l.values = append(l.values, of(&f.Slots[slot].Counts, name))
		}
		c.Sum += l.Count
		c.Lines = append(c.Lines, l)
	}
	c.draw(f)
	return c
}

// draw stacks the lines. Time before counting began has no rows, for nobody knows its numbers.
func (c *chart) draw(f *insight.Figures) {
	n := len(f.Slots)
	c.Step, c.From, c.To = f.Step, f.Slots[0].At, f.Now
	for i := range n {
		row := chartRow{At: f.Slots[i].At}
		var height uint64
		for _, l := range c.Lines {
			row.Values = append(row.Values, l.values[i])
			height += l.values[i]
		}
		c.Most = max(c.Most, height)
		if row.At+f.Step > f.Since {
			c.Rows = append(c.Rows, row)
		}
	}
	c.Uncounted = float64(n-len(c.Rows)) * chartWidth / float64(n)
	if c.Most == 0 {
		return
	}
	base := make([]float64, n)
	wide := chartWidth / float64(n)
	for k := range c.Lines {
		var path strings.Builder
		for i, value := range c.Lines[k].values {
			if value == 0 {
				continue
			}
			high := float64(value) * chartHeight / float64(c.Most)
			fmt.Fprintf(&path, "M%.1f %.1fh%.1fv-%.1fh-%.1fz", float64(i)*wide+chartGap/2, chartHeight-base[i], wide-chartGap, high, wide-chartGap)
			base[i] += high
		}
		c.Lines[k].Path = path.String()
	}
}
