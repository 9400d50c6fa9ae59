package annalscmd

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/verify"
)

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at the databases at work",
		Long: "Tells of every source and storage whether it answers and what it is, how its clock\n" +
			"goes, what rights the account lacks, who holds annals' locks, which transactions are in\n" +
			"the way, and whether audit tables and triggers are in place (annals verify tells all).\n" +
			"Exit code 4 where something is wrong.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context()) },
	}
}

func (a *app) runDoctor(ctx context.Context) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	found := a.unconnected(ctx, c)
	if len(found) == 0 {
		aud, err := a.open(ctx, c)
		if err != nil {
			return err
		}
		defer aud.Close() //nolint:errcheck // it was only read
		found, err = aud.Doctor(ctx, auditor.VerifyOptions{Source: a.source, Storage: a.storage})
		if err != nil {
			return err
		}
	}
	if err := a.printExaminations(found); err != nil {
		return err
	}
	if slices.ContainsFunc(found, func(e verify.Examination) bool { return e.Severity == verify.Error }) {
		return &ExitError{Code: ExitProblems}
	}
	return nil
}

// unconnected tells of the databases that do not answer: without them nothing else can
// be looked at.
func (a *app) unconnected(ctx context.Context, c *config.Config) []verify.Examination {
	var found []verify.Examination
	try := func(subject, dsn string) {
		if d, err := config.ParseDSN(dsn); err != nil || !d.IsSQL() {
			return
		}
		db, _, err := a.connect(ctx, dsn)
		if err == nil {
			a.release(db)
			return
		}
		found = append(found, verify.Examination{
			Severity: verify.Error, Subject: subject, Kind: verify.ExamConnection, Detail: err.Error(),
			Remedy: "check that the database runs and the DSN is right",
		})
	}
	for _, name := range keys(c.Sources) {
		try("source "+name, c.Sources[name].DSN)
	}
	for _, name := range keys(c.Storages) {
		try("storage "+name, c.Storages[name].DSN)
	}
	return found
}

func (a *app) printExaminations(found []verify.Examination) error {
	errs, notes := 0, 0
	t := a.table("", "of", "what", "found", "remedy")
	t.wide(4, 5)
	last := ""
	for _, e := range found {
		if a.json {
			if err := a.printJSON(e); err != nil {
				return err
			}
			continue
		}
		switch e.Severity {
		case verify.Error:
			errs++
		case verify.Note:
			notes++
		}
		if e.Subject != last {
			t.separate()
		}
		last = e.Subject
		t.row(string(e.Severity), e.Subject, e.Kind, e.Detail, e.Remedy)
	}
	if a.json {
		return nil
	}
	if err := t.print(); err != nil {
		return err
	}
	a.say("%s, %s", count(errs, "error", "errors"), count(notes, "note", "notes"))
	return nil
}
