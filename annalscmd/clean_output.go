package annalscmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/retention"
)

// progress tells of each batch: in place on a terminal, with -v line by line.
func (c *clean) progress(p retention.Progress) {
	a := c.app
	what := p.Entity
	if what == "" {
		what = "revisions"
	}
	of := ""
	if p.Total > 0 {
		of = fmt.Sprintf(" of %d", p.Total)
	}
	line := fmt.Sprintf("%s: %s: %d%s removed", p.Storage, what, p.Done, of)
	switch {
	case a.verbose >= 1:
		a.say("%s, %d in %s", line, p.Removed, p.Held.Round(time.Microsecond))
	case a.opts.Terminal(a.opts.Stderr):
		fmt.Fprintf(a.opts.Stderr, "\r\x1b[K%s", term.Safe(term.Cut(line, 78)))
	}
}

// cleanedJSON is a line of --json: a number of entries, or of revisions.
type cleanedJSON struct {
	Storage   string  `json:"storage"`
	Entity    *string `json:"entity"`
	Before    string  `json:"before"`
	Entries   *int64  `json:"entries,omitempty"`
	Revisions *int64  `json:"revisions,omitempty"`
	DryRun    bool    `json:"dry_run"`
}

// print prints a count per entity, and the revisions.
func (c *clean) print(results []retention.Result) error {
	if c.app.json {
		return c.printJSON(results)
	}
	if len(results) == 0 {
		return nil
	}
	titles := []string{"entity", "removed"}
	if c.flags.dryRun {
		titles[1] = "would be removed"
	}
	if c.several {
		titles = append([]string{"storage"}, titles...)
	}
	g := c.app.table(titles...)
	row := func(storage, what string, n int64) {
		cells := []string{what, strconv.FormatInt(n, 10)}
		if c.several {
			cells = append([]string{storage}, cells...)
		}
		g.row(cells...)
	}
	for i := range results {
		r := &results[i]
		g.separate()
		for _, n := range r.Counts {
			row(r.Storage, n.Entity, n.Entries)
		}
		row(r.Storage, "(revisions)", r.Revisions)
	}
	return g.print()
}

func (c *clean) printJSON(results []retention.Result) error {
	before := instant(c.options.Before)
	for i := range results {
		r := &results[i]
		for j := range r.Counts {
			n := &r.Counts[j]
			line := cleanedJSON{
				Storage: r.Storage, Entity: &n.Entity, Before: before, Entries: &n.Entries,
				DryRun: c.flags.dryRun,
			}
			if err := c.app.printJSON(line); err != nil {
				return err
			}
		}
		line := cleanedJSON{
			Storage: r.Storage, Before: before, Revisions: &r.Revisions, DryRun: c.flags.dryRun,
		}
		if err := c.app.printJSON(line); err != nil {
			return err
		}
	}
	return nil
}

// safeLine is a name as it can stand in a comment of a script.
func safeLine(name string) string {
	return strings.ReplaceAll(term.Safe(name), "\n", " ")
}
