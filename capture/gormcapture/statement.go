package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// settingKey keeps the capture of a statement between the callbacks round it.
const settingKey = "annals:statement"

// statement captures one statement of GORM: its pool stands in for the
// statement's own, so that rows are read when the SQL is final and about to run.
type statement struct {
	plugin *Plugin
	source *capture.Source
	db     *gorm.DB
	engine engine
	// refs are the tables that the statement names; table is the one that it
	// changes, with its reader, and qualifier its name in SQL among several.
	refs      []conn.Ref
	table     annals.Table
	reader    *capture.Reader
	qualifier string
	// outer is the pool that the statement came with, tx what runs SQL: the same
	// unless own is set, which means that annals opened the transaction.
	outer, tx gorm.ConnPool
	own       bool
	unit      *capture.Unit
	raw       conn.Raw
	// immediate: the transaction is not watched, so entries are written at once.
	immediate bool
	// release lets the next captured statement of the transaction run. undo is set
	// while a savepoint stands before an immediate statement.
	release func()
	undo    bool
	// alone ends the transaction of a statement that would commit by itself.
	alone func(error) error

	work work
	ran  bool
	// instead is what runs in place of the statement, nil where it runs as it is.
	// proven: that it changed the rows that were read has to be shown afterwards.
	instead *narrowed
	proven  bool
	// affected is -1 where the statement returned rows instead of a count.
	affected int64
	lastID   int64
}

// work is what is known of a statement between its start and its end.
type work interface {
	// before runs when the SQL is final, right before it is executed.
	before(ctx context.Context, s *statement) error
	// after runs once it has been executed without an error of the database.
	after(ctx context.Context, s *statement) error
}

// before puts the capture in place.
func (p *Plugin) before(db *gorm.DB) {
	p.learnWritten(db)
	if db.Statement.SQL.Len() > 0 {
		p.beforeRaw(db) // db.Raw("…").Delete(&x) runs the text as it is
		return
	}
	if db.Error != nil || db.DryRun || annals.IsOff(db.Statement.Context) {
		return
	}
	s := &statement{
		plugin: p, source: p.source, db: db, outer: db.Statement.ConnPool,
		tx: db.Statement.ConnPool, affected: -1, engine: engineOf(p.source.Dialect()),
	}
	if s.refs = tablesOf(db.Statement, s.engine.syntax()); len(s.refs) == 0 {
		return
	}
	s.table = s.refs[0].Table
	if err := s.lockFirst(db.Statement.Context); err != nil {
		_ = db.AddError(err)
		return
	}
	concerned, err := s.concerned(db.Statement.Context)
	if err != nil {
		_ = db.AddError(err)
		return
	}
	if !concerned {
		return
	}
	db.Statement.Settings.Store(settingKey, s)
	db.Statement.ConnPool = &interceptor{ConnPool: s.tx, statement: s}
}

// resolve finds the reader of the table.
func (s *statement) resolve(ctx context.Context, table annals.Table) (err error) {
	if s.reader, err = s.source.Reader(ctx, s.raw, table); err != nil {
		return s.failed("read", err)
	}
	return nil
}

// absent reports whether err means that the statement's own table does not
// exist, rather than one that it leads to.
func (s *statement) absent(ctx context.Context, err error, table annals.Table) bool {
	if !errors.Is(err, catalog.ErrNoTable) {
		return false
	}
	_, err = catalog.Load(ctx, s.outer, s.source.Dialect(), table)
	return errors.Is(err, catalog.ErrNoTable)
}

// attach finds the transaction of the statement, or opens one around it where
// GORM did not. It waits for other captured statements of the transaction.
func (s *statement) attach(ctx context.Context) (err error) {
	if tx, ok := watched(s.tx); ok {
		if err := tx.Err(); err != nil {
			return err
		}
		s.unit, s.raw = tx.Watcher().(*capture.Unit), tx.Raw()
		s.release, err = tx.Take(ctx)
		return err
	}
	if raw, ok := rawTx(s.tx); ok {
		s.unit, s.raw, s.immediate = s.source.Unit(), raw, true
		return nil
	}
	// The statement's pool is the interceptor by now, which begins nothing.
	session := s.db.Session(&gorm.Session{Context: ctx})
	session.Statement.ConnPool = s.outer
	tx := session.Begin(&sql.TxOptions{})
	if tx.Error != nil {
		return tx.Error // as it is: the statement would have met it too
	}
	s.tx, s.own = tx.Statement.ConnPool, true
	if tx, ok := watched(s.tx); ok {
		s.unit, s.raw = tx.Watcher().(*capture.Unit), tx.Raw()
		return nil
	}
	raw, ok := rawTx(s.tx)
	if !ok {
		return gorm.ErrInvalidTransaction
	}
	s.unit, s.raw, s.immediate = s.source.Unit(), raw, true
	return nil
}

// apart gives the statement a transaction where it would commit by itself, because
// one before it has ended the program's.
func (s *statement) apart(ctx context.Context) (err error) {
	if tx, ok := watched(s.tx); ok && !s.own {
		if s.alone, err = tx.Alone(ctx); err != nil {
			return s.failed("capture", err)
		}
	}
	return nil
}

// watched returns the transaction that annals watches below a pool.
func watched(p gorm.ConnPool) (*conn.Tx, bool) {
	switch tx := p.(type) {
	case *conn.Tx:
		return tx, true
	case *gorm.PreparedStmtTX:
		return watched(tx.Tx) // which may be another such
	case *interceptor:
		return watched(tx.ConnPool)
	case *rawInterceptor:
		return watched(tx.ConnPool)
	}
	return nil, false
}

// rawTx returns a transaction that annals did not begin.
func rawTx(p gorm.ConnPool) (conn.Raw, bool) {
	switch tx := p.(type) {
	case *gorm.PreparedStmtTX:
		return rawTx(tx.Tx)
	case *interceptor:
		return rawTx(tx.ConnPool)
	case conn.Raw:
		return tx, true
	}
	return nil, false
}

// after records what the statement did and takes the capture away.
func (p *Plugin) after(db *gorm.DB) {
	v, ok := db.Statement.Settings.LoadAndDelete(settingKey)
	if !ok {
		p.afterRaw(db)
		return
	}
	noteFailure(db)
	s := v.(*statement)
	var err error
	if s.ran && s.work != nil {
		// A statement that the database executed is recorded even where GORM then
		// stumbled over its result: the transaction may still commit.
		if err = s.work.after(db.Statement.Context, s); err != nil {
			s.outdated(err)
			err = s.failed("capture "+strings.ToLower(s.verb())+" of", err)
			s.unit.Fail(err)
		} else if s.immediate {
			err = s.unit.Flush(db.Statement.Context, s.raw)
		}
	}
	err = s.settle(db.Statement.Context, err)
	_ = db.AddError(err)
	_ = db.AddError(s.end(nil))
}

// end gives the statement its pool back and closes the transaction that annals
// opened for it.
func (s *statement) end(cause error) error {
	s.db.Statement.ConnPool = s.outer
	defer s.letGo()
	if c, ok := s.work.(io.Closer); ok {
		cause = errors.Join(cause, c.Close())
	}
	if alone := s.alone; alone != nil {
		s.alone = nil
		return errors.Join(cause, alone(errors.Join(cause, s.db.Error)))
	}
	if !s.own {
		return cause
	}
	tx, ok := s.tx.(gorm.TxCommitter)
	if !ok {
		return errors.Join(cause, gorm.ErrInvalidTransaction)
	}
	if cause != nil || s.db.Error != nil {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			return errors.Join(cause, err)
		}
		return cause
	}
	return tx.Commit()
}

func (s *statement) failed(op string, err error) error {
	if errors.Is(err, annals.ErrCapture) || errors.Is(err, annals.ErrConfig) ||
		errors.Is(err, annals.ErrSchema) {
		return err
	}
	return &annals.Error{
		Op: op, Subject: "table " + s.table.String(),
		Err: errors.Join(annals.ErrCapture, err),
	}
}

// asWithout returns the database's own error where the program would have met it
// without the capture too, as it is: programs ask for its type, and its text
// stands in logs. A deadlock, a lock that was not to be had and an aborted
// transaction are such, whatever was read then. It returns nil for other errors.
func (s *statement) asWithout(err error) error {
	var own *ownFault
	if errors.As(err, &own) {
		return own.error
	}
	var said *capture.QueryError
	if errors.As(err, &said) {
		switch s.source.Dialect().Classify(said.Err) {
		case dialect.ClassRetryable, dialect.ClassAborted:
			return said.Err
		}
	}
	return nil
}

func (s *statement) verb() string {
	return s.engine.syntax().Parse(s.db.Statement.SQL.String()).Keyword
}

// start chooses the work by the final SQL: a soft delete is an UPDATE, whatever
// callback it comes through.
func (s *statement) start(ctx context.Context) error {
	if !s.joined() {
		if err := s.resolve(ctx, s.table); err != nil {
			return err
		}
	} else {
		if ok, err := s.aim(ctx); err != nil || !ok {
			return err
		}
	}
	switch s.verb() {
	case "INSERT", "REPLACE":
		s.work = newInsert(s)
	case "UPDATE":
		if err := s.checkUpdate(ctx); err != nil {
			return err
		}
		s.work = &update{}
	case "DELETE":
		s.work = &remove{}
	default:
		return s.failed("capture", fmt.Errorf("a statement that begins with %q", s.verb()))
	}
	err := s.work.before(ctx, s)
	if s.outdated(err) {
		err = s.anew(ctx, err)
	}
	if err != nil {
		if own := s.asWithout(err); own != nil {
			return own
		}
		return s.failed("capture "+strings.ToLower(s.verb())+" of", err)
	}
	return nil
}

// record hands changes to the unit, without those that change nothing kept.
func (s *statement) record(ctx context.Context, t *track.Table, changes []capture.Change,
	cascade bool,
) error {
	if t.Entity == nil && len(t.Links) == 0 {
		return nil
	}
	mutations := make([]annals.Mutation, 0, len(changes))
	for _, c := range changes {
		if m, ok := c.Mutation(); ok {
			m.Cascade = cascade
			mutations = append(mutations, m)
		}
	}
	if !cascade {
		ctx = s.withObjects(ctx)
	}
	if err := s.unit.Record(ctx, t, mutations...); err != nil {
		return err
	}
	return s.unit.Spill(ctx, s.raw)
}

// cascaded records what foreign keys changed along with the statement.
func (s *statement) cascaded(ctx context.Context, c *capture.Cascades) error {
	return c.Changes(ctx, s.raw, func(t *track.Table, changes []capture.Change) error {
		return s.record(ctx, t, changes, true)
	})
}

// interceptor runs a statement's SQL with the capture round it. Everything else
// that uses the pool meanwhile passes.
type interceptor struct {
	gorm.ConnPool
	statement *statement
}

// start opens the statement's transaction, unless it is in one, and begins its
// capture.
func (i *interceptor) start(ctx context.Context) error {
	s := i.statement
	s.tryValues(s.db.Statement.Vars)
	if err := s.attach(ctx); err != nil {
		return err
	}
	if err := s.apart(ctx); err != nil {
		return err
	}
	i.ConnPool = s.tx
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.protect(ctx)
}

// ExecContext implements gorm.ConnPool.
func (i *interceptor) ExecContext(
	ctx context.Context, query string, args ...any,
) (sql.Result, error) {
	s := i.statement
	if query != s.db.Statement.SQL.String() || s.ran {
		return i.ConnPool.ExecContext(ctx, query, args...)
	}
	return orAbandon(s, func() (sql.Result, error) { return i.exec(ctx, query, args) })
}

func (i *interceptor) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	s := i.statement
	if err := i.start(ctx); err != nil {
		return nil, err
	}
	if in, ok := s.work.(*insert); ok && in.returning(s) {
		return in.execReturning(ctx, s, query, args)
	}
	if s.instead != nil {
		query, args = s.instead.query, s.instead.args
	}
	res, err := i.ConnPool.ExecContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	s.ran = true
	if s.affected, err = res.RowsAffected(); err != nil {
		s.affected = -1
	}
	if s.lastID, err = res.LastInsertId(); err != nil {
		s.lastID = 0
	}
	return res, nil
}

// QueryContext implements gorm.ConnPool: a statement with a RETURNING.
func (i *interceptor) QueryContext(
	ctx context.Context, query string, args ...any,
) (*sql.Rows, error) {
	s := i.statement
	if query != s.db.Statement.SQL.String() || s.ran {
		return i.ConnPool.QueryContext(ctx, query, args...)
	}
	return orAbandon(s, func() (*sql.Rows, error) { return i.query(ctx, query, args) })
}

func (i *interceptor) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	s := i.statement
	if err := i.start(ctx); err != nil {
		return nil, err
	}
	if s.instead != nil {
		query, args = s.instead.query, s.instead.args
	}
	in, _ := s.work.(*insert)
	if in != nil && s.returningLast() {
		query += ", " + in.asked(s)
	} else {
		in = nil
	}
	rows, err := i.ConnPool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	r, err := readResult(rows)
	if err != nil {
		return nil, err
	}
	affected := int64(len(r.values))
	if in != nil {
		in.take(s, r)
	}
	if r.failed() == nil {
		s.ran, s.affected = true, affected
	}
	return r.rows(ctx)
}

// returningLast reports whether the statement ends with a list of what to
// return, which can be made longer.
func (s *statement) returningLast() bool {
	c, ok := s.db.Statement.Clauses["RETURNING"]
	return ok && c.AfterExpression == nil && c.Builder == nil && c.Expression != nil
}
