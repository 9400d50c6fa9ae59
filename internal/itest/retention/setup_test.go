package retention_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// cutoff is between the old and the new.
func cutoff() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC) }

// scene is a storage with the entities post and "Odd tag".
type scene struct {
	*testdb.DB
	d     dialect.Dialect
	store *sqlstore.Store
	n     int
}

const odd = "Odd tag"

func entities() []string { return []string{"post", odd} }

func newScene(t *testing.T, db *testdb.DB, indexes layout.IndexSet) *scene {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db.DB, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{DB: db, d: d}
	s.install(t, indexes, entities()...)
	s.store = s.open(t, db.DB)
	return s
}

// target is the schema's with these entities.
func (s *scene) target(indexes layout.IndexSet, names ...string) schema.Target {
	target := schema.Target{Name: "default", DB: s.DB.DB, Dialect: s.d, Indexes: indexes}
	for _, name := range names {
		target.Entities = append(target.Entities, schema.EntityTable{
			Entity: annals.Entity{Name: name, Source: "app", Table: annals.Table{Name: name}},
			Audit:  annals.Table{Name: name + "_audit"},
		})
	}
	return target
}

func (s *scene) install(t *testing.T, indexes layout.IndexSet, names ...string) {
	t.Helper()
	m, err := schema.New(schema.Config{Targets: []schema.Target{s.target(indexes, names...)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) open(t *testing.T, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: db, Dialect: s.d,
		AuditTable: func(_ context.Context, entity string) (annals.Table, error) {
			return annals.Table{Name: entity + "_audit"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// record stores n revisions from at on, a second apart, each with two entries of post and,
// every third, with one of the other entity.
func (s *scene) record(t *testing.T, n int, at time.Time) {
	t.Helper()
	var b storage.Batch
	for i := range n {
		s.n++
		rev := annals.Revision{
			Source: "app", Hash: fmt.Sprintf("%032x", s.n), CreatedAt: at.Add(time.Duration(i) * time.Second),
		}
		b.Revisions = append(b.Revisions, rev)
		names := []string{"post", "post"}
		if s.n%3 == 0 {
			names = append(names, odd)
		}
		for part, name := range names {
			b.Entries = append(b.Entries, annals.Entry{
				Entity: name, Source: "app", Type: annals.Update, ObjectID: fmt.Sprint(s.n % 10),
				TransactionHash: rev.Hash, Seq: int64(s.n), Part: part, SchemaVersion: annals.SchemaVersion,
				Diffs:     json.RawMessage(`{"changes":{"title":{"new":"b","old":"a"}}}`),
				CreatedAt: rev.CreatedAt.Add(time.Duration(part) * time.Microsecond),
			})
		}
	}
	if err := s.store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// count asks the database itself.
func (s *scene) count(t *testing.T, from string, args ...any) (n int) {
	t.Helper()
	err := s.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+from, args...).Scan(&n)
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	return n
}

func (s *scene) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s *scene) table(entity string) string { return s.d.Table(annals.Table{Name: entity + "_audit"}) }

// old is the literal of the cut-off, as the database's own column compares with it.
func (s *scene) old() string {
	switch s.d.Name() {
	case dialect.MySQLName:
		return "'2026-01-02 03:04:05.123456'"
	default:
		return "'2026-01-02T03:04:05.123456Z'"
	}
}

// mustBalance checks that every entry has its revision and every receipt too; done that no
// old revision is without an entry.
func (s *scene) mustBalance(t *testing.T, done bool) {
	t.Helper()
	var named []string
	for _, e := range entities() {
		const orphan = " e WHERE NOT EXISTS (SELECT 1 FROM annals_revision r WHERE r.transaction_hash = e.transaction_hash)"
		if n := s.count(t, s.table(e)+orphan); n > 0 {
			t.Errorf("%d entries of %s have no revision", n, e)
		}
		named = append(named, "NOT EXISTS (SELECT 1 FROM "+s.table(e)+" e WHERE e.transaction_hash = r.transaction_hash)")
	}
	if n := s.count(t, "annals_revision_entity x WHERE NOT EXISTS (SELECT 1 FROM annals_revision r WHERE r.id = x.revision)"); n > 0 {
		t.Errorf("%d receipts have no revision", n)
	}
	if !done {
		return
	}
	left := "annals_revision r WHERE created_at < " + s.old() + " AND " + strings.Join(named, " AND ")
	if n := s.count(t, left); n > 0 {
		t.Errorf("%d old revisions have no entry", n)
	}
}

// mustBeMarked checks that what is gone is marked, and what is left is the end of the story.
func (s *scene) mustBeMarked(t *testing.T, entity string, had int) {
	t.Helper()
	gone := had - s.count(t, s.table(entity))
	marks := s.count(t, "annals_clean WHERE entity = '"+entity+"'")
	if gone > 0 && marks == 0 {
		t.Errorf("%d entries of %s are gone and there is no mark", gone, entity)
	}
	rows, err := s.QueryContext(t.Context(), "SELECT seq FROM "+s.table(entity)+" ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	last := int64(0)
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			t.Fatal(err)
		}
		if last != 0 && seq-last > 3 {
			t.Errorf("%s: a gap between %d and %d", entity, last, seq)
		}
		last = seq
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// clean cleans these entities.
func (s *scene) clean(t *testing.T, o retention.Options, names ...string) (retention.Result, error) {
	t.Helper()
	if o.Before.IsZero() {
		o.Before = cutoff()
	}
	results, err := retention.Run(t.Context(), s.targets(names...), o)
	if len(results) == 0 {
		return retention.Result{}, err
	}
	return results[0], err
}

func (s *scene) targets(names ...string) []retention.Target {
	return []retention.Target{{
		Storage: "default", DB: s.DB.DB, Dialect: s.d, Cleaner: s.store, Entities: slices.Clone(names),
	}}
}
