package annalscmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/journal"
)

func newEpochCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "epoch",
		Short: "Record rows that are older than their triggers",
	})
	cmd.AddCommand(newEpochImportCommand(a))
	return cmd
}

type epochFlags struct {
	entities    []string
	batch       int
	dump, again bool
}

func newEpochImportCommand(a *app) *cobra.Command {
	var f epochFlags
	cmd := &cobra.Command{
		Use:   "import [--entity E]... [--batch N] [--dump-sql] [--again]",
		Short: "Give each row without one its baseline",
		Long: "Records each row that was there before its triggers, once: an entry of type epoch with\n" +
			"all that is kept of it. Rows are taken in key order, in short transactions that lock\n" +
			"them; a run that was interrupted goes on where it was. Install the triggers first.\n" +
			"--dump-sql prints a script for psql, mysql or sqlite3 that does the same.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runEpoch(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.entities, "entity", "e", nil, "only this `entity`; can be repeated")
	flags.IntVar(&f.batch, "batch", 0, "`rows` in one transaction (default: epoch.batch)")
	flags.BoolVar(&f.dump, "dump-sql", false, "print the script; nothing is executed")
	flags.BoolVar(&f.again, "again", false, "another baseline for every row, where they have one")
	return cmd
}

func (a *app) runEpoch(ctx context.Context, f epochFlags) error {
	if f.batch < 0 {
		return usage("--batch %d: a batch has at least one row", f.batch)
	}
	if a.json && f.dump {
		return usage("--json and --dump-sql exclude each other")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := a.built(c); err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // nothing is left to lose
	journals, err := a.journals(ctx, aud, c)
	if err != nil {
		return err
	}
	chosen, err := namesOf(ctx, journals, f.entities, false)
	if err != nil {
		return err
	}
	e := &epochRun{app: a}
	for i, j := range journals {
		if len(f.entities) > 0 && len(chosen[i]) == 0 {
			continue
		}
		options := auditor.EpochOptions{
			Entities: chosen[i], Batch: f.batch, Again: f.again, Progress: e.progress,
		}
		if f.dump {
			err = e.dump(ctx, aud, j, options)
		} else {
			err = e.run(ctx, aud, j, options)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// epochRun is one run of the command.
type epochRun struct{ app *app }

func (e *epochRun) dump(
	ctx context.Context, aud *auditor.Auditor, j *journal.Journal, o auditor.EpochOptions,
) error {
	script, err := aud.EpochScript(ctx, j, o)
	if err != nil {
		return err
	}
	return e.app.print(script)
}

func (e *epochRun) run(
	ctx context.Context, aud *auditor.Auditor, j *journal.Journal, o auditor.EpochOptions,
) error {
	results, err := aud.Epoch(ctx, j, o)
	if e.app.opts.Terminal(e.app.opts.Stderr) {
		fmt.Fprint(e.app.opts.Stderr, "\r\x1b[K")
	}
	for _, r := range results {
		if told := e.tell(r); told != nil {
			return told
		}
	}
	return err
}

// tell prints what an entity got.
func (e *epochRun) tell(r epoch.Result) error {
	a := e.app
	if a.json {
		return a.printJSON(struct {
			Source    string `json:"source"`
			Entity    string `json:"entity"`
			Table     string `json:"table"`
			Rows      int64  `json:"rows"`
			Revisions int    `json:"revisions"`
			Already   bool   `json:"already"`
		}{r.Source, r.Entity, r.Table.String(), r.Rows, r.Batches, r.Already})
	}
	if r.Already {
		a.say("%s: done before; --again gives every row another baseline", r.Entity)
		return nil
	}
	a.say("%s: %s, %s", r.Entity, count(int(r.Rows), "baseline", "baselines"),
		count(r.Batches, "revision", "revisions"))
	return nil
}

// barWidth is that of the progress bar in characters.
const barWidth = 30

// progress tells of each batch: as a bar on a terminal, with -v line by line.
func (e *epochRun) progress(p epoch.Progress) {
	a := e.app
	switch {
	case p.Waiting && a.verbose >= 1:
		a.say("%s: waiting for a row that another transaction has locked", p.Entity)
	case p.Waiting:
	case a.verbose >= 1:
		a.say("%s: %d of %d, %d in %s", p.Entity, p.Done, p.Total, p.Copied, p.Held.Round(100_000))
	case a.opts.Terminal(a.opts.Stderr):
		filled := barWidth
		if p.Total > 0 {
			filled = int(p.Done * barWidth / p.Total)
		}
		bar := make([]byte, barWidth)
		for i := range bar {
			bar[i] = '.'
			if i < filled {
				bar[i] = '#'
			}
		}
		fmt.Fprintf(a.opts.Stderr, "\r\x1b[K%s [%s] %d of %d",
			term.Safe(term.Cut(p.Entity, 30)), bar, p.Done, p.Total)
	}
}
