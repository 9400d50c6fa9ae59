// Package lock gives one run at a time the right to do something to a database,
// across processes and hosts.
//
// The lock is the database's own: a session-level advisory lock on PostgreSQL
// and GET_LOCK on MySQL and MariaDB, both of which end with the session that
// holds them, and a row with a heartbeat on SQLite. It belongs to the database
// that the connection is in; two databases of one server do not share it. None
// of annals' own tables has to exist.
//
// A session lock outlives the return of its connection to the pool, and the same
// session may take it twice. Every Lock therefore has a connection of its own,
// which leaves the pool for as long as the lock is held and is closed for good
// where it cannot be unlocked.
package lock

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// releaseTimeout bounds the unlocking, which happens even after a cancellation.
const releaseTimeout = 10 * time.Second

// attempts is how often a lock is tried whose holder left while being asked for.
const attempts = 3

// Lock is a lock that is held, from Acquire to Release. It is safe for concurrent
// use; its connection is as safe as any *sql.Conn.
type Lock struct {
	name   string
	conn   *sql.Conn
	d      dialect.Dialect
	locker locker

	stop    context.CancelFunc
	stopped chan struct{}

	once sync.Once
	err  error
}

// locker is what a database does. A value serves one Lock.
type locker interface {
	// try takes the lock; false means that somebody else has it.
	try(ctx context.Context, conn *sql.Conn) (bool, error)
	// holder describes who has it, "" where nobody does any more.
	holder(ctx context.Context, conn *sql.Conn) (string, error)
	// held asks whether conn still has it.
	held(ctx context.Context, conn *sql.Conn) (bool, error)
	// release gives it back and leaves the session as it was.
	release(ctx context.Context, conn *sql.Conn) error
}

// keeper is a locker whose lock has to be kept alive.
type keeper interface {
	interval() time.Duration
	keep(ctx context.Context, conn *sql.Conn) error
}

// errNotHeld: the database does not know the lock as this session's any more.
var errNotHeld = errors.New("the lock is no longer held")

// Acquire takes the lock of that name in db's database and does not wait: where
// another run has it, the error is an *annals.LockedError that names the holder
// as well as the database knows it. Everything else is an *annals.Error, which
// matches annals.ErrUnreachable where the database does not answer.
//
// The lock takes one connection of db out of the pool until Release; where the
// pool has only one, work on Conn.
func Acquire(
	ctx context.Context, db *sql.DB, d dialect.Dialect, name string,
) (*Lock, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fault(d, "connect for lock", name, err)
	}
	l := &Lock{name: name, conn: conn, d: d, locker: lockerFor(d, name)}
	if err := l.acquire(ctx); err != nil {
		l.abandon(err)
		return nil, err
	}
	l.start(ctx)
	return l, nil
}

// Holder describes who holds the lock of that name in db's database, "" where nobody
// does. It takes nothing.
func Holder(ctx context.Context, db *sql.DB, d dialect.Dialect, name string) (string, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", fault(d, "connect for lock", name, err)
	}
	defer conn.Close()
	var holder string
	switch l := lockerFor(d, name).(type) {
	case *mysql:
		if err = l.nameKey(ctx, conn); err == nil {
			holder, err = l.holder(ctx, conn)
		}
	case *sqlite:
		holder, err = l.living(ctx, conn)
	default:
		holder, err = l.holder(ctx, conn)
	}
	if err != nil {
		return "", fault(d, "ask who holds lock", name, err)
	}
	return holder, nil
}

func lockerFor(d dialect.Dialect, name string) locker {
	switch d.Name() {
	case dialect.MySQLName:
		return newMySQL(name)
	case dialect.SQLiteName:
		return newSQLite(name)
	}
	return newPostgres(name)
}

func (l *Lock) acquire(ctx context.Context) error {
	for range attempts {
		ok, err := l.locker.try(ctx, l.conn)
		if err != nil {
			return fault(l.d, "acquire lock", l.name, err)
		}
		if ok {
			return nil
		}
		holder, err := l.locker.holder(ctx, l.conn)
		if err != nil {
			return fault(l.d, "ask who holds lock", l.name, err)
		}
		if holder != "" {
			return &annals.LockedError{Lock: l.name, Holder: holder}
		}
	}
	return &annals.LockedError{Lock: l.name, Holder: "another session"}
}

// abandon ends a connection that holds no lock: back into the pool where it is
// sound, out of it where an attempt may have left something behind.
func (l *Lock) abandon(cause error) {
	if errors.Is(cause, annals.ErrLocked) {
		// The attempt's own error matters more than a connection's last words.
		_ = l.conn.Close()
		return
	}
	discard(l.conn)
}

func (l *Lock) start(ctx context.Context) {
	l.stopped = make(chan struct{})
	k, ok := l.locker.(keeper)
	if !ok {
		l.stop = func() {}
		close(l.stopped)
		return
	}
	// The lock outlives the call that acquired it.
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(l.stopped)
		ticker := time.NewTicker(k.interval())
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// One beat may fail, the lock lives for many; Check tells more.
				_ = k.keep(ctx, l.conn)
			}
		}
	}()
}

// Name returns the name of the lock.
func (l *Lock) Name() string { return l.name }

// Conn returns the lock's own connection. Work done on it cannot outlive the
// lock on PostgreSQL and MySQL: both end with the session. On SQLite the
// heartbeat runs on it too, within a transaction that is open then. The caller
// neither closes it nor uses it after Release.
func (l *Lock) Conn() *sql.Conn { return l.conn }

// Check asks the database whether the lock is still held. An error that matches
// annals.ErrLocked means that it is not. Who holds a lock for hours without work
// on Conn calls it now and then: a server may end sessions that are idle.
func (l *Lock) Check(ctx context.Context) error {
	ok, err := l.locker.held(ctx, l.conn)
	if err != nil {
		return fault(l.d, "check lock", l.name, err)
	}
	if ok {
		return nil
	}
	holder, err := l.locker.holder(ctx, l.conn)
	if err != nil || holder == "" {
		holder = "nobody any more"
	}
	return &annals.Error{
		Op: "check lock", Subject: strconv.Quote(l.name), Remedy: "run again",
		Err: errors.Join(errNotHeld, &annals.LockedError{Lock: l.name, Holder: holder}),
	}
}

// Release gives the lock back, also where ctx is done. A second call does
// nothing and returns the first one's result. An error says that the lock could
// not be given back in order; its session was closed then, which ends it too.
func (l *Lock) Release(ctx context.Context) error {
	l.once.Do(func() {
		l.stop()
		<-l.stopped
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
		defer cancel()
		if err := l.locker.release(ctx, l.conn); err != nil {
			discard(l.conn)
			l.err = fault(l.d, "release lock", l.name, err)
			return
		}
		if err := l.conn.Close(); err != nil {
			l.err = fault(l.d, "release lock", l.name, err)
		}
	})
	return l.err
}

// discard closes the session itself instead of returning it to the pool.
func discard(conn *sql.Conn) {
	// The connection is gone either way, and its error is the one passed in.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}

func fault(d dialect.Dialect, op, name string, err error) error {
	e := &annals.Error{Op: op, Subject: strconv.Quote(name), Err: err}
	if errors.Is(err, context.Canceled) {
		return e
	}
	switch d.Classify(err) {
	case dialect.ClassUnreachable:
		e.Err = fmt.Errorf("%w: %w", annals.ErrUnreachable, err)
		e.Remedy = "check that the database runs and the DSN is right"
	case dialect.ClassAccess:
		e.Remedy = "give the account the rights it lacks"
	default:
		// The cause speaks for itself.
	}
	return e
}
