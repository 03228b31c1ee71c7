package operator

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// print writes JSON if it was asked for, else what human writes.
func (s *session) print(value any, human func(w io.Writer) error) error {
	if s.cmd.Bool("json") {
		encoder := json.NewEncoder(s.Stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	return human(s.Stdout)
}

// done is the answer of a command that changes something.
type done struct {
	Action   string `json:"action"`             // the verb: created, deleted, disabled and so on
	Kind     string `json:"kind"`               // organization, application, user, admin, role, token, superuser
	Name     string `json:"name"`               // as it was typed
	In       string `json:"in,omitempty"`       // the organization or application it belongs to
	UUID     string `json:"uuid,omitempty"`     // of what was created or deleted
	Password string `json:"password,omitempty"` // generated, shown this once
	Note     string `json:"-"`
}

func (s *session) done(d done) error {
	return s.print(d, func(w io.Writer) error {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s %s", d.Action, d.Kind, plain(d.Name))
		if d.In != "" {
			b.WriteString(" of " + d.In)
		}
		if d.UUID != "" {
			b.WriteString(" (" + d.UUID + ")")
		}
		b.WriteString("\n")
		if d.Password != "" {
			b.WriteString("password: " + d.Password + " (shown this once)\n")
		}
		if d.Note != "" {
			b.WriteString(d.Note + "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// column is one of a table.
type column struct {
	title string
	cell  func(row map[string]any) string
}

// member is the column of a member.
func member(title, name string) column {
	return column{title, func(row map[string]any) string { return text(row[name]) }}
}

// moment is the column of a time in ms.
func moment(title, name string) column {
	return column{title, func(row map[string]any) string { return when(row[name]) }}
}

// list prints rows as a table with a line of titles, which stays when there is nothing below it.
func (s *session) list(rows []map[string]any, columns ...column) error {
	return s.print(rows, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		titles := make([]string, 0, len(columns))
		for _, c := range columns {
			titles = append(titles, strings.ToUpper(c.title))
		}
		writeRow(table, titles)
		for _, row := range rows {
			cells := make([]string, 0, len(columns))
			for _, c := range columns {
				cells = append(cells, orDash(plain(c.cell(row))))
			}
			writeRow(table, cells)
		}
		return table.Flush()
	})
}

func writeRow(table io.Writer, cells []string) {
	// What the tabwriter cannot write it says when it is flushed. The last cell has no tab, so that no line ends in spaces.
	fmt.Fprintln(table, strings.Join(cells, "\t"))
}

func orDash(cell string) string {
	if cell == "" {
		return "-"
	}
	return cell
}

// show prints an entity, the members named first and the others behind them.
func (s *session) show(entity map[string]any, first ...string) error {
	return s.print(entity, func(w io.Writer) error {
		names := slices.Sorted(maps.Keys(entity))
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(first, name) })
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, name := range append(slices.Clone(first), names...) {
			value, present := entity[name]
			if !present {
				continue
			}
			shown := text(value)
			if slices.Contains(times(), name) {
				shown = when(value)
			}
			fmt.Fprintf(table, "%s\t%s\n", plain(name), orDash(plain(shown)))
		}
		return table.Flush()
	})
}

// times are the members that hold times in ms.
func times() []string { return []string{"created", "modified", "deactivated"} }

// trimmed drops members that mean something to programs that walk the HTTP API only, and members of Usergrid's that never change.
func trimmed(entity map[string]any) map[string]any {
	kept := maps.Clone(entity)
	for _, name := range []string{"metadata", "type", "roleName", "applicationId", "adminUser", "displayEmailAddress", "htmldisplayEmailAddress", "picture"} {
		delete(kept, name)
	}
	return kept
}

func trimmedAll(entities []map[string]any) []map[string]any {
	kept := make([]map[string]any, 0, len(entities))
	for _, entity := range entities {
		kept = append(kept, trimmed(entity))
	}
	return kept
}

// text shows a value of JSON: lists with commas, objects as JSON, null as nothing.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case []any:
		parts := make([]string, 0, len(v))
		for _, one := range v {
			parts = append(parts, text(one))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		encoded, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(encoded)
	}
	return fmt.Sprint(value)
}

func when(value any) string {
	number, is := value.(json.Number)
	if !is {
		return text(value)
	}
	ms, err := number.Int64()
	if err != nil {
		return number.String()
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// plain makes foreign text harmless for a terminal: no escape sequences, one line.
func plain(foreign string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, foreign)
}
