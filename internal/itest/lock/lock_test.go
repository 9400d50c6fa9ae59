// Package lock_test tries locks on real databases.
package lock_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/lock"
)

// envHold makes the test binary a process that takes a lock and waits.
const envHold = "ANNALS_LOCK_TEST_HOLD"

func TestMain(m *testing.M) {
	if driver, dsn, ok := strings.Cut(os.Getenv(envHold), " "); ok {
		if err := hold(driver, dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	testdb.Main(m)
}

// hold takes the lock, says so and keeps it until its input ends.
func hold(driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	ctx := context.Background()
	d, err := dialect.Detect(ctx, db, map[string]string{"pgx": "postgres"}[driver]+
		map[string]string{"mysql": "mysql", "sqlite": "sqlite"}[driver])
	if err != nil {
		return err
	}
	if _, err := lock.Acquire(ctx, db, d, "work"); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

func detect(t *testing.T, db *testdb.DB) dialect.Dialect {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func acquire(t *testing.T, db *sql.DB, d dialect.Dialect, name string) *lock.Lock {
	t.Helper()
	l, err := lock.Acquire(t.Context(), db, d, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Release(context.Background()); err != nil {
			t.Errorf("release: %v", err)
		}
	})
	return l
}

// second opens another handle on the same database.
func second(t *testing.T, db *testdb.DB) *sql.DB {
	t.Helper()
	other, err := sql.Open(db.DriverName, db.DriverDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	return other
}

func mustBeLocked(t *testing.T, db *sql.DB, d dialect.Dialect, name string) *annals.LockedError {
	t.Helper()
	_, err := lock.Acquire(t.Context(), db, d, name)
	if err == nil {
		t.Fatalf("%q was taken twice", name)
	}
	var locked *annals.LockedError
	if !errors.As(err, &locked) || !errors.Is(err, annals.ErrLocked) {
		t.Fatalf("got %v", err)
	}
	return locked
}

func TestOneHolder(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		held := acquire(t, db.DB, d, "work")
		for _, handle := range []*sql.DB{db.DB, second(t, db)} {
			locked := mustBeLocked(t, handle, d, "work")
			if locked.Lock != "work" || locked.Holder == "" {
				t.Errorf("lock %q, holder %q", locked.Lock, locked.Holder)
			}
			t.Log(locked)
		}
		acquire(t, db.DB, d, "other work")
		if err := held.Check(t.Context()); err != nil {
			t.Errorf("check: %v", err)
		}
		if err := held.Release(t.Context()); err != nil {
			t.Errorf("release: %v", err)
		}
		acquire(t, second(t, db), d, "work")
	})
}

func TestHolderIsNamed(t *testing.T) {
	want := map[string]string{
		"postgres": fmt.Sprintf("pid %d since ", os.Getpid()),
		"mysql":    "database user ",
		"sqlite":   fmt.Sprintf("process %d on ", os.Getpid()),
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		acquire(t, db.DB, d, "work")
		if got := mustBeLocked(t, db.DB, d, "work").Holder; !strings.Contains(got, want[d.Name()]) {
			t.Errorf("holder is %q", got)
		}
	})
}

// A dead holder must not keep anybody out, however it died.
func TestDiesWithItsProcess(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), envHold+"="+db.DriverName+" "+db.DriverDSN)
		cmd.Stderr = os.Stderr
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		_ = mustBeLocked(t, db.DB, d, "work")
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		// The server notices the broken connection in its own time.
		for {
			l, err := lock.Acquire(t.Context(), db.DB, d, "work")
			if errors.Is(err, annals.ErrLocked) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Release(t.Context()); err != nil {
				t.Error(err)
			}
			return
		}
	})
}

func TestReleaseAfterCancellation(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		l, err := lock.Acquire(ctx, db.DB, d, "work")
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(ctx); err != nil {
			t.Errorf("second release: %v", err)
		}
		acquire(t, db.DB, d, "work")
	})
}

// The session goes back to the pool as it came.
func TestLeavesNothingBehind(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		db.SetMaxOpenConns(1)
		name := func() (name string) {
			if d.Name() != dialect.PostgresName {
				return ""
			}
			const q = "SELECT current_setting('application_name')"
			if err := db.QueryRowContext(t.Context(), q).Scan(&name); err != nil {
				t.Fatal(err)
			}
			return name
		}
		before := name()
		for range 3 {
			l, err := lock.Acquire(t.Context(), db.DB, d, "work")
			if err != nil {
				t.Fatal(err)
			}
			// The pool is empty now; the lock's own connection works.
			if err := l.Conn().PingContext(t.Context()); err != nil {
				t.Error(err)
			}
			if err := l.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if after := name(); after != before {
			t.Errorf("application name %q became %q", before, after)
		}
		if n := db.Stats().OpenConnections; n != 1 {
			t.Errorf("%d connections are open", n)
		}
	})
}

func TestLostLockIsNoticed(t *testing.T) {
	lose := map[string]string{
		"postgres": "SELECT pg_advisory_unlock_all()",
		"mysql":    "SELECT RELEASE_ALL_LOCKS()",
		"sqlite":   "DELETE FROM annals_lock",
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		l, err := lock.Acquire(t.Context(), db.DB, d, "work")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Conn().ExecContext(t.Context(), lose[d.Name()]); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(t.Context()); !errors.Is(err, annals.ErrLocked) {
			t.Errorf("check: %v", err)
		}
		if err := l.Release(t.Context()); err == nil {
			t.Error("a lost lock was released")
		}
		acquire(t, db.DB, d, "work")
	})
}

func TestStaleRow(t *testing.T) {
	tests := map[string]struct {
		row  string
		free bool
	}{
		"alive elsewhere":     {"host = 'other', pid = 1, expires = '9999'", false},
		"silent elsewhere":    {"host = 'other', pid = 1, expires = '2000'", true},
		"process here gone":   {"pid = 2147483646, expires = '9999'", true},
		"process here silent": {"expires = '2000'", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			db := testdb.New(t, "sqlite")
			d := detect(t, db)
			l, err := lock.Acquire(t.Context(), db.DB, d, "work")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), "UPDATE annals_lock SET "+tt.row); err != nil {
				t.Fatal(err)
			}
			if !tt.free {
				_ = mustBeLocked(t, db.DB, d, "work")
				return
			}
			acquire(t, db.DB, d, "work")
			if err := l.Release(t.Context()); err == nil {
				t.Error("the old holder released what is not its own any more")
			}
		})
	}
}

// A holder that works for long shows that it lives; the clock is a bubble's.
func TestHeartbeat(t *testing.T) {
	file := testdb.New(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		db, err := sql.Open(file.DriverName, file.DriverDSN)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		d := dialect.SQLite()
		l, err := lock.Acquire(t.Context(), db, d, "work")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		_ = mustBeLocked(t, db, d, "work")
		var expires string
		err = db.QueryRowContext(t.Context(), "SELECT expires FROM annals_lock").Scan(&expires)
		if now := time.Now().UTC().Format(time.RFC3339); err != nil || expires <= now {
			t.Errorf("expires %s, it is %s, %v", expires, now, err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestUnreachable(t *testing.T) {
	db, err := sql.Open("pgx", "postgres://nobody:secret@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = lock.Acquire(t.Context(), db, dialect.Postgres(), "work")
	if !errors.Is(err, annals.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in %q", err)
	}
}
