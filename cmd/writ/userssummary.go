package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/grants/transfer"
)

// importWords is what a summary says besides the counts.
type importWords struct {
	json, dry, done bool
	took            time.Duration
}

// writeSummary tells what became of the lines. The counts of an import that was resumed are those of all of it.
func writeSummary(out io.Writer, s transfer.Summary, w importWords) error {
	if w.json {
		return json.NewEncoder(out).Encode(struct {
			transfer.Summary

			DryRun  bool    `json:"dryRun"`
			Done    bool    `json:"done"`
			Seconds float64 `json:"seconds"`
		}{s, w.dry, w.done, w.took.Round(time.Millisecond).Seconds()})
	}
	var b strings.Builder
	if w.dry {
		b.WriteString("Dry run: nothing was written.\n")
	}
	fmt.Fprintf(&b, "%d lines: %d created, %d updated, %d unchanged, %d rejected (%s)\n",
		s.Lines, s.Created, s.Updated, s.Unchanged, s.Rejected, w.took.Round(100*time.Millisecond))
	if len(s.Hashes) > 0 || s.NoHash > 0 {
		words := make([]string, 0, len(s.Hashes)+1)
		for _, name := range slices.Sorted(maps.Keys(s.Hashes)) {
			words = append(words, fmt.Sprintf("%s %d", name, s.Hashes[name]))
		}
		if s.NoHash > 0 {
			words = append(words, fmt.Sprintf("none %d", s.NoHash))
		}
		fmt.Fprintf(&b, "Hashes: %s\n", strings.Join(words, ", "))
	}
	if s.Renumbered > 0 {
		fmt.Fprintf(&b, "%d users have a new uuid: another application has a user with theirs.\n", s.Renumbered)
	}
	if s.Fast > 0 {
		fmt.Fprintf(&b, "Warning: %d hashes are fast ones, %d of them without salt. Whoever reads the database can guess these passwords;\n"+
			"each is replaced when its user first logs in. Consider new passwords for those who do not.\n", s.Fast, s.Unsalted)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
