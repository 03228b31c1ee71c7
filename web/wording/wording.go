// Package wording reads the texts of pages: files of lines "name = text", one set of files for each language. It owns the format and knows no
// page. A text that is missing shows its name, which the tests of the pages find.
package wording

import (
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"
)

// Texts are words by their names. {1} and {2} stand for what a page puts in.
type Texts map[string]string

// Read takes the files that a pattern selects. They are embedded ones of the program's own: a pattern that is none, or a file that cannot be
// read, is a mistake in the program.
func Read(files fs.FS, pattern string) Texts {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err)
	}
	all := Texts{}
	for _, name := range names {
		file, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		maps.Copy(all, Parse(string(file)))
	}
	return all
}

// Parse reads lines of "name = text"; a line that begins with white space goes on with the text before it, one that begins with # is a note.
func Parse(file string) Texts {
	all, last := Texts{}, ""
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

// Has tells whether there is a text.
func (t Texts) Has(name string) bool { return t[name] != "" }

// Say gives a text with values in their places. Values do not become places.
func (t Texts) Say(name string, values ...any) string {
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
