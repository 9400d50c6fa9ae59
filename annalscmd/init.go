package annalscmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/scaffold"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
)

type initFlags struct {
	dsn, auditDSN, out, capture string
	force                       bool
}

func newInitCommand(a *app) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --dsn DSN [--audit-dsn DSN] [--capture trigger|orm] [--out annals.yaml]",
		Short: "Write a configuration for a live database",
		Long: "Reads the tables of a database and writes a configuration: tables with a primary\n" +
			"key as entities, relations by foreign keys, columns that look like secrets masked.\n" +
			"Tables of other schemas than the connection's own (PostgreSQL) are listed as left\n" +
			"out.\n" +
			"Changes are captured by triggers, which see every writer, into typed copies in the\n" +
			"same database; with --capture orm by the application's own ORM, into audit tables.\n" +
			"Passwords are not written; the file refers to environment variables instead.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.noJSON(cmd); err != nil {
				return err
			}
			return a.runInit(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.dsn, "dsn", "", "the `DSN` of the database to audit")
	cmd.Flags().StringVar(&f.auditDSN, "audit-dsn", "",
		"the `DSN` of the storage (default: the database itself)")
	cmd.Flags().StringVar(&f.capture, "capture", config.CaptureTrigger,
		"how changes are noticed: trigger or orm")
	cmd.Flags().StringVar(&f.out, "out", defaultConfig, "the `file` to write, - for stdout")
	cmd.Flags().BoolVar(&f.force, "force", false, "overwrite an existing file")
	return cmd
}

func (a *app) runInit(ctx context.Context, f initFlags) error {
	if f.dsn == "" {
		return usage("annals init needs --dsn, the address of the database to audit")
	}
	if err := a.free(f); err != nil {
		return err
	}
	source, err := parseFlagDSN("--dsn", f.dsn)
	if err != nil {
		return err
	}
	if !source.IsSQL() {
		return usage("--dsn: a file of JSON lines cannot be audited")
	}
	file, elsewhere, err := ways(f.capture)
	if err != nil {
		return err
	}
	env := map[string]string{}
	file.Source.DSN = variable(source, "DATABASE_URL", env, &file)
	file.StorageDSN = file.Source.DSN
	if f.auditDSN != "" && f.auditDSN != f.dsn {
		storage, err := parseFlagDSN("--audit-dsn", f.auditDSN)
		if err != nil {
			return err
		}
		if !source.Together(storage) {
			file.Source.Delivery = elsewhere
		}
		file.StorageDSN = variable(storage, "AUDIT_DATABASE_URL", env, &file)
	}
	if err := writable(file); err != nil {
		return err
	}
	if file.Result, err = a.propose(ctx, f.dsn); err != nil {
		return err
	}
	text, err := file.Write()
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if _, err := config.Parse(text, lookup); err != nil {
		return fmt.Errorf("check the proposed configuration: %w", err)
	}
	return a.writeInit(f, file, text)
}

// ways is the file of a capture that keeps its entries beside the tables, and the
// delivery that takes them elsewhere.
func ways(capture string) (file scaffold.File, elsewhere string, err error) {
	file.Source = config.Source{Capture: capture, Delivery: config.DeliveryDirect}
	switch capture {
	case config.CaptureTrigger:
		file.Layout = config.LayoutMirror
		return file, config.DeliveryRelay, nil
	case config.CaptureORM:
		file.Layout = config.LayoutEntries
		return file, config.DeliveryOutbox, nil
	}
	return file, "", usage("--capture %s: write %s or %s", capture, config.CaptureTrigger, config.CaptureORM)
}

// writable refuses a way of the entries that is not part of this version, before
// anything is read or written.
func writable(file scaffold.File) error {
	c := &config.Config{Sources: map[string]config.Source{"app": file.Source}}
	if len(c.Unbuilt()) == 0 {
		return nil
	}
	return usage("--audit-dsn: the storage is not where the tables are, and delivery %s, which takes "+
		"entries there, is not part of this version; leave --audit-dsn out to keep them beside "+
		"the tables", file.Source.Delivery)
}

// free refuses to overwrite a file, before anything else is done.
func (a *app) free(f initFlags) error {
	if f.out == "-" || f.force {
		return nil
	}
	_, err := os.Lstat(f.out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = fs.ErrExist
	}
	return &annals.Error{
		Op: "write", Subject: f.out, Err: err,
		Remedy: "use --force to overwrite it, or --out to write another file",
	}
}

func parseFlagDSN(flag, text string) (config.DSN, error) {
	d, err := config.ParseDSN(text)
	if err != nil {
		return d, fmt.Errorf("%s: %w", flag, err)
	}
	return d, nil
}

// variable returns the DSN as the file has it: as given, or the name of an
// environment variable where it holds a password.
func variable(d config.DSN, name string, env map[string]string, file *scaffold.File) string {
	if !d.Secret() {
		return config.EscapeEnv(d.Text())
	}
	env[name] = d.Text()
	file.Variables = append(file.Variables, name)
	return "${" + name + "}"
}

// propose reads the tables of a database.
func (a *app) propose(ctx context.Context, dsn string) (*scaffold.Result, error) {
	db, d, err := a.connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	names, err := catalog.List(ctx, db, d)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	tables := make([]*catalog.Table, 0, len(names))
	for _, name := range names {
		t, err := catalog.Load(ctx, db, d, name)
		if err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
		tables = append(tables, t)
	}
	elsewhere, err := catalog.Elsewhere(ctx, db, d)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	others, err := catalog.LoadAll(ctx, db, d, elsewhere)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	r := scaffold.Propose(append(tables, others...))
	if len(r.Entities) > 0 {
		return r, nil
	}
	reasons := make([]string, 0, len(r.Skipped))
	for _, n := range r.Skipped {
		reasons = append(reasons, n.Table+": "+n.Text)
	}
	return nil, &annals.Error{
		Op: "propose configuration", Err: errors.New("the database has no table to audit"),
		Remedy: strings.Join(reasons, "; "),
	}
}

func (a *app) writeInit(f initFlags, file scaffold.File, text []byte) error {
	if f.out == "-" {
		return a.print(string(text))
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	out, err := os.OpenFile(f.out, flags, 0o644) //nolint:gosec // holds no secrets
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = out.Write(text)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write configuration %s: %w", f.out, err)
	}
	a.say("%s: %s, %s, %s masked, %s left out", f.out,
		count(len(file.Entities), "entity", "entities"),
		count(len(file.Relations), "relation", "relations"),
		count(file.Masked(), "column", "columns"), count(len(file.Skipped), "table", "tables"))
	for _, name := range file.Variables {
		a.say("set %s: the address holds a password, which was not written", name)
	}
	for _, n := range file.Notes {
		a.say("note: %s: %s", n.Table, n.Text)
	}
	if file.Source.Capture == config.CaptureTrigger {
		a.say("next: annals schema update --force, annals trigger create --force, annals epoch import, " +
			"annals verify")
		return nil
	}
	a.say("next: annals config check, then annals schema update --dump-sql")
	return nil
}
