package verify_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/verify"
)

// provoked is a fault and what verify says of it.
type provoked struct {
	name string
	// on lists the dialects; empty for all.
	on       string
	provoke  func(s *scene)
	kind     string
	entity   string
	severity verify.Severity
	detail   string
	replay   bool
	// stays: the remedy is no deed that a test can do.
	stays bool
}

// Each finding comes with its fault, and is gone when its remedy was followed to the
// letter.
func TestFindings(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		first := newScene(t, db)
		first.sound("at first")
		for _, c := range append(faults(), databaseFaults()...) {
			if c.on != "" && !strings.Contains(c.on, db.Dialect) {
				continue
			}
			t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
				s := newScene(t, testdb.New(t, db.Kind))
				s.try(c)
			})
		}
	})
}

func (s *scene) try(c provoked) {
	s.t.Helper()
	if found := s.find(c.kind, c.entity, c.replay); len(found) > 0 {
		s.t.Fatalf("before: %+v", found)
	}
	c.provoke(s)
	found := s.find(c.kind, c.entity, c.replay)
	if len(found) == 0 {
		s.t.Fatalf("not found; all: %+v", s.verify(c.replay))
	}
	for _, f := range found {
		if f.Severity != c.severity || !strings.Contains(f.Detail, c.detail) || f.Remedy == "" || f.Source != "app" {
			s.t.Errorf("found %+v", f)
		}
	}
	if c.stays {
		return
	}
	for _, f := range found {
		s.follow(f.Remedy)
	}
	if found := s.find(c.kind, c.entity, c.replay); len(found) > 0 {
		s.t.Errorf("after %q: %+v", found[0].Remedy, found)
	}
	s.sound("after the remedy")
}

// faults are those of every database.
func faults() []provoked {
	return []provoked{
		{
			name: "trigger dropped", kind: verify.KindTriggerMissing, entity: "item", severity: verify.Error,
			detail:  "has no trigger for update",
			provoke: func(s *scene) { s.exec(s.dropTrigger("item", "items", "update")) },
		},
		{
			name: "column added", kind: verify.KindTriggerOutdated, entity: "item", severity: verify.Error,
			detail: "insert, update, delete",
			provoke: func(s *scene) {
				s.unfollowed()
				s.exec("ALTER TABLE items ADD COLUMN price INTEGER")
				s.update()
			},
		},
		{
			name: "column added and no copy", kind: verify.KindSchema, entity: "item", severity: verify.Error,
			detail: "lacks",
			provoke: func(s *scene) {
				s.unfollowed()
				s.exec("ALTER TABLE items ADD COLUMN price INTEGER")
			},
			stays: true, // the triggers are another finding's
		},
		{
			name: "rules changed", kind: verify.KindTriggerOutdated, entity: "item", severity: verify.Error,
			provoke: func(s *scene) {
				entities := shop()
				e := entities["item"]
				e.Ignore = []string{"n"}
				entities["item"] = e
				s.configure(entities)
			},
		},
		{
			name: "no longer configured", kind: verify.KindTriggerOrphaned, entity: "note", severity: verify.Note,
			detail: "nothing asks for",
			provoke: func(s *scene) {
				entities := shop()
				delete(entities, "note")
				s.configure(entities)
			},
		},
		{
			name: "revisions removed", kind: verify.KindIntegrity, severity: verify.Error, detail: "no revision",
			provoke: func(s *scene) {
				s.exec("INSERT INTO customers VALUES (1, 'ann', 'x')", "DELETE FROM annals_revision")
			},
			stays: true,
		},
		{
			name: "a row under another's revision", kind: verify.KindIntegrity, entity: "customer", severity: verify.Error,
			detail: "a revision of another connection",
			provoke: func(s *scene) {
				s.exec("INSERT INTO customers VALUES (1, 'ann', 'x')", "UPDATE customers_audit SET annals_ordinal = 1090519039")
			},
			stays: true,
		},
		{
			name: "copies removed", kind: verify.KindIntegrity, entity: "customer", severity: verify.Error,
			detail: "receipts have no copied rows",
			provoke: func(s *scene) {
				s.exec("INSERT INTO customers VALUES (1, 'ann', 'x')", "DELETE FROM customers_audit")
			},
			stays: true,
		},
		{
			name: "receipts removed", kind: verify.KindIntegrity, entity: "customer", severity: verify.Error,
			detail: "copied rows have no receipt",
			provoke: func(s *scene) {
				s.exec("INSERT INTO customers VALUES (1, 'ann', 'x')", "DELETE FROM annals_revision_entity")
			},
			stays: true,
		},
		{
			name: "rows older than triggers", kind: verify.KindNoBaseline, entity: "note", severity: verify.Note,
			detail: "2 rows have no history", replay: true,
			provoke: func(s *scene) {
				s.drop("note")
				s.exec("INSERT INTO notes VALUES ('a', 1, 'x'), ('a', 2, 'y')")
				s.create("note")
			},
		},
		{
			name: "written past the triggers", kind: verify.KindReplay, entity: "item", severity: verify.Error,
			replay: true, detail: "row 1: differs from its history in n, name",
			provoke: func(s *scene) {
				s.exec("INSERT INTO items VALUES (1, NULL, 1, 'a'), (2, NULL, 2, 'b')", "UPDATE items SET n = 5 WHERE id = 2")
				s.drop("item")
				s.exec("UPDATE items SET n = NULL, name = 'A' WHERE id = 1")
				s.create("item")
			},
		},
	}
}

// Deleted and made past the triggers: each is named, and the key it has.
func TestReplayNames(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		s.exec("INSERT INTO notes VALUES ('a', 1, 'x'), ('a', 2, 'y'), ('b', 1, 'z')", "DELETE FROM notes WHERE id = 'b'",
			"INSERT INTO customers VALUES (1, 'ann', 'secret'), (2, 'bob', NULL)",
			"UPDATE customers SET id = 3 WHERE id = 2", "UPDATE customers SET name = 'eve' WHERE id = 3",
			"UPDATE customers SET secret = 'other' WHERE id = 1")
		s.sound("recorded")
		s.epoch(false)
		s.drop()
		s.exec("DELETE FROM notes WHERE line = 2", "INSERT INTO notes VALUES ('b', 1, 'z'), ('c', 1, 'new')",
			"UPDATE customers SET secret = 'not told' WHERE id = 1", "UPDATE customers SET id = 9 WHERE id = 3")
		s.create()
		var got []string
		for _, f := range s.verify(true) {
			if f.Kind == verify.KindReplay {
				got = append(got, f.Entity+": "+f.Detail)
			}
		}
		want := []string{
			"customer: 1 rows have no history, although the epoch is done",
			"customer: row 3: it is not there, and its history does not say that it was removed",
			"note: 1 rows have no history, although the epoch is done",
			`note: row ["a",2]: it is not there, and its history does not say that it was removed`,
			`note: row ["b",1]: it is there, and by its history it was removed`,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
