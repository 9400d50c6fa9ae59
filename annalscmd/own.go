package annalscmd

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// ownConfig stands in messages for the file that a program's own auditor has not.
const ownConfig = "the program's configuration"

// own is what an execution has of its program's.
type own struct {
	// ctx is that of the execution: the configuration is read without one.
	ctx      context.Context //nolint:containedctx // an app is one execution
	auditor  *auditor.Auditor
	borrowed []*sql.DB
}

// bind makes every command below cmd tell the app of its beginning and its end.
func (a *app) bind(cmd *cobra.Command, end func(*cobra.Command, error) error) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.own.ctx = cmd.Context()
			return end(cmd, run(cmd, args))
		}
	}
	for _, c := range cmd.Commands() {
		a.bind(c, end)
	}
}

// end closes what the execution had of the program's.
func (a *app) end(_ *cobra.Command, err error) error {
	if a.own.auditor == nil {
		return err
	}
	closed := a.own.auditor.Close()
	a.own = own{}
	return errors.Join(err, closed)
}

// configuration reads annals.yaml, or asks the program.
func (a *app) configuration() (*config.Config, error) {
	if a.opts.Auditor == nil {
		return config.Load(a.config, a.opts.Env)
	}
	aud, err := a.auditor()
	if err != nil {
		return nil, err
	}
	return aud.Config(), nil
}

// auditor asks the program for its auditor, once.
func (a *app) auditor() (*auditor.Auditor, error) {
	if a.own.auditor != nil {
		return a.own.auditor, nil
	}
	ctx := a.own.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	aud, err := a.opts.Auditor(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up the auditor: %w", err)
	}
	if aud == nil {
		return nil, errAuditor
	}
	a.own.auditor = aud
	return aud, nil
}

// errAuditor is the fault of a program whose Options.Auditor gives none.
var errAuditor = errors.New("annalscmd: Options.Auditor returned no auditor")

// borrow returns the program's own database of a DSN.
func (a *app) borrow(dsn string) (*sql.DB, dialect.Dialect, bool) {
	if a.own.auditor == nil {
		return nil, nil, false
	}
	db, d, ok := a.own.auditor.Database(dsn)
	if ok {
		a.own.borrowed = append(a.own.borrowed, db)
	}
	return db, d, ok
}

// release closes what connect opened; what it borrowed stays open.
func (a *app) release(db *sql.DB) {
	if !slices.Contains(a.own.borrowed, db) {
		_ = db.Close() // it was only read, or nothing is left to lose
	}
}
