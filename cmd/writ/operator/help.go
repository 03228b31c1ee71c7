package operator

import (
	"fmt"
	"slices"
	"strings"
)

// jsonFlag belongs to every command.
func jsonFlag() flag { return flag{"json", "", "print JSON"} }

// serverFlags say which server does the work.
func serverFlags() []flag {
	return []flag{
		{"url", "URL", "a running server; without it the database is opened"},
		{"token-file", "FILE", "access token for --url, \"-\" for standard input; otherwise WRIT_TOKEN"},
		{"insecure-http", "", "send the token over plain HTTP to another machine"},
		{"config", "FILE", "settings of the database as for `writ serve`"},
		{"data-dir", "FOLDER", "the same"},
		{"database", "sqlite:PATH", "the same"},
		{"master-key-file", "FILE", "the same"},
	}
}

// Help gives the help text that the arguments of the program ask for, "" if they ask for none of ours. The library's own help would take
// an argument before --help for a topic.
func Help(args []string) string {
	if !slices.ContainsFunc(args, func(a string) bool { return a == "--help" || a == "-help" || a == "-h" }) {
		return ""
	}
	for _, g := range groups() {
		if g.name != args[0] {
			continue
		}
		for _, c := range g.commands {
			if c.name == args[1] {
				return c.help(g)
			}
		}
		return g.help()
	}
	return ""
}

func commonFlags() []flag { return append([]flag{jsonFlag()}, serverFlags()...) }

func (f flag) left() string {
	if f.value == "" {
		return "--" + f.name
	}
	return "--" + f.name + " " + f.value
}

// help is `writ GROUP --help`.
func (g group) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "writ %s - %s\n\nUsage: writ %s COMMAND\n\n", g.name, g.usage, g.name)
	if g.about != "" {
		b.WriteString(g.about + "\n\n")
	}
	b.WriteString("Commands:\n")
	for _, c := range g.commands {
		fmt.Fprintf(&b, "  %-18s %s\n", c.name, c.usage)
	}
	fmt.Fprintf(&b, "\n`writ %s COMMAND --help` explains a command, with an example.\n", g.name)
	return b.String()
}

// help is `writ GROUP COMMAND --help`.
func (c command) help(g group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "writ %s %s - %s\n\nUsage: %s\n\n", g.name, c.name, c.usage,
		strings.Join(strings.Fields("writ "+g.name+" "+c.name+" "+c.arguments+" [flags]"), " "))
	if c.about != "" {
		b.WriteString(c.about + "\n\n")
	}
	b.WriteString("Flags:\n")
	for _, f := range append(c.flags, jsonFlag()) {
		fmt.Fprintf(&b, "  %-27s %s\n", f.left(), f.usage)
	}
	b.WriteString("\nWhere (a server that runs beside the database sees changes within two seconds):\n")
	for _, f := range serverFlags() {
		fmt.Fprintf(&b, "  %-27s %s\n", f.left(), f.usage)
	}
	b.WriteString("\nExample:\n")
	for line := range strings.Lines(c.example) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
