package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// binding tells the triggers of a source who acts, by a statement before the first
// write of each transaction. Where the pool comes from package capture/conn, its
// connections do so by themselves, with fewer round trips.
type binding struct {
	source *capture.Source
	engine engine
	syntax conn.Syntax
	// row binds by a row; schema is where the routines are.
	row    bool
	schema string
}

// bindTriggers sets the plugin up for a source whose rows triggers capture: no row is
// read and none written here.
func (p *Plugin) bindTriggers(db *gorm.DB, captured auditor.Captured) error {
	var err error
	if p.source, err = p.auditor.Binding(p.name); err != nil {
		return err
	}
	d := p.source.Dialect()
	p.binding = &binding{
		source: p.source, engine: engineOf(d), syntax: syntaxOf(d),
		row: captured.Context == config.ContextRow,
	}
	p.auditor.Reader().Map(&mapper{plugin: p, db: db})
	p.stamp(db)
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("audit GORM: %w", err)
	}
	binds, err := conn.Binds(context.Background(), pool)
	if err != nil || binds {
		return err
	}
	j, err := p.auditor.Journal(p.name)
	if err != nil {
		return err
	}
	if p.binding.schema, err = j.Schema(context.Background()); err != nil {
		return fmt.Errorf("find where triggers of source %s write: %w", captured.Source, err)
	}
	if err := p.wrapPool(db); err != nil {
		return err
	}
	return p.registerBinding(db)
}

// boundKey keeps the pool of a statement between the callbacks round it.
const boundKey = "annals:bound"

// registerBinding places the binding round the callbacks that run SQL.
func (p *Plugin) registerBinding(db *gorm.DB) error {
	put, take := p.putBinding, p.takeBinding
	c := db.Callback()
	return errors.Join(
		c.Create().Before("gorm:create").Register("annals:before_create", put),
		c.Create().After("gorm:create").Before("gorm:save_after_associations").
			Register("annals:after_create", take),
		c.Update().Before("gorm:update").Register("annals:before_update", put),
		c.Update().After("gorm:update").Before("gorm:save_after_associations").
			Register("annals:after_update", take),
		c.Delete().Before("gorm:delete").Register("annals:before_delete", put),
		c.Delete().After("gorm:delete").Before("gorm:after_delete").
			Register("annals:after_delete", take),
		c.Query().Before("gorm:query").Register("annals:before_query", put),
		c.Query().After("gorm:query").Before("gorm:preload").Register("annals:after_query", take),
		c.Row().Before("gorm:row").Register("annals:before_row", put),
		c.Row().After("gorm:row").Register("annals:after_row", take),
		c.Raw().Before("gorm:raw").Register("annals:before_raw", put),
		c.Raw().After("gorm:raw").Register("annals:after_raw", take),
	)
}

func (p *Plugin) putBinding(db *gorm.DB) {
	if db.Error != nil || db.DryRun || db.Statement.ConnPool == nil {
		return
	}
	outer := db.Statement.ConnPool
	db.Statement.Settings.Store(boundKey, outer)
	db.Statement.ConnPool = &bindingPool{ConnPool: outer, binding: p.binding}
}

func (p *Plugin) takeBinding(db *gorm.DB) {
	if outer, ok := db.Statement.Settings.LoadAndDelete(boundKey); ok {
		db.Statement.ConnPool = outer.(gorm.ConnPool)
		noteFailure(db)
	}
}

// said is what one transaction says. It implements conn.Watcher.
type said struct {
	*binding
	ctx context.Context //nolint:containedctx // it may say who acts

	mu    sync.Mutex
	claim *claim.Transaction
	bound bool
	saves []save
}

// save is a savepoint: whether the claim was bound when it was set.
type save struct {
	name  string
	bound bool
}

var _ conn.Watcher = (*said)(nil)

// begun returns what a transaction says that begins under a context.
func (b *binding) begun(ctx context.Context) *said {
	return &said{binding: b, ctx: ctx, claim: &claim.Transaction{
		Ask: func(ctx context.Context) (annals.Actor, error) { return b.source.Actor(ctx, nil) },
	}}
}

// write binds the transaction before a statement that may change rows.
func (s *said) write(ctx context.Context, tx dialect.Execer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	more, err := s.claim.Take(s.ctx, ctx)
	if err != nil || s.claim.Claim().IsZero() || (s.bound && !more) {
		return err
	}
	query, args := s.engine.bind(s.binding, s.claim.Claim())
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		if s.absent(err) {
			return nil
		}
		return err
	}
	s.bound = true
	return nil
}

// absent: SQLite has no table for a claim before there are triggers.
func (s *said) absent(err error) bool {
	return s.source.Dialect().Name() == dialect.SQLiteName &&
		s.source.Dialect().Classify(err) == dialect.ClassMissingTable
}

// wrote notes how many rows a statement changed.
func (s *said) wrote(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != 0 {
		s.claim.Wrote()
	}
}

// Committing implements conn.Watcher.
func (s *said) Committing(ctx context.Context, tx conn.Raw) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if query := s.engine.unbind(s.binding); s.bound && query != "" {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("take back whom the transaction was bound to: %w", err)
		}
		s.bound = false
	}
	return nil
}

// Committed implements conn.Watcher.
func (s *said) Committed() { s.end((*claim.Transaction).Committed) }

// RolledBack implements conn.Watcher.
func (s *said) RolledBack() { s.end((*claim.Transaction).RolledBack) }

func (s *said) end(how func(*claim.Transaction)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(s.claim)
	s.bound, s.saves = false, nil
}

// Savepoint implements conn.Watcher.
func (s *said) Savepoint(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves = append(s.saves, save{name, s.bound})
}

// RollbackTo implements conn.Watcher.
func (s *said) RollbackTo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine.lasts(s.binding) {
		return
	}
	for i := len(s.saves) - 1; i >= 0; i-- {
		if s.saves[i].name == name {
			s.bound = s.bound && s.saves[i].bound
			s.saves = s.saves[:i+1]
			return
		}
	}
	s.bound = false
}

// Release implements conn.Watcher.
func (s *said) Release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.saves) - 1; i >= 0; i-- {
		if s.saves[i].name == name {
			s.saves = s.saves[:i]
			return
		}
	}
}

// Pending implements conn.Watcher: there is nothing to write.
func (s *said) Pending() bool { return false }

// Undone implements conn.Watcher.
func (s *said) Undone() {}

// Stands implements conn.Watcher.
func (s *said) Stands() {}

// bindingPool runs a statement of GORM, bound if it may change rows.
type bindingPool struct {
	gorm.ConnPool
	binding *binding
}

// ExecContext implements gorm.ConnPool.
func (b *bindingPool) ExecContext(
	ctx context.Context, query string, args ...any,
) (res sql.Result, err error) {
	err = b.run(ctx, query, func(on gorm.ConnPool) (int64, error) {
		if res, err = on.ExecContext(ctx, query, args...); err != nil {
			return 0, err
		}
		n, err := res.RowsAffected()
		if err != nil || !b.binding.syntax.Counts(query) {
			n = -1
		}
		return n, nil
	})
	return res, err
}

// QueryContext implements gorm.ConnPool. The rows of a write are read at once, so
// that its transaction may end behind it.
func (b *bindingPool) QueryContext(
	ctx context.Context, query string, args ...any,
) (*sql.Rows, error) {
	if !b.binding.syntax.Changes(query) {
		return b.ConnPool.QueryContext(ctx, query, args...)
	}
	r, err := b.read(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return r.rows(ctx)
}

// QueryRowContext implements gorm.ConnPool, likewise.
func (b *bindingPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if !b.binding.syntax.Changes(query) {
		return b.ConnPool.QueryRowContext(ctx, query, args...)
	}
	r, err := b.read(ctx, query, args)
	if err != nil {
		return conn.FailedRow(ctx, err)
	}
	return r.row(ctx)
}

func (b *bindingPool) read(ctx context.Context, query string, args []any) (r *result, err error) {
	var refused error
	err = b.run(ctx, query, func(on gorm.ConnPool) (int64, error) {
		rows, err := on.QueryContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		if r, err = readResult(rows); err != nil {
			return 0, err
		}
		refused = r.failed()
		return int64(len(r.values)), refused
	})
	if refused != nil && errors.Is(err, refused) {
		return r, nil // the rows tell of it
	}
	return r, err
}

// run runs a statement on the pool that is right for it.
func (b *bindingPool) run(
	ctx context.Context, query string, do func(gorm.ConnPool) (int64, error),
) error {
	tx, isWatched := watched(b.ConnPool)
	if _, prepared := b.ConnPool.(*gorm.PreparedStmtTX); prepared && isWatched {
		do = b.around(ctx, tx, query, do)
	}
	if !b.binding.syntax.Changes(query) {
		_, err := do(b.ConnPool)
		return err
	}
	if isWatched {
		return b.within(ctx, tx, do)
	}
	if raw, ok := rawTx(b.ConnPool); ok {
		return b.foreign(ctx, raw, do)
	}
	return b.alone(ctx, query, do)
}

// around tells a transaction of a statement that runs past it, prepared.
func (b *bindingPool) around(
	ctx context.Context, tx *conn.Tx, query string, do func(gorm.ConnPool) (int64, error),
) func(gorm.ConnPool) (int64, error) {
	return func(on gorm.ConnPool) (int64, error) {
		after, err := tx.Around(ctx, query)
		if err != nil {
			return 0, err
		}
		n, err := do(on)
		after(err)
		return n, err
	}
}

// within runs a statement in a transaction that is watched.
func (b *bindingPool) within(
	ctx context.Context, tx *conn.Tx, do func(gorm.ConnPool) (int64, error),
) error {
	s, ok := tx.Watcher().(*said)
	if !ok || tx.Outside() || tx.Err() != nil {
		_, err := do(b.ConnPool)
		return err
	}
	if err := s.write(ctx, tx.Raw()); err != nil {
		return err
	}
	n, err := do(b.ConnPool)
	if err != nil {
		tx.Failed(ctx, err)
		return err
	}
	s.wrote(n)
	return nil
}

// foreign runs a statement in a transaction whose end nobody sees: it is bound for
// the statement.
func (b *bindingPool) foreign(
	ctx context.Context, tx conn.Raw, do func(gorm.ConnPool) (int64, error),
) error {
	s := b.binding.begun(ctx)
	if err := s.write(ctx, tx); err != nil {
		return err
	}
	n, err := do(b.ConnPool)
	if err != nil {
		s.RolledBack()
		return err
	}
	s.wrote(n)
	if err := s.Committing(ctx, tx); err != nil {
		return err
	}
	s.Committed()
	return nil
}

// alone runs a statement in a transaction of its own, where there is something to
// say.
func (b *bindingPool) alone(
	ctx context.Context, query string, do func(gorm.ConnPool) (int64, error),
) error {
	s := b.binding.begun(ctx)
	if _, err := s.claim.Take(ctx); err != nil {
		return err
	}
	if s.claim.Claim().IsZero() || b.binding.syntax.Controlled(query) {
		s.RolledBack()
		_, err := do(b.ConnPool)
		return err
	}
	own, err := b.begin(ctx, s)
	if err != nil {
		s.RolledBack()
		return err
	}
	s = own.said
	done := false
	defer func() {
		if !done { // a panic of the program's own values
			go func() { _ = own.tx.Rollback() }()
		}
	}()
	err = s.write(ctx, own.raw)
	var n int64
	if err == nil {
		n, err = do(own.pool)
	}
	done = true
	if err != nil {
		_ = own.tx.Rollback() // the first error says more
		return err
	}
	s.wrote(n)
	return own.tx.Commit()
}

// ownTx is a transaction that was begun for one statement: as GORM has it, what
// annals' statements run on, what ends it, and what it says.
type ownTx struct {
	pool gorm.ConnPool
	raw  conn.Raw
	tx   gorm.TxCommitter
	said *said
}

// begin begins the transaction of s.
func (b *bindingPool) begin(ctx context.Context, s *said) (own ownTx, err error) {
	if own.pool, err = beginOn(ctx, b.ConnPool); err != nil {
		return own, err
	}
	if tx, ok := watched(own.pool); ok {
		if begun, ok := tx.Watcher().(*said); ok {
			begun.claim = s.claim // the program was asked
			own.said, own.raw, own.tx = begun, tx.Raw(), tx
			return own, nil
		}
	}
	raw, ok := rawTx(own.pool)
	if !ok {
		return own, gorm.ErrInvalidTransaction
	}
	own.said, own.raw = s, raw
	own.tx = conn.NewTx(ctx, raw, nil, s, b.binding.syntax)
	return own, nil
}

// beginOn begins a transaction on a pool of GORM.
func beginOn(ctx context.Context, on gorm.ConnPool) (gorm.ConnPool, error) {
	switch b := on.(type) {
	case gorm.ConnPoolBeginner:
		return b.BeginTx(ctx, &sql.TxOptions{})
	case gorm.TxBeginner:
		return b.BeginTx(ctx, &sql.TxOptions{})
	}
	return nil, gorm.ErrInvalidTransaction
}
