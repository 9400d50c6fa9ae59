package retention_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/retention"
)

// Writers go on while old entries are removed, and the database itself ends a statement that
// waits too long for a lock: on PostgreSQL longer than 100 ms, on MariaDB at all. On SQLite, which
// has one lock for all, the batches are short and their time is told.
func TestWriters(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		for day := range 8 {
			s.record(t, 250, cutoff().AddDate(0, 0, day-10))
		}
		n := 3
		if s.d.Name() == dialect.SQLiteName {
			n = 1
		}
		w := s.writers(t, n)
		longest := time.Duration(0)
		got, err := s.clean(t, retention.Options{Batch: 100, Progress: func(p retention.Progress) {
			longest = max(longest, p.Held)
		}}, entities()...)
		written := w.stop()
		if err != nil || got.Revisions != 2000 {
			t.Errorf("removed %v, %v", got, err)
		}
		for _, err := range w.errs {
			t.Errorf("a writer: %v", err)
		}
		if written == 0 {
			t.Error("nobody wrote meanwhile")
		}
		if n := s.count(t, s.table("post")); n != written {
			t.Errorf("%d entries left of %d that were written meanwhile", n, written)
		}
		s.mustBalance(t, true)
		t.Logf("%d entries removed beside %d written; a batch held its locks %s at most",
			got.Entries(), written, longest)
	})
}

// The cleaner brings the write-ahead log into the database by itself, and leaves the
// connection as it was.
func TestCheckpoints(t *testing.T) {
	s := newScene(t, testdb.New(t, dialect.SQLiteName), layout.Lean)
	s.record(t, 300, cutoff().AddDate(0, 0, -1))
	s.SetMaxOpenConns(1)
	s.exec(t, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_autocheckpoint = 777")
	if got, err := s.clean(t, retention.Options{Batch: 50}, entities()...); err != nil || got.Revisions != 300 {
		t.Errorf("removed %v, %v", got, err)
	}
	var every int
	if err := s.QueryRowContext(t.Context(), "PRAGMA wal_autocheckpoint").Scan(&every); err != nil || every != 777 {
		t.Errorf("wal_autocheckpoint is %d, %v; it was 777", every, err)
	}
	var busy, frames, done int
	err := s.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &frames, &done)
	if err != nil || busy != 0 || frames > 500 {
		t.Errorf("%d frames in the log (busy %d), %v", frames, busy, err)
	}
}

// writers store entries of now, in transactions of their own, until they are stopped.
type writers struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	mu     sync.Mutex
	done   int
	errs   []error
}

func (s *scene) writers(t *testing.T, n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &writers{cancel: cancel}
	ready := make(chan struct{}, n)
	for i := range n {
		conn, err := s.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch s.d.Name() {
		case dialect.PostgresName:
			_, err = conn.ExecContext(ctx, "SET lock_timeout = '100ms'")
		case dialect.MySQLName:
			_, err = conn.ExecContext(ctx, "SET innodb_lock_wait_timeout = 0")
		}
		if err != nil {
			t.Fatal(err)
		}
		w.wait.Go(func() {
			defer conn.Close()
			for n := 0; ctx.Err() == nil; n++ {
				began := time.Now()
				err := s.write(context.WithoutCancel(ctx), conn, i, n)
				w.mu.Lock()
				if err == nil {
					w.done++
				} else {
					w.errs = append(w.errs, err)
				}
				w.mu.Unlock()
				if n == 0 {
					ready <- struct{}{}
				}
				// Whoever waits for SQLite's one lock is not in a queue: nobody may have it all
				// the time.
				select {
				case <-ctx.Done():
				case <-time.After(5*time.Millisecond + time.Since(began)):
				}
			}
		})
	}
	for range n {
		<-ready
	}
	return w
}

func (w *writers) stop() int {
	w.cancel()
	w.wait.Wait()
	return w.done
}

func (s *scene) write(ctx context.Context, conn *sql.Conn, writer, n int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now().UTC()
	rev := annals.Revision{Source: "live", Hash: annals.NewHash(now), CreatedAt: now}
	err = s.store.WriteTx(ctx, tx, &rev, []annals.Entry{{
		Entity: "post", Source: "live", Type: annals.Update, ObjectID: fmt.Sprint(writer, n%100), Seq: 1,
		TransactionHash: rev.Hash, CreatedAt: now, SchemaVersion: annals.SchemaVersion,
		Diffs: json.RawMessage(`{"changes":{"title":{"new":"b","old":"a"}}}`),
	}})
	if err != nil {
		return err
	}
	return tx.Commit()
}

// A transaction that is open is not waited for, and what it stored stays whole, however old it
// says it is. SQLite has no second transaction.
func TestOpenTransaction(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind == dialect.SQLiteName {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, testdb.New(t, kind), layout.Lean)
			s.record(t, 50, cutoff().Add(-time.Minute))
			tx, err := s.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			rev := annals.Revision{Source: "live", Hash: annals.NewHash(time.Now()), CreatedAt: cutoff().Add(-time.Hour)}
			err = s.store.WriteTx(t.Context(), tx, &rev, []annals.Entry{{
				Entity: "post", Type: annals.Update, ObjectID: "1", Seq: 1, SchemaVersion: annals.SchemaVersion,
				Diffs: json.RawMessage(`{"changes":{"title":{"new":"b","old":"a"}}}`),
			}})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.clean(t, retention.Options{}, entities()...); err != nil || got.Revisions != 50 {
				t.Errorf("removed %v, %v", got, err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			s.mustBalance(t, false)
			if n := s.count(t, s.table("post")); n != 1 {
				t.Errorf("%d entries left", n)
			}
			got, err := s.clean(t, retention.Options{}, entities()...)
			if err != nil || got.Entries() != 1 || got.Revisions != 1 {
				t.Errorf("the next run removed %v, %v", got, err)
			}
		})
	}
}
