package annalscmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/verify"
)

func newVerifyCommand(a *app) *cobra.Command {
	replay := false
	cmd := &cobra.Command{
		Use:   "verify [--replay]",
		Short: "Tell what is missed, or will be, each with its remedy",
		Long: "Checks that every audited table is there and can be audited, that the audit tables\n" +
			"are as the configuration needs them, that triggers are those of today's columns and\n" +
			"rules, and which tables and writers nothing records. --replay reads every audited table\n" +
			"and proves that the recorded history leads to the rows that are there.\n" +
			"An error means that something is or will be missed as things stand: exit code 4.\n" +
			"A note is a limit that depends on what others do, and leaves the exit code 0.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runVerify(cmd.Context(), replay) },
	}
	cmd.Flags().BoolVar(&replay, "replay", false, "hold the recorded history against every row")
	return cmd
}

func (a *app) runVerify(ctx context.Context, replay bool) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	found, err := aud.Verify(ctx, auditor.VerifyOptions{
		Source: a.source, Storage: a.storage, Replay: replay,
	})
	if printed := a.printFindings(found); printed != nil {
		return printed
	}
	switch {
	case err != nil:
		return err
	case verify.Failed(found):
		return &ExitError{Code: ExitProblems}
	}
	return nil
}

// printFindings prints a line of JSON each, or a table, and the sum for people.
func (a *app) printFindings(found []verify.Finding) error {
	if a.json {
		for _, f := range found {
			if err := a.printJSON(f); err != nil {
				return err
			}
		}
		return nil
	}
	errs := 0
	t := a.table("severity", "source", "entity", "kind", "found", "remedy")
	t.wide(5, 6)
	for _, f := range found {
		if f.Severity == verify.Error {
			errs++
		}
		t.separate()
		t.row(string(f.Severity), f.Source, f.Entity, f.Kind, f.Detail, f.Remedy)
	}
	if len(found) > 0 {
		if err := t.print(); err != nil {
			return err
		}
	}
	a.say("%s, %s", count(errs, "error", "errors"), count(len(found)-errs, "note", "notes"))
	return nil
}
