package annalscmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/schema"
)

func newSchemaCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "schema",
		Short: "Make and update the audit tables",
	})
	cmd.AddCommand(newSchemaUpdateCommand(a))
	return cmd
}

type schemaFlags struct {
	dump, force, createDatabase bool
	grants                      []string
	format, out                 string
}

func newSchemaUpdateCommand(a *app) *cobra.Command {
	var f schemaFlags
	cmd := &cobra.Command{
		Use:   "update [--dump-sql] [--force]",
		Short: "Bring the audit tables of every storage up to date",
		Long: "Compares the audit tables with what the configuration needs, prints the SQL\n" +
			"(--dump-sql), executes it (--force), does both, or writes it as migration files\n" +
			"(--format). Only adds: no table and no column is ever dropped or changed.\n" +
			"Audited tables with stamps (created_by_id and the like) get indexes for them, unless\n" +
			"their source says stamps: false.\n" +
			"With --json, --dump-sql prints an object a line: storage, comment, sql.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runSchemaUpdate(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dump, "dump-sql", false, "print the SQL")
	flags.BoolVar(&f.force, "force", false, "execute the SQL")
	flags.BoolVar(&f.createDatabase, "create-database", false,
		"create the database of a storage where it is missing; with --force")
	flags.StringArrayVar(&f.grants, "grants", nil,
		"`ROLE=NAME`: give an account the least rights of a role: application, relay, reader "+
			"or retention; can be repeated")
	flags.StringVar(&f.format, "format", "", "write migration files: `sql, goose, migrate or atlas`")
	flags.StringVar(&f.out, "out", "", "the `folder` for migration files")
	return cmd
}

const caution = `CAUTION: this changes the structure of your audit databases.
Nothing was done. Look at the SQL first, then execute it:
  annals schema update --dump-sql    prints it
  annals schema update --force       executes it`

func (a *app) runSchemaUpdate(ctx context.Context, f schemaFlags) error {
	accounts, format, err := a.checkSchemaFlags(f)
	if err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	if a.source != "" {
		return usage("--source has no meaning here; a storage is chosen with --storage")
	}
	if err := a.built(c); err != nil {
		return err
	}
	if f.createDatabase {
		if err := a.createDatabases(ctx, c); err != nil {
			return err
		}
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // nothing is left to lose
	u := &schemaUpdate{app: a, flags: f, format: format, accounts: accounts, config: c}
	return u.run(ctx, aud)
}

// checkSchemaFlags finds wrong usage before any database is asked.
func (a *app) checkSchemaFlags(f schemaFlags) (map[schema.Role]string, schema.Format, error) {
	accounts := map[schema.Role]string{}
	for _, g := range f.grants {
		name, account, ok := strings.Cut(g, "=")
		if !ok || account == "" {
			return nil, "", usage("--grants %s: write ROLE=NAME, such as reader=report", g)
		}
		role, err := schema.ParseRole(name)
		if err != nil {
			return nil, "", fmt.Errorf("--grants: %w", err)
		}
		accounts[role] = account
	}
	if (f.format == "") != (f.out == "") {
		return nil, "", usage("--format and --out go together")
	}
	var format schema.Format
	if f.format != "" {
		var err error
		if format, err = schema.ParseFormat(f.format); err != nil {
			return nil, "", fmt.Errorf("--format: %w", err)
		}
	}
	if a.json && !f.dump {
		return nil, "", usage("--json goes with --dump-sql")
	}
	if f.createDatabase && !f.force {
		return nil, "", usage("--create-database goes with --force")
	}
	if !f.dump && !f.force && f.format == "" {
		return nil, "", &ExitError{Code: ExitUsage, Err: errors.New(caution)}
	}
	return accounts, format, nil
}

// schemaUpdate is one run of "schema update".
type schemaUpdate struct {
	app      *app
	flags    schemaFlags
	format   schema.Format
	accounts map[schema.Role]string
	config   *config.Config
}

func (u *schemaUpdate) run(ctx context.Context, aud *auditor.Auditor) error {
	m, err := aud.Schema(ctx, u.progress)
	if err != nil {
		return err
	}
	plans, err := m.Plan(ctx)
	if err != nil {
		return err
	}
	plans = u.chosen(plans)
	var grants []schema.Plan
	if len(u.accounts) > 0 {
		if grants, err = m.Grants(ctx, u.accounts); err != nil {
			return err
		}
		grants = u.chosen(grants)
	}
	if u.flags.dump {
		if err := u.dump(plans, grants); err != nil {
			return err
		}
	}
	if u.format != "" {
		if err := u.export(m, plans); err != nil {
			return err
		}
	}
	if !u.flags.force {
		return nil
	}
	if err := u.apply(ctx, m, plans); err != nil {
		return err
	}
	return u.grant(ctx, grants)
}

// chosen drops the plans of other storages than the one asked for.
func (u *schemaUpdate) chosen(plans []schema.Plan) []schema.Plan {
	var chosen []schema.Plan
	for _, p := range plans {
		if u.app.storage == "" || (p.Storage == u.app.storage && !p.Source) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

// dump prints the SQL of each storage under its name.
func (u *schemaUpdate) dump(plans, grants []schema.Plan) error {
	var b strings.Builder
	for i, p := range plans {
		statements := p.Statements
		text := p.SQL()
		if i < len(grants) {
			statements = slices.Concat(statements, grants[i].Statements)
			text += brief(grants[i]).SQL()
		}
		if text == "" {
			u.app.say("%s: nothing to do", p.Storage)
			continue
		}
		if u.app.json {
			if err := u.dumpJSON(p.Storage, statements); err != nil {
				return err
			}
			continue
		}
		what, dsn := "storage", u.config.Storages[p.Storage].DSN
		if p.Source {
			what, dsn = "source", u.config.Sources[p.Storage].DSN
		}
		fmt.Fprintf(&b, "-- %s %s: %s\n%s", what, term.Safe(p.Storage),
			term.Safe(config.RedactDSN(dsn)), text)
	}
	return u.app.print(b.String())
}

// brief is a plan in which statements that serve the same have their comment once.
func brief(p schema.Plan) schema.Plan {
	p.Statements = slices.Clone(p.Statements)
	last := ""
	for i := range p.Statements {
		if comment := p.Statements[i].Comment; comment == last {
			p.Statements[i].Comment = ""
		} else {
			last = comment
		}
	}
	return p
}

func (u *schemaUpdate) dumpJSON(storage string, statements []schema.Statement) error {
	for _, s := range statements {
		err := u.app.printJSON(struct {
			Storage string `json:"storage"`
			Comment string `json:"comment"`
			SQL     string `json:"sql"`
		}{storage, s.Comment, s.SQL})
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *schemaUpdate) export(m *schema.Manager, plans []schema.Plan) error {
	files, err := m.Export(plans, u.format, u.flags.out)
	for _, file := range files {
		if err := u.app.print(file + "\n"); err != nil {
			return err
		}
	}
	if err == nil && len(files) == 0 {
		u.app.say("nothing to do: no file written")
	}
	return err
}

// apply executes plans as they were printed. A plan that nobody has seen may be
// made anew where another run was faster.
func (u *schemaUpdate) apply(ctx context.Context, m *schema.Manager, plans []schema.Plan) error {
	for _, p := range plans {
		if p.Empty() {
			if !u.flags.dump {
				u.app.say("%s: nothing to do", p.Storage)
			}
			continue
		}
		err := m.Apply(ctx, p)
		if errors.Is(err, schema.ErrStale) && !u.flags.dump {
			var fresh []schema.Plan
			if fresh, err = m.Plan(ctx); err == nil {
				return u.applyAgain(ctx, m, u.chosen(fresh))
			}
		}
		if err != nil {
			return err
		}
		u.done(p)
	}
	return nil
}

func (u *schemaUpdate) applyAgain(
	ctx context.Context, m *schema.Manager, plans []schema.Plan,
) error {
	for _, p := range plans {
		if p.Empty() {
			u.app.say("%s: nothing to do", p.Storage)
			continue
		}
		if err := m.Apply(ctx, p); err != nil {
			return err
		}
		u.done(p)
	}
	return nil
}

func (u *schemaUpdate) done(p schema.Plan) {
	if u.app.opts.Terminal(u.app.opts.Stderr) {
		fmt.Fprint(u.app.opts.Stderr, "\r\x1b[K")
	}
	u.app.say("%s: %s executed", p.Storage, count(len(p.Statements), "statement", "statements"))
}

// progress tells each statement: in place on a terminal, with -v line by line.
func (u *schemaUpdate) progress(p schema.Progress) {
	a := u.app
	switch {
	case a.verbose >= 3:
		a.sayLines(fmt.Sprintf("%s: [%d/%d] %s", p.Storage, p.Done, p.Total, p.Statement.SQL))
	case a.verbose >= 1:
		a.say("%s: [%d/%d] %s", p.Storage, p.Done, p.Total, p.Statement.Comment)
	case a.opts.Terminal(a.opts.Stderr):
		fmt.Fprintf(a.opts.Stderr, "\r\x1b[K%s", term.Safe(fmt.Sprintf("%s: [%d/%d] %s",
			p.Storage, p.Done, p.Total, term.Cut(p.Statement.Comment, 50))))
	}
}

// grant executes the statements that give rights.
func (u *schemaUpdate) grant(ctx context.Context, grants []schema.Plan) error {
	for _, p := range grants {
		if err := u.grantIn(ctx, p); err != nil {
			return fmt.Errorf("grant rights in storage %s: %w", p.Storage, err)
		}
		u.app.say("%s: %s executed", p.Storage, count(len(p.Statements), "grant", "grants"))
	}
	return nil
}

func (u *schemaUpdate) grantIn(ctx context.Context, p schema.Plan) error {
	db, _, err := u.app.connect(ctx, u.config.Storages[p.Storage].DSN)
	if err != nil {
		return err
	}
	defer u.app.release(db)
	for _, s := range p.Statements {
		if _, err := db.ExecContext(ctx, s.SQL); err != nil {
			return &annals.Error{
				Op: "grant", Subject: s.Comment, Err: err,
				Remedy: "the account has to exist first (CREATE USER or CREATE ROLE), and the one of " +
					"the DSN may have to be allowed to grant",
			}
		}
	}
	return nil
}
