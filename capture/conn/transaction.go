package conn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals/capture/claim"
)

// transaction is what a session knows of the transaction that it is in.
type transaction struct {
	said *claim.Transaction
	// ctx is the one that it was begun with, if any.
	ctx context.Context //nolint:containedctx // it may say who acts
	// bound: the database has been told. atBegin: by what began the transaction.
	bound, atBegin bool
	// alone is the text of the statement that is the whole transaction.
	alone string
	// saves are the savepoints that stand; outer, the one that began the transaction.
	saves []save
	outer string
}

// save is a savepoint: whether the claim was bound when it was set.
type save struct {
	name  string
	bound bool
}

func (s *session) begun() *transaction { return &transaction{said: s.newClaim()} }

// take takes from the context of a write, behind that of the transaction.
func (t *transaction) take(ctx context.Context) (more bool, err error) {
	if t.ctx != nil {
		return t.said.Take(t.ctx, ctx)
	}
	return t.said.Take(ctx)
}

// boundTx is a transaction that database/sql began.
type boundTx struct {
	session *session
	raw     driver.Tx
	ctx     context.Context //nolint:containedctx // Commit takes none
}

// Begin implements driver.Conn.
func (s *session) Begin() (driver.Tx, error) {
	return s.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx.
func (s *session) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	s.settle()
	early, _ := s.own.binder.(beginner)
	if opts.ReadOnly || (early != nil && early.writes()) {
		early = nil // it may never write
	}
	return s.begin(ctx, opts, s.newClaim(), early)
}

// begin begins the transaction of a claim, and binds it by early where that is given.
func (s *session) begin(
	ctx context.Context, opts driver.TxOptions, said *claim.Transaction, early beginner,
) (_ *boundTx, err error) {
	t := &transaction{said: said, ctx: ctx}
	var raw driver.Tx
	if early != nil {
		if _, err = said.Take(ctx); err == nil && !said.Claim().IsZero() {
			raw, err = early.begin(ctx, s, opts, said.Claim())
			t.bound, t.atBegin = raw != nil, raw != nil
		}
	}
	if raw == nil && err == nil {
		raw, err = s.rawBegin(ctx, opts)
	}
	if err != nil {
		said.RolledBack()
		return nil, err
	}
	if s.tx != nil { // somebody's BEGIN, which this one has ended or goes on with
		s.end(s.own.syntax.Ends(Control{Action: Begins, Keyword: "BEGIN"}))
	}
	s.tx = t
	return &boundTx{s, raw, context.WithoutCancel(ctx)}, nil
}

// rawBegin begins a transaction as database/sql does.
func (s *session) rawBegin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if beginner, ok := s.raw.(driver.ConnBeginTx); ok {
		return beginner.BeginTx(ctx, opts)
	}
	if opts.Isolation != driver.IsolationLevel(sql.LevelDefault) {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := s.raw.Begin() //nolint:staticcheck // drivers of that age
	if err == nil && ctx.Err() != nil {
		_ = tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

// Commit implements driver.Tx.
func (b *boundTx) Commit() error {
	if err := b.session.unbind(b.ctx); err != nil {
		_ = b.raw.Rollback() // the first error says more
		b.session.end(false)
		return fmt.Errorf("take back whom the transaction was bound to: %w", err)
	}
	err := b.raw.Commit()
	b.session.end(err == nil)
	return err
}

// Rollback implements driver.Tx.
func (b *boundTx) Rollback() error {
	err := b.raw.Rollback()
	b.session.end(false)
	return err
}

// unbind takes a claim back that would be committed.
func (s *session) unbind(ctx context.Context) error {
	if s.tx == nil || !s.tx.bound {
		return nil
	}
	if err := s.own.binder.unbind(ctx, s); err != nil {
		return err
	}
	s.tx.bound = s.own.binder.lasts() || s.tx.atBegin
	return nil
}

// end notes that the transaction is over.
func (s *session) end(committed bool) {
	t := s.tx
	if t == nil {
		return
	}
	s.tx = nil
	if committed {
		t.said.Committed()
	} else {
		t.said.RolledBack()
	}
	s.left = s.left || (t.bound && s.own.binder.lasts())
	if s.manual {
		s.tx = s.begun()
	}
}

// settle ends the transaction of a statement that the driver would have prepared, and
// that never came again.
func (s *session) settle() {
	if s.tx != nil && s.tx.alone != "" {
		s.end(false)
	}
}

// tidy takes back what an earlier transaction left in the session.
func (s *session) tidy(ctx context.Context) error {
	if !s.left {
		return nil
	}
	if err := s.own.binder.clear(ctx, s); err != nil {
		return err
	}
	s.left = false
	return nil
}

// note follows what a text did to the transaction.
func (s *session) note(st *sent) {
	for _, c := range st.controls {
		switch c.Action {
		case Begins:
			if s.tx == nil || s.own.syntax.Ends(c) {
				s.end(true)
				s.tx = s.begun()
			}
		case Commits, RollsBack:
			s.end(c.Action == Commits)
			if c.Chains {
				s.tx = s.begun()
			}
		case Saves:
			s.saved(c.Name)
		case RollsBackTo:
			s.wentBack(c.Name)
		case Releases:
			s.released(c.Name)
		default:
			s.noteOther(c)
		}
	}
}

func (s *session) noteOther(c Control) {
	if c.Keyword == "SET AUTOCOMMIT" {
		s.manual = c.Manual
		s.end(true)
		if s.manual && s.tx == nil {
			s.tx = s.begun()
		}
		return
	}
	if s.own.syntax.Ends(c) || c.Keyword == "XA" {
		s.end(true)
	}
}

// saved notes a savepoint, which begins a transaction of SQLite where there is none.
func (s *session) saved(name string) {
	switch {
	case s.tx != nil:
		s.tx.saves = append(s.tx.saves, save{name, s.tx.bound})
	case s.own.syntax.savesBegin():
		s.tx = s.begun()
		s.tx.outer = name
	}
}

// wentBack notes that what came after a savepoint is undone, a claim included.
func (s *session) wentBack(name string) {
	t := s.tx
	if t == nil || t.atBegin || s.own.binder.lasts() {
		return
	}
	for i := len(t.saves) - 1; i >= 0; i-- {
		if t.saves[i].name == name {
			t.bound = t.bound && t.saves[i].bound
			t.saves = t.saves[:i+1]
			return
		}
	}
	t.saves, t.bound = nil, false // bound again, at worst
}

func (s *session) released(name string) {
	if s.tx == nil {
		return
	}
	for i := len(s.tx.saves) - 1; i >= 0; i-- {
		if s.tx.saves[i].name == name {
			s.tx.saves = s.tx.saves[:i]
			return
		}
	}
	if s.tx.outer != "" && s.tx.outer == name {
		s.end(true)
	}
}

// commits reports whether a text is going to commit the transaction.
func (s *session) commits(st *sent) bool {
	for _, c := range st.controls {
		last := c.Action == Releases && s.tx != nil && s.tx.outer == c.Name && s.tx.outer != ""
		for i := range s.txSaves() {
			last = last && s.tx.saves[i].name != c.Name
		}
		if s.own.syntax.Ends(c) || last {
			return true
		}
	}
	return false
}

func (s *session) txSaves() []save {
	if s.tx == nil {
		return nil
	}
	return s.tx.saves
}
