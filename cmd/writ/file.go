package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// readFile reads the configuration file. A file that is no TOML is one problem; otherwise every unknown key and every wrong
// type is one.
func readFile(path string, table []setting) (map[string]given, []string) {
	content, err := os.ReadFile(path) //nolint:gosec // the operator's setting
	if err != nil {
		return nil, []string{fmt.Sprintf("configuration file: %v", err)}
	}
	var keys map[string]toml.Primitive
	document, err := toml.Decode(string(content), &keys)
	if err != nil {
		return nil, []string{syntaxProblem(path, err)}
	}
	f := &file{name: filepath.Base(path), document: &document, values: map[string]given{}}
	for key, value := range keys {
		f.read(key, value, table)
	}
	slices.SortFunc(f.problems, func(a, b fileProblem) int { return cmp.Compare(a.line, b.line) })
	problems := make([]string, len(f.problems))
	for i, p := range f.problems {
		problems[i] = p.text
	}
	return f.values, problems
}

// syntaxProblem leaves out the library's excerpt: the line may hold a secret.
func syntaxProblem(path string, err error) string {
	if at, is := errors.AsType[toml.ParseError](err); is {
		return fmt.Sprintf("%s line %d: not valid TOML", filepath.Base(path), at.Position.Line)
	}
	return filepath.Base(path) + ": not valid TOML"
}

type file struct {
	name     string
	document *toml.MetaData
	values   map[string]given
	problems []fileProblem
}

type fileProblem struct {
	line int
	text string
}

func (f *file) read(key string, value toml.Primitive, table []setting) {
	line := f.line(value)
	problem := func(reason string) {
		f.problems = append(f.problems, fileProblem{line, fmt.Sprintf("%s line %d: %s: %s", f.name, line, key, reason)})
	}
	at := slices.IndexFunc(table, func(s setting) bool { return s.name == key })
	if at < 0 {
		problem("unknown setting")
		return
	}
	s := table[at]
	if s.outside {
		problem("not a setting of the file")
		return
	}
	var raw any
	if err := f.document.PrimitiveDecode(value, &raw); err != nil {
		problem("not readable")
		return
	}
	text, wanted := inFlagNotation(s.kind, raw)
	if wanted != "" {
		problem("must be " + wanted)
		return
	}
	f.values[key] = given{value: text, origin: fmt.Sprintf("%s line %d: %s", f.name, line, key)}
}

// inFlagNotation writes a TOML value as a flag would have it; wanted is not empty if the type is wrong.
func inFlagNotation(k kind, raw any) (value, wanted string) {
	switch k {
	case number:
		if n, is := raw.(int64); is {
			return strconv.FormatInt(n, 10), ""
		}
		return "", "an integer"
	case toggle:
		if b, is := raw.(bool); is {
			return strconv.FormatBool(b), ""
		}
	case list:
		if items, is := raw.([]any); is {
			return joinStrings(items)
		}
	case text:
	}
	if s, is := raw.(string); is {
		return s, ""
	}
	return "", map[kind]string{text: "a string", toggle: "true, false, \"on\" or \"off\"", list: "an array of strings"}[k]
}

func joinStrings(items []any) (value, wanted string) {
	words := make([]string, 0, len(items))
	for _, item := range items {
		word, is := item.(string)
		if !is {
			return "", "an array of strings"
		}
		words = append(words, word)
	}
	return strings.Join(words, ","), ""
}

// line asks the library where a key stands; it tells positions only with an error.
func (f *file) line(value toml.Primitive) int {
	err := f.document.PrimitiveDecode(value, refusal{})
	if at, is := errors.AsType[toml.ParseError](err); is {
		return at.Position.Line
	}
	return 0
}

type refusal struct{}

// UnmarshalTOML implements toml.Unmarshaler.
func (refusal) UnmarshalTOML(any) error { return errors.New("refused") }
