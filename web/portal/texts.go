package portal

import (
	"embed"
	"time"

	"github.com/writ-auth/writ/web/wording"
)

//go:embed texts/en*.txt
var englishTexts embed.FS

// texts are the words of all pages by their names: the files of one language begin with it.
type texts wording.Texts

func english() texts { return texts(wording.Read(englishTexts, "texts/en*.txt")) }

func (t texts) has(name string) bool { return wording.Texts(t).Has(name) }

// say gives a text. One that is missing shows its name, which a test finds.
func (t texts) say(name string, values ...any) string { return wording.Texts(t).Say(name, values...) }

// units of time by their names, largest first (ms).
var units = []struct {
	name string
	size int64
}{
	{"day", 24 * 60 * 60 * 1000},
	{"hour", 60 * 60 * 1000},
	{"minute", 60 * 1000},
	{"second", 1000},
	{"millisecond", 1},
}

// span is a duration (ms) in the largest unit that leaves no rest.
func (t texts) span(ms int64) string {
	number, unit := inUnit(ms)
	if number == 1 {
		return t.say("unit." + unit + ".one")
	}
	return t.say("unit."+unit+".many", number)
}

// inUnit gives a duration (ms) as a number of its largest unit without a rest. Days begin with the second: 24 hours is what everybody says.
func inUnit(ms int64) (number int64, unit string) {
	for _, u := range units {
		if ms%u.size == 0 && ms >= u.size && (u.name != "day" || ms > u.size) {
			return ms / u.size, u.name
		}
	}
	return ms, "millisecond"
}

// ago is how long a moment (ms) is past, roughly.
func (t texts) ago(then, now int64) string {
	past := now - then
	for _, u := range units[:3] {
		if past >= u.size {
			return t.say("ago", t.span(past/u.size*u.size))
		}
	}
	return t.say("ago.now")
}

// moment is a time (ms) for people.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC") }
