package conn

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
)

// doFunc runs a statement. It returns the number of rows that were changed, unknown
// where nobody counted; whole asks for its result to be read to the end.
type doFunc func(whole bool) (int64, error)

// run runs a statement with what binding needs round it.
func (s *session) run(ctx context.Context, st *sent, do doFunc) error {
	if s.tx != nil && s.tx.alone == st.text && st.text != "" {
		return s.goOn(st, do) // the driver preferred to prepare it
	}
	s.settle()
	if s.tx == nil && st.writes && !s.exposed {
		return s.alone(ctx, st, do)
	}
	if err := s.ready(ctx, st); err != nil {
		return err
	}
	n, err := do(false)
	switch {
	case errors.Is(err, driver.ErrSkip):
	case err != nil:
		s.failed(ctx, st, err)
	default:
		s.wrote(st, n)
		s.note(st)
	}
	return err
}

// ready does what has to precede a statement that is not one by itself.
func (s *session) ready(ctx context.Context, st *sent) error {
	if s.tx == nil {
		return s.tidyFor(ctx, st)
	}
	if st.several() && s.own.binder.refuses() && (s.tx.bound || st.writes) {
		if err := s.refuse(ctx); err != nil {
			return err
		}
	}
	if s.commits(st) {
		if err := s.unbind(ctx); err != nil {
			return err
		}
		return s.tidyFor(ctx, st)
	}
	if st.writes {
		return s.bind(ctx)
	}
	if s.tx.bound {
		return nil
	}
	return s.tidyFor(ctx, st)
}

// refuse refuses a text of several statements in a transaction that is bound, or
// would be by it.
func (s *session) refuse(ctx context.Context) error {
	if s.tx.bound {
		return refusal()
	}
	if _, err := s.tx.take(ctx); err != nil {
		return err
	}
	if s.tx.said.Claim().IsZero() {
		return nil
	}
	return refusal()
}

// tidyFor takes back what is left before statements that might find it.
func (s *session) tidyFor(ctx context.Context, st *sent) error {
	if !s.left || st.quiet() || s.own.syntax.asksSession(st.text) {
		return nil
	}
	return s.tidy(ctx)
}

// bind tells the database whom the transaction belongs to, unless it knows.
func (s *session) bind(ctx context.Context) error {
	t := s.tx
	more, err := t.take(ctx)
	if err != nil {
		return err
	}
	if t.said.Claim().IsZero() {
		return s.tidy(ctx)
	}
	if t.bound && !more {
		return nil
	}
	if err := s.own.binder.bind(ctx, s, t.said.Claim()); err != nil {
		return err
	}
	t.bound, s.left = true, false
	return nil
}

// wrote notes that a statement has changed something, as far as that is known.
func (s *session) wrote(st *sent, n int64) {
	if s.tx != nil && st.writes && (n != 0 || !st.counted()) {
		s.tx.said.Wrote()
	}
}

// failed finds out what an error left of the transaction.
func (s *session) failed(ctx context.Context, st *sent, err error) {
	if s.tx == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if s.own.binder.lost(ctx, s, err) {
		s.end(false)
		return
	}
	if s.commits(st) && !s.tx.atBegin {
		s.tx.bound = false
	}
}

// alone runs a statement that is a transaction by itself. Where nobody is bound to
// it, it runs as it came.
func (s *session) alone(ctx context.Context, st *sent, do doFunc) error {
	said := s.newClaim()
	_, err := said.Take(ctx)
	switch {
	case err != nil:
		said.RolledBack()
		return err
	case said.Claim().IsZero(), st.controlled(s.own.syntax) && !s.own.binder.refuses():
		said.RolledBack()
		return s.unbound(ctx, st, do)
	case st.several() && s.own.binder.refuses():
		said.RolledBack()
		return refusal()
	}
	if s.own.binder.wraps() {
		again, err := s.wrapped(ctx, st, said, do)
		if again {
			return s.unbound(ctx, st, do)
		}
		return err
	}
	s.tx = &transaction{said: said, alone: st.text}
	if err := s.bind(ctx); err != nil {
		s.end(false)
		return err
	}
	return s.goOn(st, do)
}

// goOn runs the statement that the bound transaction consists of.
func (s *session) goOn(st *sent, do doFunc) error {
	n, err := do(true)
	if errors.Is(err, driver.ErrSkip) {
		return err // it comes again, prepared
	}
	if err == nil {
		s.wrote(st, n)
	}
	s.end(err == nil)
	return err
}

// unbound runs a statement as it came.
func (s *session) unbound(ctx context.Context, st *sent, do doFunc) error {
	if err := s.tidy(ctx); err != nil {
		return err
	}
	_, err := do(false)
	if err == nil {
		s.note(st)
	}
	return err
}

// committed hides from database/sql that the connection broke while a statement
// was committed: it would run the statement again.
func committed(err error) error {
	if !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	return &annals.Error{
		Op: "commit", Subject: "a statement", Err: errors.New(err.Error()),
		Remedy: "look whether it took effect: the connection broke meanwhile",
	}
}

// wrapped runs a statement in a transaction of its own. again means that the
// statement cannot run in one and nothing has happened.
func (s *session) wrapped(
	ctx context.Context, st *sent, said *claim.Transaction, do doFunc,
) (again bool, err error) {
	if err := s.tidy(ctx); err != nil {
		return false, err
	}
	early, _ := s.own.binder.(beginner)
	tx, err := s.begin(ctx, driver.TxOptions{}, said, early)
	if err != nil {
		return false, err
	}
	ended := false
	defer func() {
		if !ended { // a driver panicked
			s.abandon(ctx, tx)
		}
	}()
	if err = s.bind(ctx); err == nil {
		var n int64
		if n, err = do(true); err == nil {
			s.wrote(st, n)
		}
	}
	ended = true
	if err != nil {
		s.abandon(ctx, tx)
		return st.retries && s.own.binder.commitsItself(err), err
	}
	err = tx.Commit()
	s.unusable = s.unusable || errors.Is(err, driver.ErrBadConn)
	return false, committed(err)
}

// abandon rolls back the transaction of a statement that failed.
func (s *session) abandon(ctx context.Context, tx *boundTx) {
	if err := tx.Rollback(); err != nil {
		// Either the database has done so itself, or the connection is of no use.
		s.unusable = !s.own.binder.lost(context.WithoutCancel(ctx), s, err)
	}
}
