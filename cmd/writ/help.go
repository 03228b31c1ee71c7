package main

import (
	"fmt"
	"strings"
)

// serveHelp is `writ serve --help`, made from the table of settings.
func serveHelp(table []setting) string {
	var b strings.Builder
	b.WriteString(`writ serve - run the authorization server

Usage: writ [serve] [settings]

Each setting is a flag, an environment variable and a key of the configuration file; a flag beats the environment,
the environment beats the file. Settings marked * are not flags, because other users of the machine can read arguments.

`)
	for _, s := range table {
		flag := "--" + s.name
		if s.secret {
			flag = "* " + s.name
		}
		fmt.Fprintf(&b, "  %-24s %s\n", flag, s.environment())
		fmt.Fprintf(&b, "      %s\n", s.usage)
		if shown := s.shownDefault(); shown != "" {
			fmt.Fprintf(&b, "      default: %s\n", shown)
		}
	}
	b.WriteString(`
OpenTelemetry traces follow the standard variables, OTEL_EXPORTER_OTLP_ENDPOINT and so on; without them there are none.

Exit codes: 0 after SIGTERM or SIGINT, 1 when Writ cannot start or run, 2 for a wrong configuration (nothing was opened).
`)
	return b.String()
}

func (s setting) shownDefault() string {
	if s.derived != "" {
		return s.derived
	}
	return s.fallback
}
