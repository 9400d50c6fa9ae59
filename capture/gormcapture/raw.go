package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/diff"
)

// rawKey keeps what is known of raw SQL between the callbacks round it.
const rawKey = "annals:raw"

// raw is raw SQL: db.Exec, db.Raw. Its rows are not known; which tables it writes
// is read from its text.
type raw struct {
	statement
	sql    string
	syntax conn.Syntax
	text   conn.Text
	notes  []note
	// on tells that the statement's pool was replaced.
	on bool
	// done tells the transaction what became of a prepared statement.
	done func(error)
}

// note is what is to be recorded of one statement of the text.
type note struct {
	owners    []capture.Owner
	statement diff.Statement
}

// beforeRaw reads raw SQL that is about to run, and does with it what the
// source's policy says.
func (p *Plugin) beforeRaw(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun || stmt.SQL.Len() == 0 {
		return
	}
	r := &raw{
		statement: statement{
			plugin: p, source: p.source, db: db, outer: stmt.ConnPool, tx: stmt.ConnPool,
			affected: -1, engine: engineOf(p.source.Dialect()),
		},
		sql: stmt.SQL.String(), syntax: syntaxOf(p.source.Dialect()),
	}
	r.text = r.syntax.Read(r.sql)
	err := r.judge(stmt.Context)
	if err == nil && len(r.notes) > 0 {
		err = r.watch(stmt)
	}
	if err == nil {
		err = r.ready(stmt.Context)
	}
	if err == nil {
		stmt.Settings.Store(rawKey, r)
		return
	}
	if r.on {
		err = r.end(err)
	}
	r.fail(err)
}

// watch puts the statement into a transaction that records it.
func (r *raw) watch(stmt *gorm.Statement) error {
	r.tryValues(stmt.Vars)
	if err := r.attach(stmt.Context); err != nil {
		return err
	}
	r.on = true
	stmt.ConnPool = &rawInterceptor{ConnPool: r.tx, raw: r}
	if r.text.Ends(r.syntax) {
		return nil
	}
	if err := r.apart(stmt.Context); err != nil {
		return err
	}
	return r.protect(stmt.Context)
}

// fail makes GORM not run the statement.
func (r *raw) fail(err error) {
	if err == nil {
		return
	}
	_ = r.db.AddError(err)
	// db.Row() looks at no error: its row must tell of it.
	if rows, ok := r.db.Get("rows"); ok && rows == false {
		r.db.Statement.Dest = conn.FailedRow(r.db.Statement.Context, err)
	}
}

// ready lets the transaction be written before a prepared statement that commits
// it, which the transaction itself does not get to see.
func (r *raw) ready(ctx context.Context) (err error) {
	if _, prepared := r.tx.(*gorm.PreparedStmtTX); prepared {
		if tx, ok := watched(r.tx); ok {
			r.done, err = tx.Around(ctx, r.sql)
		}
	}
	return err
}

// judge finds out what is to be recorded, or refuses.
func (r *raw) judge(ctx context.Context) error {
	policy := r.source.Raw()
	if policy == capture.RawAllow || annals.IsOff(ctx) || !r.source.Active() {
		return nil
	}
	if r.text.Unclear && policy == capture.RawRefuse {
		return refusal("that cannot be read for certain", "for source "+r.source.Name())
	}
	for i := range r.text.Statements {
		if err := r.judgeOne(ctx, &r.text.Statements[i]); err != nil {
			return err
		}
	}
	switch {
	case len(r.notes) == 0:
		return nil
	case policy == capture.RawRefuse:
		return refusal("that writes to entity "+r.notes[0].owners[0].Entity,
			"for source "+r.source.Name())
	case len(r.text.Statements) > 1 && r.text.Ends(r.syntax):
		return &annals.Error{
			Op: "run", Subject: "raw SQL that writes to entity " + r.notes[0].owners[0].Entity +
				" and ends its transaction", Err: annals.ErrRawSQL,
			Remedy: "run its statements one by one: an entry could not commit with the change",
		}
	}
	return nil
}

func refusal(what, where string) error {
	return &annals.Error{
		Op: "run", Subject: "raw SQL " + what, Err: annals.ErrRawSQL,
		Remedy: "use GORM's create, update and delete, switch capture off for the call " +
			"(annals.Off), or set raw: observe " + where,
	}
}

// judgeOne notes who owns what one statement of the text writes: by operation,
// since a statement may have several.
func (r *raw) judgeOne(ctx context.Context, st *conn.Statement) error {
	var names []string
	first := len(r.notes)
	for _, w := range st.Writes {
		if r.engine.scratch(w.Table) {
			continue
		}
		owners, columns, err := r.source.Owners(ctx, r.outer, w.Table, w.Cascade)
		if err != nil {
			return r.failedFor(w.Table, err)
		}
		names = append(names, columns...)
		r.add(first, w.Operation, owners)
	}
	for i := first; i < len(r.notes); i++ {
		n := &r.notes[i]
		n.statement.SQL = st.Template(func(s string) bool { return slices.Contains(names, s) })
		n.statement.Unclear = r.text.Unclear
	}
	return nil
}

// add notes owners, each once for an operation of a statement.
func (r *raw) add(first int, operation string, owners []capture.Owner) {
	for i := first; i < len(r.notes); i++ {
		if n := &r.notes[i]; n.statement.Operation == operation {
			for _, o := range owners {
				known := slices.IndexFunc(n.owners, func(k capture.Owner) bool {
					return k.Entity == o.Entity
				})
				if known < 0 {
					n.owners = append(n.owners, o)
				} else if o.Through == "" {
					n.owners[known].Through = ""
				}
			}
			return
		}
	}
	if len(owners) > 0 {
		r.notes = append(r.notes, note{owners, diff.Statement{Operation: operation}})
	}
}

func (r *raw) failedFor(table annals.Table, err error) error {
	if errors.Is(err, annals.ErrCapture) || errors.Is(err, annals.ErrConfig) {
		return err
	}
	return &annals.Error{
		Op: "capture raw SQL on", Subject: "table " + table.String(),
		Err: errors.Join(annals.ErrCapture, err),
	}
}

// afterRaw records what raw SQL did. It follows transaction control that ran as a
// prepared statement, and forgets what is known of tables when one was changed,
// as by db.AutoMigrate.
func (p *Plugin) afterRaw(db *gorm.DB) {
	v, ok := db.Statement.Settings.LoadAndDelete(rawKey)
	if !ok {
		noteFailure(db)
		return
	}
	r := v.(*raw)
	if db.Error == nil {
		if slices.ContainsFunc(r.text.Statements, func(s conn.Statement) bool { return s.Defines }) {
			p.source.Forget()
			if tx, ok := watched(r.tx); ok {
				tx.AtEnd(p.source.Forget) // it may be rolled back
			}
		}
	}
	if r.done != nil {
		r.done(db.Error)
	}
	noteFailure(db)
	if !r.on {
		return
	}
	var err error
	if r.ran {
		if err = r.record(db.Statement.Context); err != nil {
			r.unit.Fail(err)
		}
	}
	err = r.settle(db.Statement.Context, err)
	_ = db.AddError(err)
	if err = r.end(nil); err != nil {
		r.fail(err)
	}
}

// record hands what the text did to the unit, and has it written at once where no
// commit is going to.
func (r *raw) record(ctx context.Context) error {
	counted := r.affected >= 0 && r.text.Counted()
	for _, n := range r.notes {
		if counted && n.statement.Operation != string(annals.OpTruncate) {
			if r.affected == 0 && !r.text.Unclear {
				continue // nothing was changed
			}
			if len(r.text.Writes()) == 1 {
				n.statement.Affected = &r.affected
			}
		}
		if err := r.unit.RecordStatement(ctx, n.owners, n.statement); err != nil {
			return err
		}
	}
	if r.text.Ends(r.syntax) {
		return r.flushApart(ctx)
	}
	if r.immediate {
		return r.unit.Flush(ctx, r.raw)
	}
	return r.unit.Spill(ctx, r.raw)
}

// flushApart writes the entries of a statement that has committed by itself, in a
// transaction of their own: the connection has none now.
func (r *raw) flushApart(ctx context.Context) error {
	if _, err := r.raw.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return fmt.Errorf("record a statement that has committed: %w", err)
	}
	if err := r.unit.Flush(ctx, r.raw); err != nil {
		_, rollback := r.raw.ExecContext(ctx, "ROLLBACK")
		r.unit.RolledBack()
		return errors.Join(err, rollback)
	}
	if _, err := r.raw.ExecContext(ctx, "COMMIT"); err != nil {
		r.unit.RolledBack()
		return fmt.Errorf("record a statement that has committed: %w", err)
	}
	r.unit.Committed()
	return nil
}

// rawInterceptor runs raw SQL in the transaction in which it is recorded.
type rawInterceptor struct {
	gorm.ConnPool
	raw *raw
}

// ExecContext implements gorm.ConnPool.
func (i *rawInterceptor) ExecContext(
	ctx context.Context, query string, args ...any,
) (sql.Result, error) {
	res, err := orAbandon(&i.raw.statement, func() (sql.Result, error) {
		return i.ConnPool.ExecContext(ctx, query, args...)
	})
	if err != nil {
		return nil, err
	}
	i.raw.ran = true
	if i.raw.affected, err = res.RowsAffected(); err != nil {
		i.raw.affected = -1
	}
	return res, nil
}

// QueryContext implements gorm.ConnPool. The rows are read at once, so that the
// statement has run to its end when it is recorded.
func (i *rawInterceptor) QueryContext(
	ctx context.Context, query string, args ...any,
) (*sql.Rows, error) {
	r, err := i.read(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return r.rows(ctx)
}

// QueryRowContext implements gorm.ConnPool, likewise.
func (i *rawInterceptor) QueryRowContext(
	ctx context.Context, query string, args ...any,
) *sql.Row {
	r, err := i.read(ctx, query, args)
	if err != nil {
		return conn.FailedRow(ctx, err)
	}
	return r.row(ctx)
}

func (i *rawInterceptor) read(ctx context.Context, query string, args []any) (*result, error) {
	rows, err := orAbandon(&i.raw.statement, func() (*sql.Rows, error) {
		return i.ConnPool.QueryContext(ctx, query, args...)
	})
	if err != nil {
		return nil, err
	}
	r, err := readResult(rows)
	if err != nil {
		return nil, err
	}
	if r.failed() != nil {
		return r, nil //nolint:nilerr // the rows tell of it
	}
	i.raw.ran = true
	if len(r.columns) > 0 {
		i.raw.affected = int64(len(r.values))
	}
	return r, nil
}
