package portal

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"
	"time"
)

//go:embed texts/en*.txt
var englishTexts embed.FS

// texts are the words of all pages by their names: the files of one language begin with it. {1} and {2} stand for what a page puts in.
type texts map[string]string

func english() texts {
	files, err := fs.Glob(englishTexts, "texts/*.txt")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	all := texts{}
	for _, name := range files {
		file, err := englishTexts.ReadFile(name)
		if err != nil {
			panic(err) // it was listed
		}
		maps.Copy(all, parseTexts(string(file)))
	}
	return all
}

// parseTexts reads lines of "name = text"; a line that begins with white space goes on with the text before it.
func parseTexts(file string) texts {
	all, last := texts{}, ""
	for line := range strings.Lines(file) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case line[0] == ' ' || line[0] == '\t':
			all[last] += " " + trimmed
		default:
			name, text, _ := strings.Cut(trimmed, "=")
			last = strings.TrimSpace(name)
			all[last] = strings.TrimSpace(text)
		}
	}
	return all
}

func (t texts) has(name string) bool { return t[name] != "" }

// say gives a text. One that is missing shows its name, which a test finds.
func (t texts) say(name string, values ...any) string {
	text, known := t[name]
	if !known {
		return "[" + name + "]"
	}
	pairs := make([]string, 0, 2*len(values))
	for i, value := range values {
		pairs = append(pairs, "{"+strconv.Itoa(i+1)+"}", fmt.Sprint(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

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
