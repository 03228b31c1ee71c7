package main

import (
	"fmt"
	"slices"
	"strings"
)

// given is the value of a setting from one source.
type given struct {
	value  string
	origin string // how a problem names the place: "--listen", "WRIT_LISTEN", "writ.toml line 3: listen"
}

// readFlags reads the arguments of a command that takes settings. The CLI library would stop at the first unknown flag,
// and every problem belongs into one message.
func readFlags(args []string, table []setting) (map[string]given, []string) {
	r := &flagReader{rest: args, table: table, values: map[string]given{}}
	for len(r.rest) > 0 {
		r.next()
	}
	return r.values, r.problems
}

type flagReader struct {
	rest     []string
	table    []setting
	values   map[string]given
	problems []string
}

func (r *flagReader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *flagReader) next() {
	argument := r.rest[0]
	r.rest = r.rest[1:]
	dashed := strings.TrimPrefix(strings.TrimPrefix(argument, "-"), "-")
	if dashed == argument || dashed == "" {
		r.problem("unexpected argument %q", argument)
		return
	}
	name, value, joined := strings.Cut(dashed, "=")
	at := slices.IndexFunc(r.table, func(s setting) bool { return s.name == name })
	if at < 0 {
		r.swallow(joined)
		r.problem("--%s: unknown flag; `writ serve --help` lists the flags", name)
		return
	}
	s := r.table[at]
	if s.secret {
		r.swallow(joined)
		r.problem("--%s: not a flag, because other users of the machine can read arguments; set %s or write it into the configuration file",
			name, s.environment())
		return
	}
	if !joined {
		var found bool
		if value, found = r.value(s); !found {
			r.problem("--%s: a value is missing", name)
			return
		}
	}
	if _, repeated := r.values[name]; repeated {
		r.problem("--%s: given twice", name)
	}
	r.values[name] = given{value: value, origin: "--" + name}
}

// value takes the argument behind a flag. A toggle alone means on.
func (r *flagReader) value(s setting) (string, bool) {
	if s.kind == toggle {
		if len(r.rest) == 0 || !slices.Contains([]string{"on", "off", "true", "false"}, r.rest[0]) {
			return "on", true
		}
	} else if len(r.rest) == 0 || strings.HasPrefix(r.rest[0], "--") {
		return "", false
	}
	value := r.rest[0]
	r.rest = r.rest[1:]
	return value, true
}

// swallow drops what is probably the value of a flag that is refused anyway, so that it is neither reported nor printed.
func (r *flagReader) swallow(joined bool) {
	if !joined && len(r.rest) > 0 && !strings.HasPrefix(r.rest[0], "-") {
		r.rest = r.rest[1:]
	}
}

// readEnvironment reads the WRIT_ variables. unknown are the names of those that mean nothing. Empty ones count as absent.
func readEnvironment(environ []string, table []setting) (values map[string]given, unknown []string) {
	values = map[string]given{}
	for _, pair := range environ {
		variable, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(variable, "WRIT_") || variable == tokenVariable || variable == newKeyVariable {
			continue
		}
		at := slices.IndexFunc(table, func(s setting) bool { return s.environment() == variable })
		switch {
		case at < 0:
			unknown = append(unknown, variable)
		case value != "":
			values[table[at].name] = given{value: value, origin: variable}
		}
	}
	slices.Sort(unknown)
	return values, unknown
}
