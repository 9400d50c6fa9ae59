package lock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// pgNameLimit is the longest application name in bytes.
const pgNameLimit = 63

// postgres takes a session-level advisory lock. PostgreSQL does not know since
// when a lock is held nor by which process of which host, so the session says it
// in its application_name, which every account may read.
type postgres struct{ key string }

func newPostgres(name string) *postgres { return &postgres{key: "annals:" + name} }

const (
	pgTry = `SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0))
THEN set_config('application_name', $2, false) END`

	// An advisory lock of one 64-bit key shows as two halves with objsubid 1.
	pgLocks = `SELECT l.pid FROM pg_locks l, hashtextextended($1, 0) AS key
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.classid = ((key >> 32) & 4294967295)::oid AND l.objid = (key & 4294967295)::oid`

	pgHolder = `SELECT a.application_name, a.pid, coalesce(a.usename, '')
FROM pg_stat_activity a WHERE a.pid IN (` + pgLocks + `)`

	pgHeld = `SELECT pg_backend_pid() IN (` + pgLocks + `)`
)

func (p *postgres) try(ctx context.Context, conn *sql.Conn) (bool, error) {
	var name sql.NullString
	err := conn.QueryRowContext(ctx, pgTry, p.key, pgSessionName()).Scan(&name)
	return name.Valid, err
}

func pgSessionName() string {
	since := time.Now().UTC().Format(time.RFC3339)
	// The host comes last: a long one may be cut.
	name := fmt.Sprintf("annals pid %d since %s on %s", os.Getpid(), since, hostname())
	return name[:min(len(name), pgNameLimit)]
}

func (p *postgres) holder(ctx context.Context, conn *sql.Conn) (string, error) {
	var application, user string
	var pid int64
	err := conn.QueryRowContext(ctx, pgHolder, p.key).Scan(&application, &pid, &user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (backend %d, database user %s)", application, pid, user), nil
}

func (p *postgres) held(ctx context.Context, conn *sql.Conn) (held bool, err error) {
	err = conn.QueryRowContext(ctx, pgHeld, p.key).Scan(&held)
	return held, err
}

func (p *postgres) release(ctx context.Context, conn *sql.Conn) error {
	var ok bool
	const unlock = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
	if err := conn.QueryRowContext(ctx, unlock, p.key).Scan(&ok); err != nil {
		return err
	}
	if !ok {
		return errNotHeld
	}
	_, err := conn.ExecContext(ctx, "RESET application_name")
	return err
}
