package epoch_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Writers at work meanwhile: whatever they do, each row's images follow each other
// without a break, its baseline is among them once, and they end with the row.
func TestWriters(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, []string{itemTable}, items())
		const rows = 400
		var values []string
		for i := range rows {
			values = append(values, fmt.Sprintf("(%d, 'item', 0)", i*10))
		}
		s.exec("INSERT INTO item VALUES " + strings.Join(values, ", "))
		s.install()
		var stop atomic.Bool
		var writers sync.WaitGroup
		for n := range 3 {
			writers.Go(func() {
				for i := 0; !stop.Load(); i++ {
					s.write(rand.New(rand.NewPCG(uint64(n), uint64(i))), n, i, rows)
				}
			})
		}
		got := s.run(epoch.Options{Batch: 7})
		stop.Store(true)
		writers.Wait()
		if got["item"] == 0 {
			t.Error("no baselines")
		}
		s.chain()
	})
}

// write changes rows, one statement or a few in a transaction. What the database refuses
// (a deadlock, a key that is taken) is no fault of the writer's.
func (s *scene) write(r *rand.Rand, n, i, rows int) {
	tx, err := s.BeginTx(s.t.Context(), nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	for range 1 + r.IntN(3) {
		id := r.IntN(rows) * 10
		statement := fmt.Sprintf("UPDATE item SET n = n + 1 WHERE id BETWEEN %d AND %d", id, id+20)
		switch r.IntN(8) {
		case 0:
			statement = fmt.Sprintf("DELETE FROM item WHERE id = %d", id)
		case 1:
			statement = fmt.Sprintf("INSERT INTO item VALUES (%d, 'new', 0)", id+n+1)
		case 2:
			statement = fmt.Sprintf("UPDATE item SET id = %d WHERE id = %d", 100_000+n*10_000+i, id)
		case 3:
			statement = fmt.Sprintf("UPDATE item SET id = %d WHERE id = %d", -1-n*10_000-i, id)
		}
		if _, err = tx.ExecContext(s.t.Context(), statement); err != nil {
			break
		}
	}
	if err != nil || r.IntN(10) == 0 {
		_ = tx.Rollback()
		return
	}
	_ = tx.Commit()
}

// chain checks the story of every key. SQLite sees a statement's rows one by one, too.
func (s *scene) chain() {
	s.t.Helper()
	type story struct {
		row       string
		there     bool
		baselines int
	}
	stories := map[string]*story{}
	at := func(id string) *story {
		if stories[id] == nil {
			stories[id] = &story{}
		}
		return stories[id]
	}
	list := s.rows("SELECT e.type, c.annals_image, c.id, c.name, c.n FROM item_audit c " +
		"JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id ORDER BY c.annals_id")
	for i, line := range list {
		f := strings.SplitN(line, " ", 4)
		kind, image, id, row := f[0], f[1], f[2], f[3]
		st := at(id)
		switch {
		case image == "before":
			if st.there && st.row != row {
				s.t.Errorf("line %d: %s: it was %q", i, line, st.row)
			}
			*st = story{row: row, baselines: st.baselines}
		case kind == "insert":
			if st.there {
				s.t.Errorf("line %d: %s: it was there", i, line)
			}
			*st = story{row: row, there: true}
		case kind == "epoch":
			if st.baselines++; st.baselines > 1 {
				s.t.Errorf("line %d: %s: a second baseline", i, line)
			}
			if st.there && st.row != row {
				s.t.Errorf("line %d: %s: it was %q", i, line, st.row)
			}
			st.there, st.row = true, row
		default:
			st.there, st.row = true, row
		}
	}
	live := s.rows("SELECT id, name, n FROM item ORDER BY id")
	there := 0
	for _, st := range stories {
		if st.there {
			there++
		}
	}
	if there != len(live) {
		s.t.Errorf("%d rows by history, %d in the table", there, len(live))
	}
	for _, line := range live {
		id, row, _ := strings.Cut(line, " ")
		if st := at(id); !st.there || st.row != row {
			s.t.Errorf("row %s: %q, by history %q (%v)", id, row, st.row, st.there)
		}
	}
	s.same("rows without a beginning", s.rows("SELECT s.id FROM item s WHERE NOT EXISTS (SELECT 1 FROM item_audit c "+
		"JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id WHERE c.id = s.id "+
		"AND (e.type IN ('insert', 'epoch') OR c.annals_image = 'after' AND EXISTS (SELECT 1 FROM item_audit b "+
		"WHERE b.annals_id = c.annals_id - 1 AND b.id <> c.id)))"))
}

// childDSN makes the test binary a run that is killed after two batches.
const childDSN = "ANNALS_EPOCH_CHILD"

func TestKilled(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, []string{itemTable}, items())
		for i := range 20 {
			s.exec(fmt.Sprintf("INSERT INTO item VALUES (%d, 'item', 0)", i))
		}
		s.install()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChild$")
		cmd.Env = append(os.Environ(), childDSN+"="+db.Kind+" "+db.DriverName+" "+db.DriverDSN)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != -1 {
			t.Fatalf("the run was not killed: %v\n%s", err, out)
		}
		before := s.count("SELECT COUNT(*) FROM item_audit")
		if before < 6 || before > 9 {
			t.Errorf("%d baselines when it was killed", before)
		}
		// What it did may be removed meanwhile: that is no reason to do it again.
		s.exec("DELETE FROM item_audit")
		// The server needs a moment to notice that the session, and its lock, is gone.
		results, err := epoch.Run(t.Context(), s.source(), epoch.Options{Batch: 3})
		for errors.Is(err, annals.ErrLocked) && t.Context().Err() == nil {
			results, err = epoch.Run(t.Context(), s.source(), epoch.Options{Batch: 3})
		}
		if err != nil || int(results[0].Rows) != 20-before {
			t.Errorf("%+v, %v, and %d before", results, err, before)
		}
		if got := s.run(epoch.Options{}); got["item"] != 0 {
			t.Errorf("%d more baselines", got["item"])
		}
	})
}

// TestChild is a run of its own only where TestKilled starts it.
func TestChild(t *testing.T) {
	kind, rest, ok := strings.Cut(os.Getenv(childDSN), " ")
	if !ok {
		return
	}
	driver, dsn, _ := strings.Cut(rest, " ")
	db := &testdb.DB{DB: openAs(t, driver, dsn), Kind: kind}
	d, err := dialect.Detect(t.Context(), db, map[string]string{
		"postgres": dialect.PostgresName, "sqlite": dialect.SQLiteName,
	}[kind])
	if kind == "mariadb" || kind == "mysql" {
		d, err = dialect.Detect(t.Context(), db, dialect.MySQLName)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{DB: db, t: t, d: d}
	s.journal(items())
	n := 0
	s.run(epoch.Options{Batch: 3, Progress: func(epoch.Progress) {
		if n++; n == 2 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal is there
		}
	}})
}
