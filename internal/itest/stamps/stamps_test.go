package stamps_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Every statement is run by person 2 a minute after person 1 made book 1.
func TestUpdates(t *testing.T) {
	changed := row{0, 1, "1", "2"}
	for _, c := range []struct {
		name string
		run  func(s *scene, db *gorm.DB, b *book) *gorm.DB
		want row
	}{
		{"Save", func(_ *scene, db *gorm.DB, b *book) *gorm.DB { b.Pages = 2; return db.Save(b) }, changed},
		{"Save without a creation time", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Save(&book{ID: 1, Title: "b"})
		}, changed},
		{"Save a slice", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			b.Pages = 2
			return db.Save([]*book{b})
		}, changed},
		{"Update", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Update("pages", 2)
		}, changed},
		{"Updates by struct", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Updates(book{Pages: 2})
		}, changed},
		{"Updates by map", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Updates(map[string]any{"pages": 2})
		}, changed},
		{"by condition", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Model(&book{}).Where("pages < ?", 5).Update("pages", gorm.Expr("pages + 1"))
		}, changed},
		{"UpdateColumn", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).UpdateColumn("pages", 2)
		}, changed},
		{"UpdateColumns", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).UpdateColumns(book{Pages: 2})
		}, changed},
		{"chosen columns", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Select("pages").Updates(map[string]any{"pages": 2, "title": "x"})
		}, changed},
		{"omitted stamps", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Omit("updated_at", "UpdatedByID").Update("pages", 2)
		}, row{0, 0, "1", "1"}},
		{"forged", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Updates(map[string]any{"created_by_id": 9, "updated_by_id": 9})
		}, changed},
		{"forged by struct", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			nine := int64(9)
			return db.Model(b).Updates(book{
				Pages: 2, Stamps: gormcapture.Stamps[*int64]{CreatedByID: &nine, UpdatedByID: &nine},
			})
		}, changed},
		{"forged by clause", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Where("id = 1").Clauses(clause.Set{
				{Column: clause.Column{Name: "created_by_id"}, Value: 9},
				{Column: clause.Column{Name: "pages"}, Value: 2},
			}).Updates(map[string]any{})
		}, changed},
		{"own times", func(s *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Model(b).Updates(map[string]any{
				"created_at": s.now.Add(4 * time.Minute), "updated_at": s.now.Add(6 * time.Minute),
			})
		}, row{5, 7, "1", "2"}},
		{"soft delete", func(_ *scene, db *gorm.DB, b *book) *gorm.DB { return db.Delete(b) }, changed},
		{"soft delete by condition", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Where("pages < 5").Delete(&book{})
		}, changed},
		{"switched off", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.WithContext(annals.Off(db.Statement.Context)).Model(b).Update("pages", 2)
		}, changed},
		{"session without transactions", func(_ *scene, db *gorm.DB, b *book) *gorm.DB {
			return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(b).Update("pages", 2)
		}, changed},
		{"generics", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			_, err := gorm.G[book](db).Where("id = ?", 1).Update(db.Statement.Context, "pages", 2)
			return &gorm.DB{Error: err}
		}, changed},
		{"generics with Set", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			_, err := gorm.G[book](db).Where("id = ?", 1).
				Set(clause.Assignment{Column: clause.Column{Name: "pages"}, Value: 2}).
				Update(db.Statement.Context)
			return &gorm.DB{Error: err}
		}, changed},
		{"upsert of all", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&book{ID: 1, Title: "c"})
		}, changed},
		{"upsert of some", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "title"}},
				DoUpdates: clause.AssignmentColumns([]string{"pages", "created_by_id"}),
			}).Create(&book{Title: "a", Pages: 3})
		}, changed},
		{"upsert of nothing", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&book{ID: 1, Title: "a"})
		}, row{0, 0, "1", "1"}},
		{"upsert of a map", func(_ *scene, db *gorm.DB, _ *book) *gorm.DB {
			return db.Model(&book{}).Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Assignments(map[string]any{"pages": 3}),
			}).Create(map[string]any{"id": 1, "title": "a"})
		}, changed},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newScene(t, db)
				b := &book{ID: 1, Title: "a", Pages: 1}
				s.must(s.as("1").Create(b))
				s.check("books", 1, row{0, 0, "1", "1"})
				s.later()
				s.must(c.run(s, s.as("2"), b))
				s.check("books", 1, c.want)
			})
		})
	}
}

func TestCreates(t *testing.T) {
	two := int64(2)
	for _, c := range []struct {
		name string
		run  func(db *gorm.DB) *gorm.DB
		ids  []int64
	}{
		{"one", func(db *gorm.DB) *gorm.DB { return db.Create(&book{ID: 1, Title: "a"}) }, []int64{1}},
		{"a slice", func(db *gorm.DB) *gorm.DB {
			return db.Create([]book{{ID: 1, Title: "a"}, {ID: 2, Title: "b"}})
		}, []int64{1, 2}},
		{"pointers in batches", func(db *gorm.DB) *gorm.DB {
			return db.CreateInBatches([]*book{
				{ID: 1, Title: "a"}, {ID: 2, Title: "b"}, {ID: 3, Title: "c"},
			}, 2)
		}, []int64{1, 2, 3}},
		{"a map", func(db *gorm.DB) *gorm.DB {
			return db.Model(&book{}).Create(map[string]any{"id": 1, "title": "a"})
		}, []int64{1}},
		{"maps", func(db *gorm.DB) *gorm.DB {
			return db.Model(&book{}).Create(&[]map[string]any{
				{"id": 1, "title": "a"}, {"id": 2, "title": "b", "pages": 3},
			})
		}, []int64{1, 2}},
		{"chosen columns", func(db *gorm.DB) *gorm.DB {
			return db.Select("id", "title").Create(&book{ID: 1, Title: "a"})
		}, []int64{1}},
		{"Save", func(db *gorm.DB) *gorm.DB { return db.Save(&book{ID: 1, Title: "a"}) }, []int64{1}},
		{"FirstOrCreate", func(db *gorm.DB) *gorm.DB {
			return db.FirstOrCreate(&book{}, &book{ID: 1, Title: "a"})
		}, []int64{1}},
		{"generics", func(db *gorm.DB) *gorm.DB {
			err := gorm.G[book](db).Create(db.Statement.Context, &book{ID: 1, Title: "a"})
			return &gorm.DB{Error: err}
		}, []int64{1}},
		{"forged", func(db *gorm.DB) *gorm.DB {
			return db.Create(&book{
				ID: 1, Title: "a",
				Stamps: gormcapture.Stamps[*int64]{CreatedByID: &two, UpdatedByID: &two},
			})
		}, []int64{1}},
		{"with a parent", func(db *gorm.DB) *gorm.DB {
			return db.Create(&author{ID: 1, Name: "x", Books: []book{{ID: 1, Title: "a"}}})
		}, []int64{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newScene(t, db)
				s.must(c.run(s.as("1")))
				for _, id := range c.ids {
					s.check("books", id, row{0, 0, "1", "1"})
				}
			})
		})
	}
}

// What the program holds has the stamps that were written, as with GORM's times.
func TestStructsAreFilled(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		books := []book{{Title: "a"}, {Title: "b"}}
		s.must(s.as("1").Create(&books))
		for _, b := range books {
			if b.CreatedByID == nil || *b.CreatedByID != 1 || b.UpdatedByID == nil {
				t.Errorf("created: %+v", b.Stamps)
			}
		}
		at := s.later()
		s.must(s.as("2").Model(&books[0]).UpdateColumn("pages", 3))
		if b := books[0]; *b.UpdatedByID != 2 || *b.CreatedByID != 1 || !b.UpdatedAt.Equal(at) {
			t.Errorf("updated: %+v", b.Stamps)
		}
		s.later()
		s.must(s.as("").Save(&books[0]))
		if b := books[0]; b.UpdatedByID != nil || *b.CreatedByID != 1 {
			t.Errorf("saved by nobody: %+v", b.Stamps)
		}
		values := map[string]any{"title": "c"}
		s.must(s.as("1").Model(&books[1]).Updates(values))
		if len(values) != 1 {
			t.Errorf("the program's map was changed: %v", values)
		}
	})
}

func TestNobody(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		seven := int64(7)
		s.must(s.as("").Create(&book{ID: 1, Title: "a"}))
		s.check("books", 1, row{0, 0, "-", "-"})
		// An import says who made a row.
		s.must(s.as("").Create(&book{
			ID: 2, Title: "b", Stamps: gormcapture.Stamps[*int64]{CreatedByID: &seven},
		}))
		s.check("books", 2, row{0, 0, "7", "-"})
		s.must(s.as("").Create(&note{ID: 1, Text: "a"}))
		s.check("notes", 1, row{0, 0, "", ""})
		// A change by nobody is not blamed on who changed it before.
		s.must(s.as("1").Create(&book{ID: 3, Title: "c"}))
		s.later()
		s.must(s.as("").Model(&book{ID: 3}).Update("pages", 3))
		s.check("books", 3, row{0, 1, "1", "-"})
		// A name without an ID is nobody that could be pointed to.
		job := annals.WithActor(context.Background(), annals.Actor{Name: "nightly"})
		s.must(s.db.WithContext(job).Create(&book{ID: 4, Title: "d"}))
		s.check("books", 4, row{1, 1, "-", "-"})
	})
}

// Where the context names nobody, Config.Actor is asked once a transaction, for
// entries and stamps together.
func TestConfiguredActor(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		asked := 0
		s := newScene(t, db, func(c *auditor.Config) {
			c.Actor = func(context.Context) (annals.Actor, error) {
				asked++
				return annals.Actor{ID: fmt.Sprint(100 + asked)}, nil
			}
		})
		asked = 0
		err := s.as("").Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&book{ID: 1, Title: "a"}).Error; err != nil {
				return err
			}
			return tx.Create(&note{ID: 1}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		s.check("books", 1, row{0, 0, "101", "101"})
		s.check("notes", 1, row{0, 0, "101", "101"})
		var blamed string
		err = db.QueryRow("SELECT blame_id FROM books_audit WHERE object_id = '1'").Scan(&blamed)
		if err != nil || blamed != "101" {
			t.Errorf("the entry is blamed on %q, %v", blamed, err)
		}
		s.must(s.as("5").Create(&note{ID: 2}))
		s.check("notes", 2, row{0, 0, "5", "5"})
	})
}

// A failing question for the actor fails the write, audited or not.
func TestActorFails(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		cause := errors.New("no session")
		s := newScene(t, db, func(c *auditor.Config) {
			c.Actor = func(context.Context) (annals.Actor, error) { return annals.Actor{}, cause }
		})
		if err := s.as("").Create(&note{ID: 1}).Error; !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnfittingID(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		s.must(s.as("1").Create(&book{ID: 1, Title: "a"}))
		for _, id := range []string{"cron", "007", "+7", "9223372036854775808", "7 "} {
			for what, tx := range map[string]*gorm.DB{
				"create": s.as(id).Create(&book{ID: 2, Title: "b"}),
				"update": s.as(id).Model(&book{ID: 1}).Update("pages", 2),
				"delete": s.as(id).Delete(&book{ID: 1}),
			} {
				var e *annals.Error
				if !errors.Is(tx.Error, gormcapture.ErrActorID) || !errors.As(tx.Error, &e) ||
					e.Remedy == "" {
					t.Errorf("%s by %q: %v", what, id, tx.Error)
				}
			}
		}
		s.check("books", 1, row{0, 0, "1", "1"})
		var n int64
		s.must(s.as("").Unscoped().Model(&book{}).Where("deleted_at IS NULL").Count(&n))
		if n != 1 {
			t.Errorf("%d books", n)
		}
	})
}

// GORM writes the parent's key into children that it saves along: those are stamped
// that come to another parent.
func TestChildrenOfASavedParent(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		a := author{ID: 1, Name: "x", Books: []book{{ID: 1, Title: "a"}}}
		s.must(s.as("1").Create(&a))
		s.must(s.as("1").Create(&book{ID: 2, Title: "b"}))
		s.later()
		var other book
		s.must(s.as("").First(&other, 2))
		a.Name, a.Books = "y", append(a.Books, other)
		s.must(s.as("2").Save(&a))
		s.check("authors", 1, row{0, 1, "1", "2"})
		s.check("books", 1, row{0, 0, "1", "1"})
		s.check("books", 2, row{0, 1, "1", "2"})
		s.later()
		s.must(s.as("3").Session(&gorm.Session{FullSaveAssociations: true}).Save(&a))
		s.check("books", 1, row{0, 2, "1", "3"})
		s.later()
		if err := s.as("4").Model(&a).Association("Books").Clear(); err != nil {
			t.Fatal(err)
		}
		s.check("books", 1, row{0, 3, "1", "4"})
	})
}

// A statement that is used again is stamped again.
func TestStatementsUsedAgain(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db)
		s.must(s.as("1").Create(&[]book{{ID: 1, Title: "a"}, {ID: 2, Title: "b"}}))
		upsert := s.as("2").Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{"pages"}),
		}).Session(&gorm.Session{})
		for i := range int64(2) {
			s.later()
			s.must(upsert.Create(&book{ID: i + 1, Title: "a" + fmt.Sprint(i), Pages: 5}))
		}
		s.check("books", 1, row{0, 1, "1", "2"})
		s.check("books", 2, row{0, 2, "1", "2"})
		set := s.as("3").Model(&book{}).Where("id = 1").Clauses(clause.Set{
			{Column: clause.Column{Name: "pages"}, Value: 7},
		}).Session(&gorm.Session{})
		for range 2 {
			s.later()
			s.must(set.Updates(map[string]any{}))
		}
		s.check("books", 1, row{0, 4, "1", "3"})
	})
}

// Identifiers of other types.
type (
	key  [2]byte
	code string
)

// Scan implements sql.Scanner.
func (k *key) Scan(v any) error {
	text, ok := v.(string)
	if b, isBytes := v.([]byte); isBytes {
		text, ok = string(b), true
	}
	if !ok || len(text) != 2 {
		return fmt.Errorf("%T is no key", v)
	}
	copy(k[:], text)
	return nil
}

// Value implements driver.Valuer.
func (k key) Value() (driver.Value, error) { return string(k[:]), nil }

// GormDataType tells GORM the column's type.
func (key) GormDataType() string { return "varchar(2)" }

type (
	keyed struct {
		ID int64
		gormcapture.Stamps[*key]
	}
	coded struct {
		ID int64
		gormcapture.Stamps[code]
	}
	nulled struct {
		ID int64
		gormcapture.Stamps[sql.Null[int64]]
	}
	numbered struct {
		ID int64
		gormcapture.Stamps[uint32]
	}
)

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		table, id, nobody string
		model             any
	}{
		{"keyed", "k1", "-", &keyed{ID: 1}},
		{"coded", "c-1", "", &coded{ID: 1}},
		{"nulled", "12", "-", &nulled{ID: 1}},
		{"numbered", "4000000000", "0", &numbered{ID: 1}},
	} {
		t.Run(c.table, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newScene(t, db)
				s.db = s.db.Session(&gorm.Session{})
				if err := s.db.Table(c.table).AutoMigrate(c.model); err != nil {
					t.Fatal(err)
				}
				s.must(s.as(c.id).Table(c.table).Create(c.model))
				s.check(c.table, 1, row{0, 0, c.id, c.id})
				s.must(s.as("").Table(c.table).Save(c.model))
				s.check(c.table, 1, row{0, 0, c.id, c.nobody})
			})
		})
	}
}
