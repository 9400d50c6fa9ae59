package values

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/mirrorstore"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// column is the name of every sample's column.
const column = "The Value"

// captured is a database with a table for each sample, whose changes are recorded.
type captured struct {
	*testdb.DB
	t   *testing.T
	d   dialect.Dialect
	aud *auditor.Auditor
}

// capture makes the tables and what records their changes.
func capture(t *testing.T, kind, by string, samples []sample) *captured {
	t.Helper()
	c := &captured{DB: testdb.New(t, kind), t: t}
	c.d = detect(t, c.DB)
	c.SetMaxOpenConns(1) // the session's settings are those of writing
	run(t, c.DB, writing[c.Dialect]...)
	cfg := auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: c.DB.DB, Dialect: c.Dialect, Capture: by}},
		Entities: map[string]config.Entity{},
	}
	for i, s := range samples {
		run(t, c.DB, s.Setup...)
		name := sampleTable(i)
		run(t, c.DB, "CREATE TABLE "+c.d.Quote(name)+" (id int PRIMARY KEY, "+c.d.Quote(column)+" "+s.Type+")")
		cfg.Entities[sampleEntity(i)] = config.Entity{Table: name}
	}
	var err error
	if c.aud, err = auditor.New(cfg); err != nil {
		t.Fatal(err)
	}
	manager, err := c.aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.aud.Refresh()
	return c
}

func sampleTable(i int) string  { return fmt.Sprintf("Sample_%d", i) }
func sampleEntity(i int) string { return fmt.Sprintf("sample%d", i) }

// writer writes rows of samples.
type writer interface {
	insert(sample, id int, value string)
	update(sample, id int, value string)
	remove(sample, id int)
}

// throughGORM writes as a program does.
type throughGORM struct {
	*captured
	db *gorm.DB
}

func (w throughGORM) row(id int, value string) map[string]any {
	row := map[string]any{"id": id}
	if value != "" {
		row[column] = gorm.Expr(value)
	}
	return row
}

func (w throughGORM) table(i int) *gorm.DB {
	return w.db.WithContext(w.t.Context()).Table(sampleTable(i))
}

func (w throughGORM) check(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

func (w throughGORM) insert(i, id int, value string) {
	w.t.Helper()
	w.check("insert "+value, w.table(i).Create(w.row(id, value)).Error)
}

func (w throughGORM) update(i, id int, value string) {
	w.t.Helper()
	w.check("update "+value, w.table(i).Where("id = ?", id).Updates(map[string]any{column: gorm.Expr(value)}).Error)
}

func (w throughGORM) remove(i, id int) {
	w.t.Helper()
	w.check("delete", w.table(i).Where("id = ?", id).Delete(nil).Error)
}

// plainly writes as a console does.
type plainly struct{ *captured }

func (w plainly) insert(i, id int, value string) {
	w.t.Helper()
	table := w.d.Quote(sampleTable(i))
	if value == "" {
		run(w.t, w.DB, fmt.Sprintf("INSERT INTO %s (id) VALUES (%d)", table, id))
		return
	}
	run(w.t, w.DB, fmt.Sprintf("INSERT INTO %s (id, %s) VALUES (%d, %s)", table, w.d.Quote(column), id, value))
}

func (w plainly) update(i, id int, value string) {
	w.t.Helper()
	run(w.t, w.DB, fmt.Sprintf("UPDATE %s SET %s = %s WHERE id = %d",
		w.d.Quote(sampleTable(i)), w.d.Quote(column), value, id))
}

func (w plainly) remove(i, id int) {
	w.t.Helper()
	run(w.t, w.DB, fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.d.Quote(sampleTable(i)), id))
}

// live writes the story of a sample: each value inserted, one row from each value to
// each other and to null, and all of them deleted.
func live(w writer, i int, s sample) {
	for id, v := range s.Values {
		w.insert(i, id, v)
	}
	values := slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool { return v == "" || len(v) > 10_000 })
	if len(values) == len(s.Values) {
		if !slices.Contains(values, "NULL") && !strings.Contains(s.Type, "GENERATED") {
			values = append(values, "NULL")
		}
		values = values[:min(len(values), 5)]
		for _, from := range values {
			for _, to := range values {
				w.update(i, 0, from)
				w.update(i, 0, to)
			}
		}
	}
	for id := range s.Values {
		w.remove(i, id)
	}
}

// told is what a reader finds of a sample, without what differs from capture to
// capture.
func told(t *testing.T, s storage.Store, i int) []string {
	t.Helper()
	q := storage.Query{Entities: []string{sampleEntity(i)}, Limit: 5000, Ascending: true}
	entries, err := s.Find(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(entries))
	for n := range entries {
		e := &entries[n]
		d, err := diff.Parse(e.Diffs)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = fmt.Sprintf("%s %s %s .%d %s", e.Type, e.ObjectID, e.PreviousObjectID, e.Part, d.Append(nil))
	}
	return out
}

// TestSameEntries: for every type of column, the same change gives the same entry
// through GORM and through triggers, however the mirror is read.
func TestSameEntries(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			samples, _ := samplesFor(t, testdb.New(t, kind))
			a := capture(t, kind, config.CaptureORM, samples)
			program := throughGORM{a, orm.Open(t, a.Dialect, a.DB.DB, gorm.Config{})}
			if err := program.db.Use(gormcapture.New(a.aud)); err != nil {
				t.Fatal(err)
			}
			b := capture(t, kind, config.CaptureTrigger, samples)
			j, err := b.aud.Journal("app")
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Create(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			for i, s := range samples {
				live(program, i, s)
				live(plainly{b}, i, s)
			}
			want := make([][]string, len(samples))
			for i := range samples {
				want[i] = told(t, a.entries(), i)
			}
			for _, s := range sessionsOf[b.Dialect] {
				m := b.mirror(s)
				for i := range samples {
					compareTold(t, s.name+", "+samples[i].name(), told(t, m, i), want[i])
				}
			}
		})
	}
}

// entries opens what the program's own capture stored.
func (c *captured) entries() *sqlstore.Store {
	c.t.Helper()
	s, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: c.DB.DB, Dialect: c.d,
		AuditTable: func(_ context.Context, entity string) (annals.Table, error) {
			return annals.Table{Name: strings.Replace(entity, "sample", "Sample_", 1) + "_audit"}, nil
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// mirror opens the mirror as a session does.
func (c *captured) mirror(s session) *mirrorstore.Store {
	c.t.Helper()
	pool := s.open(c.t, c.DB)
	if pool != c.DB.DB {
		pool.SetMaxOpenConns(1)
	} else {
		pool = openDSN(c.t, c.DriverName, c.DriverDSN)
		pool.SetMaxOpenConns(1)
	}
	run(c.t, pool, s.set...)
	m, err := mirrorstore.New(mirrorstore.Config{Name: "default", DB: pool, Dialect: c.d})
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func compareTold(t *testing.T, what string, got, want []string) {
	t.Helper()
	for n := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if n < len(got) {
			g = got[n]
		}
		if n < len(want) {
			w = want[n]
		}
		if g != w {
			t.Errorf("%s, entry %d of %d and %d:\n got %.400s\nwant %.400s", what, n, len(got), len(want), g, w)
			return
		}
	}
}
