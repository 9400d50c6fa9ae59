// Package verify_test provokes what annals verify finds, and follows its remedies.
package verify_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/verify"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// scene is a shop captured by triggers.
type scene struct {
	*testdb.DB
	t   *testing.T
	aud *auditor.Auditor
}

// shop are its entities.
func shop() map[string]config.Entity {
	return map[string]config.Entity{
		"customer": {Table: "customers", Mask: []string{"secret"}}, "item": {Table: "items"},
		"note": {Table: "notes"},
	}
}

// newScene makes the tables and the mirror, and installs the triggers.
func newScene(t *testing.T, db *testdb.DB) *scene {
	t.Helper()
	s := &scene{DB: db, t: t}
	s.exec(
		"CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(50), secret VARCHAR(50))",
		"CREATE TABLE items (id INTEGER PRIMARY KEY, customer_id INTEGER, n INTEGER, name VARCHAR(50), "+
			"CONSTRAINT items_customer FOREIGN KEY (customer_id) REFERENCES customers (id))",
		"CREATE TABLE notes (id VARCHAR(20) NOT NULL, line INTEGER NOT NULL, body VARCHAR(50), PRIMARY KEY (id, line))",
	)
	s.configure(shop())
	s.update()
	s.create()
	return s
}

func (s *scene) configure(entities map[string]config.Entity) {
	s.t.Helper()
	var err error
	s.aud, err = auditor.New(auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: s.DB.DB, Dialect: s.Dialect, Capture: config.CaptureTrigger},
		},
		Entities: entities,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) exec(statements ...string) {
	s.t.Helper()
	for _, st := range statements {
		if _, err := s.ExecContext(context.WithoutCancel(s.t.Context()), st); err != nil {
			s.t.Fatalf("%s: %v", st, err)
		}
	}
}

// unfollowed is a database whose triggers do not follow changes of tables, as without a
// superuser on PostgreSQL.
func (s *scene) unfollowed() {
	s.t.Helper()
	if s.Dialect == "postgres" {
		s.exec("DROP EVENT TRIGGER annals_ddl_public")
	}
}

// update is annals schema update --force.
func (s *scene) update() {
	s.t.Helper()
	s.aud.Refresh()
	m, err := s.aud.Schema(s.t.Context(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	plans, err := m.Plan(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range plans {
		if err := m.Apply(s.t.Context(), p); err != nil {
			s.t.Fatal(err)
		}
	}
}

// create is annals trigger create --force, drop annals trigger drop --force.
func (s *scene) create(entities ...string) {
	s.t.Helper()
	s.aud.Refresh()
	j, err := s.aud.Journal("app")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := j.Create(s.t.Context(), nil, entities...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) drop(entities ...string) {
	s.t.Helper()
	j, err := s.aud.Journal("app")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := j.Drop(s.t.Context(), nil, entities...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) epoch(again bool, entities ...string) {
	s.t.Helper()
	j, err := s.aud.Journal("app")
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.aud.Epoch(s.t.Context(), j, auditor.EpochOptions{Entities: entities, Again: again}); err != nil {
		s.t.Fatal(err)
	}
}

// verify returns the findings.
func (s *scene) verify(replay bool) []verify.Finding {
	s.t.Helper()
	found, err := s.aud.Verify(s.t.Context(), auditor.VerifyOptions{Replay: replay})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// find returns the findings of a kind and entity.
func (s *scene) find(kind, entity string, replay bool) []verify.Finding {
	s.t.Helper()
	return slices.DeleteFunc(s.verify(replay), func(f verify.Finding) bool {
		return f.Kind != kind || f.Entity != entity
	})
}

// sound checks that nothing is wrong.
func (s *scene) sound(when string) {
	s.t.Helper()
	for _, f := range s.verify(true) {
		if f.Severity == verify.Error {
			s.t.Errorf("%s: %+v", when, f)
		}
	}
}

// follow does what a remedy says, word for word; of what an "or" offers, the first.
func (s *scene) follow(remedy string) {
	s.t.Helper()
	remedy, _, _ = strings.Cut(remedy, "; or ")
	for _, part := range strings.Split(remedy, "; ") {
		for _, step := range strings.Split(part, ", then ") {
			s.step(step)
		}
	}
}

func (s *scene) step(step string) {
	s.t.Helper()
	i := strings.Index(step, "annals ")
	if i < 0 {
		s.exec(step)
		return
	}
	words := strings.Fields(step[i+len("annals "):])
	var entities []string
	for n, w := range words {
		if w == "--entity" {
			entities = append(entities, strings.Trim(words[n+1], "'"))
		}
	}
	switch command := strings.Join(words[:2], " "); command {
	case "schema update":
		s.update()
	case "trigger create":
		s.create(entities...)
	case "trigger drop":
		s.drop(entities...)
	case "epoch import":
		s.epoch(slices.Contains(words, "--again"), entities...)
	default:
		s.t.Fatalf("remedy %q is no command that is known here", step)
	}
}

// trigger is the live trigger of a table for an operation, quoted.
func (s *scene) trigger(entity, operation string) string {
	s.t.Helper()
	j, err := s.aud.Journal("app")
	if err != nil {
		s.t.Fatal(err)
	}
	live, err := j.Installed(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range live {
		if l.Target == entity && string(l.Operation) == operation {
			quote := `"`
			if s.Dialect == "mysql" {
				quote = "`"
			}
			return quote + l.Name + quote
		}
	}
	s.t.Fatalf("no trigger of %s for %s", entity, operation)
	return ""
}

// dropTrigger is the statement that drops one trigger.
func (s *scene) dropTrigger(entity, table, operation string) string {
	statement := "DROP TRIGGER " + s.trigger(entity, operation)
	if s.Dialect == "postgres" {
		statement += " ON " + table
	}
	return statement
}
