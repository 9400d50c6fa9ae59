// Package mirror_test reads mirrors: the same change gives the same entry whether
// triggers wrote rows of it or a mapper entries.
package mirror_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/mirrorstore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// mirror is a database whose changes triggers record.
type mirror struct {
	*testdb.DB
	t     *testing.T
	d     dialect.Dialect
	aud   *auditor.Auditor
	store *mirrorstore.Store
	cfg   auditor.Config
}

// triggered makes the tables, annals' own and the triggers.
func triggered(t *testing.T, db *testdb.DB, cfg auditor.Config, ddl ...string) *mirror {
	t.Helper()
	m := &mirror{DB: db, t: t, cfg: cfg}
	var err error
	if m.d, err = dialect.Detect(t.Context(), db.DB, db.Dialect); err != nil {
		t.Fatal(err)
	}
	m.exec(ddl...)
	m.configure(cfg)
	return m
}

// configure installs what a configuration asks for.
func (m *mirror) configure(cfg auditor.Config) {
	m.t.Helper()
	m.plan(cfg)
	j, err := m.aud.Journal("app")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := j.Create(m.t.Context(), nil); err != nil {
		m.t.Fatal(err)
	}
	if m.store == nil {
		m.store = m.open(m.today)
	}
}

// untrigger removes the triggers.
func (m *mirror) untrigger() {
	m.t.Helper()
	j, err := m.aud.Journal("app")
	if err == nil {
		err = j.Drop(m.t.Context(), nil)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// today are the rules of the configuration.
func (m *mirror) today(entity string) *annals.Entity {
	for _, e := range m.entities() {
		if e.Name == entity {
			return &e
		}
	}
	return nil
}

func (m *mirror) setUp(cfg auditor.Config) {
	m.t.Helper()
	cfg.Sources = map[string]auditor.Source{
		"app": {DB: m.DB.DB, Dialect: m.Dialect, Capture: config.CaptureTrigger},
	}
	m.cfg = cfg
	var err error
	if m.aud, err = auditor.New(cfg); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mirror) entities() []annals.Entity {
	m.t.Helper()
	list, err := m.aud.Entities(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return list
}

// open is a store of its own on the mirror.
func (m *mirror) open(today func(string) *annals.Entity) *mirrorstore.Store {
	m.t.Helper()
	s, err := mirrorstore.New(mirrorstore.Config{Name: "default", DB: m.DB.DB, Dialect: m.d, Today: today})
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

func (m *mirror) exec(statements ...string) {
	m.t.Helper()
	exec(m.t, m.DB.DB, statements...)
}

// tx runs statements in one transaction.
func (m *mirror) tx(statements ...string) {
	m.t.Helper()
	tx, err := m.BeginTx(m.t.Context(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	exec(m.t, tx, statements...)
	if err := tx.Commit(); err != nil {
		m.t.Fatal(err)
	}
}

func exec(t testing.TB, q dialect.Execer, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := q.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%.300s: %v", s, err)
		}
	}
}

// find asks for entries, oldest first unless the query says more.
func (m *mirror) find(q storage.Query) []annals.Entry {
	m.t.Helper()
	return find(m.t, m.store, q)
}

func find(t testing.TB, s storage.Store, q storage.Query) []annals.Entry {
	t.Helper()
	if q.Limit == 0 {
		q.Limit, q.Ascending = 10_000, true
	}
	out, err := s.Find(context.Background(), q)
	if err != nil {
		t.Fatalf("find %+v: %v", q, err)
	}
	return out
}

// line is what an entry says, without its numbers, labels and flags: what is the
// same from every capture.
func line(t testing.TB, e *annals.Entry) string {
	t.Helper()
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		t.Fatalf("%s: %v", e.Diffs, err)
	}
	d.Label, d.Flags = nil, diff.Flags{}
	if a := d.Association; a != nil {
		a.Flags, a.Subject.Label, a.Target.Label = diff.Flags{}, nil, nil
	}
	previous, kind := "", ""
	if e.PreviousObjectID != "" {
		previous = " was " + e.PreviousObjectID
	}
	if e.Discriminator != "" {
		kind = " (" + e.Discriminator + ")"
	}
	return fmt.Sprintf("%s %s %s%s%s .%d %s", e.Entity, e.Type, e.ObjectID, previous, kind, e.Part, d.Append(nil))
}

func lines(t testing.TB, entries []annals.Entry) []string {
	t.Helper()
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = line(t, &entries[i])
	}
	return out
}

// same compares lines.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type rawMessage = json.RawMessage

func raw(text string) rawMessage { return rawMessage(text) }

// withLabels is what entries say, all of it.
func withLabels(entries []annals.Entry) []string {
	out := make([]string, len(entries))
	for i := range entries {
		e := &entries[i]
		out[i] = fmt.Sprintf("%s %s %s", e.Entity, e.Type, e.ObjectID)
		if e.PreviousObjectID != "" {
			out[i] += " was " + e.PreviousObjectID
		}
		if e.Discriminator != "" {
			out[i] += " (" + e.Discriminator + ")"
		}
		out[i] += " " + string(e.Diffs)
	}
	return out
}
