package audittest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/audittest"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// What a program wrote as Go values is expected as the same Go values, whatever
// the database makes of them.
func TestValues(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		at := time.Date(2026, 3, 1, 12, 30, 0, 123456789, time.FixedZone("", 3600))
		body := "Čau\n\"x\""
		p := post{
			Title: "x", Body: &body, Price: "12.50", Weight: 0.1, Active: true, At: at,
			Data: []byte{0, 255}, Token: "topsecret",
		}
		must(t, w.Create(&p))
		later := at.Add(time.Hour)
		must(t, w.Model(&p).Updates(map[string]any{
			"title": "y", "body": nil, "price": "7", "active": false, "at": later, "token": "other",
		}))
		must(t, w.Model(&p).Update("title", "y")) // changes updated_at alone
		must(t, w.Delete(&p))

		audittest.Expect(t, w.aud).Ignoring("updated_at").Exactly(
			audittest.Insert("post", "1",
				audittest.Set("title", "x"), audittest.Set("body", &body),
				audittest.Set("price", "12.50"), audittest.Set("weight", 0.1),
				audittest.Set("active", true), audittest.Set("at", at),
				audittest.Set("data", []byte{0, 255}), audittest.Masked("token")),
			audittest.Update("post", "1",
				audittest.Change("title", "x", "y"), audittest.Change("body", body, nil),
				audittest.Change("price", 12.5, 7), audittest.Change("active", true, false),
				audittest.Change("at", at, later), audittest.Masked("token")),
			audittest.Update("post", "1"),
			audittest.Remove("post", "1",
				audittest.Was("title", "y"), audittest.Was("price", "7.00"),
				audittest.Was("body", nil), audittest.AndMore()),
		)
		// The program's data is untouched by the questions.
		var n int
		err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM posts").Scan(&n)
		if err != nil || n != 0 {
			t.Errorf("%d posts, %v", n, err)
		}
	})
}

func TestKeysAndLinks(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		must(t, w.Create(&line{OrderID: 7, No: 2, Text: "x"}))
		p := post{Title: "x", Price: "1", Tags: []tag{{Name: "go"}, {Name: "sql"}}}
		must(t, w.Create(&p))
		if err := w.Model(&p).Association("Tags").Delete(&p.Tags[0]); err != nil {
			t.Fatal(err)
		}
		audittest.Expect(t, w.aud).InAnyOrder(
			audittest.Dissociate("post", "1", "tags", "tag", "1"),
			audittest.Dissociate("tag", "1", "", "post", "1"),
			audittest.Associate("post", "1", "tags", "tag", "1"),
			audittest.Associate("tag", "2", "", "post", "1"),
			audittest.Associate("tag", "1", "", "post", "1"),
			audittest.Associate("post", "1", "tags", "tag", "2"),
			audittest.Insert("tag", "2", audittest.Set("name", "sql")),
			audittest.Insert("tag", "1", audittest.Set("name", "go")),
			audittest.Insert("post", "1", audittest.Set("title", "x"), audittest.AndMore()),
			audittest.Insert("line", "[7,2]", audittest.Set("text", "x")),
		)
		audittest.Expect(t, w.aud).Entities("line").Exactly(audittest.Insert("line", "[7,2]"))
		audittest.Expect(t, w.aud).Including(audittest.Insert("line", "[7,2]"))
	})
}

func TestRevisions(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		ann := annals.WithActor(t.Context(), annals.Actor{ID: "42", Name: "ann"})
		ann = annals.WithComment(ann, "ticket 1187")
		err := w.WithContext(ann).Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&tag{Name: "go"}).Error, tx.Create(&tag{Name: "sql"}).Error)
		})
		if err != nil {
			t.Fatal(err)
		}
		must(t, w.Model(&tag{ID: 1}).Update("name", "Go"))
		undone := errors.New("undone")
		err = w.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Delete(&tag{ID: 1}))
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		audittest.Expect(t, w.aud).Revisions(
			audittest.Revision(audittest.Insert("tag", "1"), audittest.Insert("tag", "2")).
				By("42").Comment("ticket 1187"),
			audittest.Revision(audittest.Update("tag", "1", audittest.Change("name", "go", "Go"))).
				By("").Comment(""),
		)
		s := watch(t, func(s *spy) {
			audittest.Expect(s, w.aud).Revisions(
				audittest.Revision(audittest.Insert("tag", "1")).Comment("ticket 1188"),
				audittest.Revision(audittest.Insert("tag", "2")),
			)
		})
		told(t, s, `audit entries differ: expected 2, got 3 (- expected, + got, ~ differs)
  transaction 1
~ insert tag 1
-     comment "ticket 1188"
+     comment "ticket 1187"
+ insert tag 2
+     id: null → 2
+     name: null → "sql"
+     by "42"
+     comment "ticket 1187"
  transaction 2
- insert tag 2
+ update tag 1
+     name: "go" → "Go"
`)
	})
}

func told(t *testing.T, s *spy, want string) {
	t.Helper()
	if got := s.text.String(); got != want {
		t.Errorf("told:\n%s\nwant:\n%s", got, want)
	}
}

// A wrong expectation fails, and says what differs.
func TestFailures(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		by := annals.WithActor(t.Context(), annals.Actor{ID: "42"})
		must(t, w.WithContext(by).Create(&tag{Name: "go"}))
		must(t, w.Model(&tag{ID: 1}).Update("name", "Go"))
		insert, update := audittest.Insert("tag", "1"), audittest.Update("tag", "1")
		const head = "audit entries differ: expected %d, got 2 (- expected, + got, ~ differs)\n"
		for _, c := range []struct {
			name  string
			check func(*audittest.Expectation)
			want  string
		}{
			{"none", func(x *audittest.Expectation) { x.None() }, fmt.Sprintf(head, 0) +
				"+ insert tag 1\n+     id: null → 1\n+     name: null → \"go\"\n+     by \"42\"\n" +
				"+ update tag 1\n+     name: \"go\" → \"Go\"\n"},
			{"missing", func(x *audittest.Expectation) {
				x.Exactly(insert, update, audittest.Remove("tag", "1", audittest.Was("name", "Go")))
			}, fmt.Sprintf(head, 3) +
				"  insert tag 1\n  update tag 1\n- remove tag 1\n-     name: \"Go\" →\n"},
			{"order", func(x *audittest.Expectation) { x.Exactly(update, insert) }, fmt.Sprintf(head, 2) +
				"- update tag 1\n  insert tag 1\n+ update tag 1\n+     name: \"go\" → \"Go\"\n"},
			{"value", func(x *audittest.Expectation) {
				x.Exactly(audittest.Insert("tag", "1", audittest.By("7")),
					audittest.Update("tag", "1", audittest.Set("name", "GO")))
			}, fmt.Sprintf(head, 2) + "~ insert tag 1\n-     by \"7\"\n+     by \"42\"\n" +
				"~ update tag 1\n-     name: → \"GO\"\n+     name: \"go\" → \"Go\"\n"},
			{"column too many", func(x *audittest.Expectation) {
				x.Exactly(insert, audittest.Update("tag", "1", audittest.Changed("id")))
			}, fmt.Sprintf(head, 2) + "  insert tag 1\n~ update tag 1\n-     id: changed\n" +
				"+     name: \"go\" → \"Go\"\n"},
			{"any order", func(x *audittest.Expectation) {
				x.InAnyOrder(audittest.Update("tag", "1", audittest.Masked("name")),
					audittest.Insert("tag", "3"))
			}, fmt.Sprintf(head, 2) + "+ insert tag 1\n+     id: null → 1\n+     name: null → \"go\"\n" +
				"+     by \"42\"\n~ update tag 1\n-     name: masked\n+     name: \"go\" → \"Go\"\n" +
				"- insert tag 3\n"},
			{"including", func(x *audittest.Expectation) {
				x.Including(insert, insert)
			}, fmt.Sprintf(head, 2) + "  insert tag 1\n- insert tag 1\n"},
			{"that", func(x *audittest.Expectation) {
				x.Exactly(insert, audittest.Update("tag", "1", audittest.That("an even seq",
					func(*annals.Entry) error { return errors.New("odd") })))
			}, fmt.Sprintf(head, 2) + "  insert tag 1\n~ update tag 1\n-     an even seq\n+     odd\n"},
			{"of some", func(x *audittest.Expectation) {
				x.By("42").None()
			}, "audit entries differ: expected 0, got 1 (- expected, + got, ~ differs)\n" +
				"+ insert tag 1\n+     id: null → 1\n+     name: null → \"go\"\n+     by \"42\"\n"},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := watch(t, func(s *spy) { c.check(audittest.Expect(s, w.aud)) })
				told(t, s, c.want)
				if s.fatal {
					t.Error("the test was ended")
				}
			})
		}
	})
}

// What can never be right ends the test.
func TestImpossible(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		for _, c := range []struct {
			want audittest.Want
			text string
		}{
			{audittest.Insert("psot", "1"), `entity "psot" is not audited; did you mean "post"?`},
			{
				audittest.Insert("post", "1", audittest.Set("titel", 1)),
				`post has no column "titel"; did you mean "title"?`,
			},
			{audittest.Insert("post", "1", audittest.Changed("titel")), `no column "titel"`},
			{audittest.Insert("post", "1", audittest.Set("title", struct{}{})), "value of post.title: "},
		} {
			s := watch(t, func(s *spy) { audittest.Expect(s, w.aud).Exactly(c.want) })
			if !s.fatal || !strings.Contains(s.text.String(), c.text) {
				t.Errorf("fatal: %v, told %s; want %s", s.fatal, s.text.String(), c.text)
			}
		}
	})
}

// A write whose entry cannot be stored does not happen; a test sees that the entry
// is missing even where the code under test swallows the error.
func TestFailingCapture(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		if _, err := db.ExecContext(t.Context(), "DROP TABLE tags_audit"); err != nil {
			t.Fatal(err)
		}
		if err := w.Create(&tag{Name: "go"}).Error; !errors.Is(err, annals.ErrSchema) {
			t.Errorf("Create = %v", err)
		}
		s := watch(t, func(s *spy) { audittest.Expect(s, w.aud).Exactly(audittest.Insert("tag", "1")) })
		if !s.fatal || !strings.Contains(s.text.String(), "audit schema is not in place") {
			t.Errorf("fatal: %v, told %s", s.fatal, s.text.String())
		}
		audittest.Install(t, w.aud)
		s = watch(t, func(s *spy) { audittest.Expect(s, w.aud).Exactly(audittest.Insert("tag", "1")) })
		told(t, s, "audit entries differ: expected 1, got 0 (- expected, + got, ~ differs)\n"+
			"- insert tag 1\n")
	})
}

// Record gives the entries of a block, on a program's own auditor without its
// tables too.
func TestRecord(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db.DB, db.Dialect)
		if _, err := db.ExecContext(t.Context(), "DROP TABLE tags_audit"); err != nil {
			t.Fatal(err)
		}
		if got := audittest.Record(t, w.aud, func() {}); len(got) != 0 {
			t.Errorf("recorded %v", got)
		}
		must(t, w.Create(&tag{Name: "before"}))
		got := audittest.Record(t, w.aud, func() {
			must(t, w.Create(&tag{Name: "go"}))
			must(t, w.Delete(&tag{ID: 1}))
		})
		must(t, w.Create(&tag{Name: "after"}))
		audittest.Expect(t, w.aud).Of(got).Exactly(
			audittest.Insert("tag", "2", audittest.Set("name", "go")),
			audittest.Remove("tag", "1", audittest.Was("name", "before")),
		)
	})
}

// Tests side by side on one database take turns at making the tables, and tell
// their entries by their actors.
func TestSharedDatabase(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		open(t, db.DB, db.Dialect)
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				audittest.New(t, configOf(db.DB, db.Dialect))
			}()
		}
		wg.Wait()
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				me := audittest.Actor(t)
				ctx := annals.WithActor(t.Context(), me)
				w := newWorld(t, db.DB, db.Dialect)
				mine := tag{Name: me.ID}
				must(t, w.WithContext(ctx).Create(&mine))
				audittest.Expect(t, w.aud).By(me.ID).Exactly(
					audittest.Insert("tag", fmt.Sprint(mine.ID), audittest.Set("name", me.ID)))
			})
		}
	})
}

// In memory each test has a database of its own, and one connection is enough.
func TestInMemory(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, inMemory(t), "sqlite")
			audittest.Expect(t, w.aud).None()
			p := post{Title: fmt.Sprint(i), Price: "1", Tags: []tag{{Name: "go"}}}
			got := audittest.Record(t, w.aud, func() { must(t, w.Create(&p)) })
			audittest.Expect(t, w.aud).Of(got).Including(
				audittest.Insert("post", "1", audittest.Set("title", i), audittest.AndMore()))
			must(t, w.Exec("DELETE FROM tags WHERE id = 99"))
		})
	}
}

// A test that holds the only connection is told so, and does not wait for ever.
func TestOpenTransaction(t *testing.T) {
	w := newWorld(t, inMemory(t), "sqlite")
	tx := w.Begin()
	must(t, tx.Create(&tag{Name: "go"}))
	s := watch(t, func(s *spy) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		s.ctx = ctx
		audittest.Expect(s, w.aud).None()
	})
	if !s.fatal || !strings.Contains(s.text.String(), "a transaction may be open") {
		t.Errorf("told %s", s.text.String())
	}
	must(t, tx.Commit())
	audittest.Expect(t, w.aud).Exactly(audittest.Insert("tag", "1"))
}

// The audited tables come first, and the message says so.
func TestNewWithoutTables(t *testing.T) {
	db := inMemory(t)
	s := watch(t, func(s *spy) { audittest.New(s, configOf(db, "sqlite")) })
	if !s.fatal || !strings.Contains(s.text.String(), "create the audited tables first") {
		t.Errorf("told %s", s.text.String())
	}
	s = watch(t, func(s *spy) { audittest.New(s, configOf(nil, "sqlite")) })
	if !s.fatal || !strings.Contains(s.text.String(), "Sources.app.DB: is nil") {
		t.Errorf("told %s", s.text.String())
	}
	g := open(t, db, "sqlite")
	aud := audittest.New(t, configOf(db, "sqlite"))
	if err := g.Use(gormcapture.New(aud)); err != nil {
		t.Fatal(err)
	}
	must(t, g.Create(&tag{Name: "go"}))
	audittest.Expect(t, aud).Exactly(audittest.Insert("tag", "1", audittest.Set("name", "go")))
}
