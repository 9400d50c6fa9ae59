package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

// finish does what is left to do behind a commit, and returns a number that changes
// where others write, or 0.
type finish func(context.Context) (version int64, err error)

// Turns are the transactions of a run of retention, of any layout.
type Turns struct {
	store *Store
	conn  storage.Conn
	// version is what the database said of itself after the last one.
	version int64
}

// Turns begins a run on conn.
func (s *Store) Turns(conn storage.Conn) *Turns { return &Turns{store: s, conn: conn} }

// Take runs f in a transaction, again where the database asks for it, and tells of
// its locks. An error beside a turn that was released is one of what comes after the
// commit.
func (r *Turns) Take(
	ctx context.Context, notBefore time.Time, f func(tx dialect.Execer) error,
) (t storage.Turn, err error) {
	var behind error
	err = r.store.retry(ctx, func() error {
		if r.store.eng.takeLock() != "" {
			if err := pause(ctx, time.Until(notBefore)); err != nil {
				return err
			}
		}
		conn, finish, err := r.store.eng.prepare(ctx, r.conn)
		if err != nil {
			return err
		}
		t, err = r.once(ctx, conn, f)
		version, failed := finish(ctx)
		if err != nil {
			return errors.Join(err, failed)
		}
		t.Alone = version != 0 && version == r.version
		r.version, behind = version, failed
		return nil
	})
	return t, errors.Join(err, behind)
}

func (r *Turns) once(
	ctx context.Context, conn storage.Conn, f func(tx dialect.Execer) error,
) (t storage.Turn, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return t, fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		if err == nil {
			return
		}
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			err = fmt.Errorf("%w (rollback: %w)", err, back)
		}
	}()
	if lock := r.store.eng.takeLock(); lock != "" {
		if _, err := tx.ExecContext(ctx, lock); err != nil {
			return t, err
		}
	}
	began := time.Now()
	if err := f(tx); err != nil {
		return t, err
	}
	if err := tx.Commit(); err != nil {
		return t, fmt.Errorf("commit: %w", err)
	}
	t.Released = time.Now()
	t.Held = t.Released.Sub(began)
	return t, nil
}
