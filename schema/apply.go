package schema

import (
	"context"
	"database/sql"
	"errors"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/lock"
)

// Apply executes a plan that Plan has made, perhaps long ago. Under the lock it
// makes the plan anew; where that differs, the database has changed meanwhile
// and the error matches ErrStale. A failure in the middle is an *ApplyError.
// Another run on the database gives an error that matches annals.ErrLocked.
func (m *Manager) Apply(ctx context.Context, plan Plan) error {
	t, err := m.target(plan)
	if err != nil {
		return err
	}
	return locked(ctx, t, func(conn *sql.Conn) error {
		fresh, err := planTarget(ctx, conn, t)
		if err != nil {
			return err
		}
		if !plan.fits(fresh) {
			return &annals.Error{
				Op: "apply plan to", Subject: t.subject(), Err: ErrStale,
				Remedy: "make a new plan and review it",
			}
		}
		return m.run(ctx, t, conn, fresh)
	})
}

// Update plans and applies every target, one after the other, each under its
// lock. It looks for conflicts in all of them before it changes the first. The
// plans it returns were applied in full.
func (m *Manager) Update(ctx context.Context) ([]Plan, error) {
	if _, err := m.Plan(ctx); err != nil {
		return nil, err
	}
	var applied []Plan
	for i := range m.targets {
		t := &m.targets[i]
		err := locked(ctx, t, func(conn *sql.Conn) error {
			plan, err := planTarget(ctx, conn, t)
			if err != nil {
				return err
			}
			if err := m.run(ctx, t, conn, plan); err != nil {
				return err
			}
			applied = append(applied, plan)
			return nil
		})
		if err != nil {
			return applied, err
		}
	}
	return applied, nil
}

// locked calls f with the lock's own connection, so that a pool of one is enough
// and the work cannot outlive the lock.
func locked(ctx context.Context, t *Target, f func(*sql.Conn) error) (err error) {
	l, err := lock.Acquire(ctx, t.DB, t.Dialect, LockName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	return f(l.Conn())
}

// runner executes the statements of one plan.
type runner struct {
	m     *Manager
	t     *Target
	conn  *sql.Conn
	total int
	done  int
}

func (m *Manager) run(ctx context.Context, t *Target, conn *sql.Conn, p Plan) error {
	r := &runner{m: m, t: t, conn: conn, total: len(p.Statements)}
	together, alone := split(p.Statements)
	if err := r.together(ctx, together); err != nil {
		return err
	}
	for _, s := range alone {
		if err := r.exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// split divides statements by whether they may run in a transaction.
func split(statements []Statement) (together, alone []Statement) {
	for _, s := range statements {
		if s.Alone {
			alone = append(alone, s)
			continue
		}
		together = append(together, s)
	}
	return together, alone
}

// together executes statements in one transaction where the database can take
// schema changes back, else one by one.
func (r *runner) together(ctx context.Context, statements []Statement) (err error) {
	begin := flavourFor(r.t.Dialect).begin()
	if len(statements) == 0 {
		return nil
	}
	for _, sql := range begin {
		if _, err := r.conn.ExecContext(ctx, sql); err != nil {
			return explain(r.t, "begin in", r.t.subject(), err)
		}
	}
	for _, s := range statements {
		if err = r.exec(ctx, s); err != nil {
			break
		}
	}
	if len(begin) == 0 {
		return err
	}
	if err == nil {
		if _, err = r.conn.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = explain(r.t, "commit in", r.t.subject(), err)
	}
	return r.rollback(ctx, err)
}

// rollback undoes the transaction; what it reports as done is nothing then.
func (r *runner) rollback(ctx context.Context, err error) error {
	// Where it fails, the connection is broken and the server rolls back.
	_, _ = r.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	var failed *ApplyError
	if errors.As(err, &failed) {
		failed.Done = 0
	}
	return err
}

func (r *runner) exec(ctx context.Context, s Statement) error {
	if _, err := r.conn.ExecContext(ctx, s.SQL); err != nil {
		return &ApplyError{
			Storage: r.t.Name, Statement: s, Done: r.done, Total: r.total,
			Err: explain(r.t, "execute", "statement", err),
		}
	}
	r.done++
	r.m.progress(Progress{
		Storage: r.t.Name, Statement: s, Done: r.done, Total: r.total,
	})
	return nil
}
