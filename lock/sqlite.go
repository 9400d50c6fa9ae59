package lock

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-162b1470/annals/layout"
)

const (
	// heartbeat is how often a holder shows that it lives, expiry how long its
	// word holds. Both are generous: a dead process of this host is seen at once,
	// and one write transaction of somebody else can delay many beats.
	heartbeat = 20 * time.Second
	expiry    = 5 * time.Minute
)

// sqlite keeps a row. SQLite has no sessions and no lock that a process could
// hold without keeping everybody else from writing.
type sqlite struct {
	name, owner string
	taken       string // who had it at the last attempt
}

func newSQLite(name string) *sqlite {
	return &sqlite{name: name, owner: rand.Text()}
}

const (
	sqliteCreate = `CREATE TABLE IF NOT EXISTS ` + layout.LockTable + ` (
name TEXT PRIMARY KEY, owner TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
since TEXT NOT NULL, expires TEXT NOT NULL)`

	sqliteRead = `SELECT host, pid, since, expires FROM ` + layout.LockTable + `
WHERE name = ?`

	sqliteTake = `INSERT OR REPLACE INTO ` + layout.LockTable + `
(name, owner, host, pid, since, expires) VALUES (?, ?, ?, ?, ?, ?)`
)

// claim is what the row says of a holder.
type claim struct {
	host, since, expires string
	pid                  int
}

// stale reports whether the holder is gone: its process on this host ended, or
// it has not given a sign of life for too long. The latter also covers a number
// that the system has given to another process since.
func (c claim) stale(now time.Time) bool {
	if c.host == hostname() && !alive(c.pid) {
		return true
	}
	return c.expires < now.UTC().Format(layout.InstantFormat)
}

func (c claim) String() string {
	return fmt.Sprintf("process %d on %s, since %s", c.pid, c.host, c.since)
}

func (s *sqlite) try(ctx context.Context, conn *sql.Conn) (ok bool, err error) {
	// The write lock comes first: two processes that read and then write could
	// both find the row free.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	end := "ROLLBACK"
	defer func() {
		_, failed := conn.ExecContext(context.WithoutCancel(ctx), end)
		err = errors.Join(err, failed)
	}()
	if ok, err = s.take(ctx, conn); err == nil && ok {
		end = "COMMIT"
	}
	return ok, err
}

func (s *sqlite) take(ctx context.Context, conn *sql.Conn) (bool, error) {
	if _, err := conn.ExecContext(ctx, sqliteCreate); err != nil {
		return false, err
	}
	c, err := s.read(ctx, conn)
	now := time.Now()
	switch {
	case err == nil && !c.stale(now):
		s.taken = c.String()
		return false, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	_, err = conn.ExecContext(ctx, sqliteTake, s.name, s.owner, hostname(), os.Getpid(),
		stamp(now), stamp(now.Add(expiry)))
	return err == nil, err
}

func (s *sqlite) read(ctx context.Context, conn *sql.Conn) (c claim, err error) {
	err = conn.QueryRowContext(ctx, sqliteRead, s.name).
		Scan(&c.host, &c.pid, &c.since, &c.expires)
	return c, err
}

// holder is known from the attempt; a lost lock is read again.
func (s *sqlite) holder(ctx context.Context, conn *sql.Conn) (string, error) {
	if s.taken != "" {
		return s.taken, nil
	}
	c, err := s.read(ctx, conn)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return c.String(), err
}

// living is the holder, unless it is gone. Before the first lock there is no table.
func (s *sqlite) living(ctx context.Context, conn *sql.Conn) (string, error) {
	var there bool
	const q = `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '` + layout.LockTable + `')`
	if err := conn.QueryRowContext(ctx, q).Scan(&there); err != nil || !there {
		return "", err
	}
	c, err := s.read(ctx, conn)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && c.stale(time.Now())) {
		return "", nil
	}
	return c.String(), err
}

func (s *sqlite) held(ctx context.Context, conn *sql.Conn) (held bool, err error) {
	const q = `SELECT EXISTS (SELECT 1 FROM ` + layout.LockTable + `
WHERE name = ? AND owner = ?)`
	err = conn.QueryRowContext(ctx, q, s.name, s.owner).Scan(&held)
	return held, err
}

func (s *sqlite) interval() time.Duration { return heartbeat }

// keep runs on the lock's own connection: inside a transaction there it becomes
// part of it, and the database keeps everybody else from taking over meanwhile.
func (s *sqlite) keep(ctx context.Context, conn *sql.Conn) error {
	const q = `UPDATE ` + layout.LockTable + ` SET expires = ? WHERE name = ? AND owner = ?`
	_, err := conn.ExecContext(ctx, q, stamp(time.Now().Add(expiry)), s.name, s.owner)
	return err
}

func (s *sqlite) release(ctx context.Context, conn *sql.Conn) error {
	const q = `DELETE FROM ` + layout.LockTable + ` WHERE name = ? AND owner = ?`
	done, err := conn.ExecContext(ctx, q, s.name, s.owner)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errNotHeld
}

func stamp(t time.Time) string { return t.UTC().Format(layout.InstantFormat) }
