package rules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Writer, Article, Badge, Review, Resume and Picture are related in every way
// that GORM knows.
type Writer struct {
	ID       int `gorm:"autoIncrement:false"`
	Articles []Article
	Latest   *Article
	Resume   *Resume
	Pictures []Picture `gorm:"polymorphic:Owner"`
}

type Article struct {
	ID       int `gorm:"autoIncrement:false"`
	WriterID *int
	Writer   *Writer
	Badges   []*Badge  `gorm:"many2many:article_badges"`
	Reviews  []Review  `annals:"-"`
	Pictures []Picture `gorm:"polymorphic:Owner;polymorphicValue:text"`
}

type Badge struct {
	ID       int        `gorm:"autoIncrement:false"`
	Articles []*Article `gorm:"many2many:article_badges"`
}

type Review struct {
	ID        int `gorm:"autoIncrement:false"`
	ArticleID *int
}

type Resume struct {
	ID       int `gorm:"autoIncrement:false"`
	WriterID *int
}

type Picture struct {
	ID        int `gorm:"autoIncrement:false"`
	OwnerID   *int
	OwnerType *string
}

func related() []any {
	return []any{&Writer{}, &Article{}, &Badge{}, &Review{}, &Resume{}, &Picture{}}
}

func relatedTables() []string {
	return []string{"writers", "articles", "badges", "reviews", "resumes", "pictures"}
}

func relatedEntities() map[string]config.Entity {
	return map[string]config.Entity{
		"writer": {Table: "writers"}, "article": {Table: "articles"}, "badge": {Table: "badges"},
		"review": {Table: "reviews"}, "resume": {Table: "resumes"}, "picture": {Table: "pictures"},
	}
}

func num(n int) *int { return &n }

// TestRelations holds what the GORM schema says of relations against what is
// told of them.
func TestRelations(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  func(*auditor.Config)
		do   func(db *gorm.DB) error
		want []string
	}{
		{
			name: "has many and belongs to",
			do: func(db *gorm.DB) error {
				a := Article{ID: 10, WriterID: num(1)}
				return firstError(db.Create(&[]Writer{{ID: 1}, {ID: 2}}), db.Create(&a),
					db.Model(&a).Update("writer_id", 2), db.Model(&a).Update("writer_id", nil),
					db.Create(&Article{ID: 11, Writer: &Writer{ID: 3}}), db.Delete(&Article{ID: 11}))
			},
			want: []string{
				"insert writers 1: id >1", "insert writers 2: id >2",
				"associate writers 1.articles → article 10", "dissociate writers 1.articles → article 10",
				"associate writers 2.articles → article 10",
				"dissociate writers 2.articles → article 10", "insert writers 3: id >3",
				"associate writers 3.articles → article 11", "dissociate writers 3.articles → article 11",
				"insert articles 10: id >10 writer_id >1", "update articles 10: writer_id 1>2",
				"update articles 10: writer_id 2>", "insert articles 11: id >11 writer_id >3",
				"remove articles 11: id 11> writer_id 3>",
			},
		},
		{
			name: "has one",
			do: func(db *gorm.DB) error {
				return firstError(db.Create(&Writer{ID: 1, Resume: &Resume{ID: 5}}), db.Delete(&Resume{ID: 5}))
			},
			want: []string{
				"insert writers 1: id >1", "associate writers 1.resume → resume 5",
				"dissociate writers 1.resume → resume 5",
				"insert resumes 5: id >5 writer_id >1", "remove resumes 5: id 5> writer_id 1>",
			},
		},
		{
			name: "many to many, both sides",
			do: func(db *gorm.DB) error {
				a := Article{ID: 10, Badges: []*Badge{{ID: 7}}}
				if err := firstError(db.Create(&a)); err != nil {
					return err
				}
				return db.Model(&a).Association("Badges").Delete(&Badge{ID: 7})
			},
			want: []string{
				"insert articles 10: id >10", "associate articles 10.badges → badge 7",
				"dissociate articles 10.badges → badge 7",
				"insert badges 7: id >7", "associate badges 7.articles → article 10",
				"dissociate badges 7.articles → article 10",
			},
		},
		{
			name: "polymorphic",
			do: func(db *gorm.DB) error {
				p := Picture{ID: 3, OwnerID: num(1), OwnerType: text("other")}
				return firstError(
					db.Create(&Writer{ID: 1, Pictures: []Picture{{ID: 1}}}),
					db.Create(&Article{ID: 1, Pictures: []Picture{{ID: 2}}}),
					db.Create(&p), db.Model(&p).Update("owner_type", "writers"),
					db.Model(&p).Updates(map[string]any{"owner_type": "text"}), db.Delete(&p))
			},
			want: []string{
				"insert writers 1: id >1", "associate writers 1.pictures → picture 1",
				"associate writers 1.pictures → picture 3", "dissociate writers 1.pictures → picture 3",
				"insert articles 1: id >1", "associate articles 1.pictures → picture 2",
				"associate articles 1.pictures → picture 3", "dissociate articles 1.pictures → picture 3",
				"insert pictures 1: id >1 owner_id >1 owner_type >writers",
				"insert pictures 2: id >2 owner_id >1 owner_type >text",
				"insert pictures 3: id >3 owner_id >1 owner_type >other",
				"update pictures 3: owner_type other>writers",
				"update pictures 3: owner_type writers>text",
				"remove pictures 3: id 3> owner_id 1> owner_type text>",
			},
		},
		{
			name: "a relation that a tag leaves out",
			do: func(db *gorm.DB) error {
				return firstError(db.Create(&Article{ID: 1, Reviews: []Review{{ID: 4}}}))
			},
			want: []string{"insert articles 1: id >1", "insert reviews 4: article_id >1 id >4"},
		},
		{
			name: "declared under another name: told once",
			cfg: func(c *auditor.Config) {
				c.Relations = map[string]config.Relation{
					"writer.texts":  {Entity: "article", Column: "writer_id"},
					"article.marks": {Entity: "badge", Through: "article_badges"},
					"writer.photos": {
						Entity: "picture", Column: "owner_id", TypeColumn: "owner_type", TypeValue: "writers",
					},
				}
			},
			do: func(db *gorm.DB) error {
				return firstError(db.Create(&Writer{
					ID: 1, Articles: []Article{{ID: 2, Badges: []*Badge{{ID: 3}}}}, Pictures: []Picture{{ID: 4}},
				}))
			},
			want: []string{
				"insert writers 1: id >1", "associate writers 1.texts → article 2",
				"associate writers 1.photos → picture 4",
				"insert articles 2: id >2 writer_id >1", "associate articles 2.marks → badge 3",
				"insert badges 3: id >3", "associate badges 3. → article 2",
				"insert pictures 4: id >4 owner_id >1 owner_type >writers",
			},
		},
		{
			name: "operations of each end",
			cfg: func(c *auditor.Config) {
				c.Entities["writer"] = config.Entity{Table: "writers", Operations: []string{"associate"}}
				c.Entities["article"] = config.Entity{Table: "articles", Operations: []string{"dissociate"}}
				c.Entities["badge"] = config.Entity{Table: "badges", Operations: []string{"insert"}}
			},
			do: func(db *gorm.DB) error {
				a := Article{ID: 2, WriterID: num(1), Badges: []*Badge{{ID: 3}}}
				if err := firstError(db.Create(&Writer{ID: 1}), db.Create(&a)); err != nil {
					return err
				}
				if err := db.Model(&a).Association("Badges").Clear(); err != nil {
					return err
				}
				return db.Delete(&a).Error
			},
			want: []string{
				"associate writers 1.articles → article 2", "dissociate articles 2.badges → badge 3",
				"insert badges 3: id >3",
			},
		},
		{
			name: "an ignored column wins over what GORM says",
			cfg: func(c *auditor.Config) {
				c.Entities["article"] = config.Entity{Table: "articles", Ignore: []string{"writer_id"}}
				c.Entities["resume"] = config.Entity{Table: "resumes", Mask: []string{"writer_id"}}
				c.Entities["picture"] = config.Entity{Table: "pictures", Mask: []string{"owner_type"}}
			},
			do: func(db *gorm.DB) error {
				return firstError(db.Create(&Writer{
					ID: 1, Articles: []Article{{ID: 2}}, Resume: &Resume{ID: 3}, Pictures: []Picture{{ID: 4}},
				}))
			},
			want: []string{
				"insert writers 1: id >1", "insert articles 2: id >2", "insert resumes 3: id >3 writer_id >*",
				"insert pictures 4: id >4 owner_id >1 owner_type >*",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				cfg := entities(relatedEntities())
				if c.cfg != nil {
					c.cfg(&cfg)
				}
				w := newWorld(t, db, cfg, related()...)
				if err := c.do(w.db); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, w.lines(relatedTables()...)); d != "" {
					t.Errorf("stored (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Fickle has tags that contradict each other or say nothing known.
type Fickle struct {
	ID   int    `gorm:"autoIncrement:false"`
	Both string `annals:"mask,label"`
	Typo string `annals:"masked"`
	One  string `annals:"label"`
	Two  string `annals:"label"`
}

// Keyless hides its own key.
type Keyless struct {
	ID int `gorm:"autoIncrement:false" annals:"-"`
}

// Rules that cannot hold are faults that match ErrConfig, whoever wrote them, and
// nothing is written meanwhile.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  auditor.Config
		// value is written; nil where the tables alone tell.
		model, value any
		want         []string
	}{
		{
			name: "key left out", cfg: post(config.Entity{Only: []string{"title"}}),
			model: &Post{}, value: &Post{ID: 1}, want: []string{`key column "id" is ignored or masked`},
		},
		{
			name: "key masked", cfg: post(config.Entity{Mask: []string{"id"}}),
			model: &Post{}, value: &Post{ID: 1}, want: []string{`key column "id" is ignored or masked`},
		},
		{
			name: "unknown columns", cfg: post(config.Entity{Only: []string{"id", "tittle"}}),
			model: &Post{}, value: &Post{ID: 1}, want: []string{`no column "tittle"`},
		},
		{
			name:  "a column of * that is nowhere",
			cfg:   entities(map[string]config.Entity{"*": {Mask: []string{"pasword"}}}),
			model: &Post{}, want: []string{`entities.*.mask: no table that "*" stands for has a column "pasword"`},
		},
		{
			name: "tags", cfg: entities(map[string]config.Entity{"fickle": {Table: "fickles"}}),
			model: &Fickle{}, value: &Fickle{ID: 1},
			want: []string{
				"Fickle.Both: the tag annals has several rules", `Fickle.Typo: unknown rule "masked"`,
				"Fickle.Two: a second field is tagged as label",
			},
		},
		{
			name: "tag hides the key", cfg: entities(map[string]config.Entity{"keyless": {Table: "keylesses"}}),
			model: &Keyless{}, value: &Keyless{ID: 1}, want: []string{`key column "id" is ignored or masked`},
		},
		{
			name: "relation column of a join table that is an entity",
			cfg: auditor.Config{
				Entities: map[string]config.Entity{
					"article": {Table: "articles"}, "badge": {Table: "badges"},
					"link": {Table: "article_badges", Key: []string{"article_id"}, Ignore: []string{"badge_id"}},
				},
				Relations: map[string]config.Relation{
					"article.badges": {Entity: "badge", Through: "article_badges"},
				},
			},
			model: &Article{}, value: &Article{ID: 1, Badges: []*Badge{{ID: 2}}},
			want: []string{`relations.article.badges: column "badge_id" of table article_badges is ignored or masked`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				bare := open(t, db)
				if err := bare.AutoMigrate(c.model); err != nil {
					t.Fatal(err)
				}
				aud := newAuditor(t, db, c.cfg)
				g := open(t, db)
				if err := g.Use(gormcapture.New(aud)); err != nil {
					t.Fatal(err)
				}
				var err error
				if c.value != nil {
					err = g.Create(c.value).Error
				} else {
					_, err = aud.Entities(t.Context())
				}
				if !errors.Is(err, annals.ErrConfig) {
					t.Fatalf("err = %v", err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error does not say %q:\n%v", want, err)
					}
				}
				var n int64
				if err := bare.Model(c.model).Count(&n).Error; err != nil || n != 0 {
					t.Errorf("%d rows were written, %v", n, err)
				}
			})
		})
	}
}

// Models that are named at the start are checked at the start.
func TestTagFaultsAtTheStart(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		aud := newAuditor(t, db, entities(map[string]config.Entity{"fickle": {Table: "fickles"}}))
		err := open(t, db).Use(gormcapture.New(aud, gormcapture.Models(&Fickle{})))
		if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), "Fickle.Typo") {
			t.Errorf("err = %v", err)
		}
	})
}

// Which program wrote an entry cannot be seen from it: what the configuration
// says of a relation is told in the same bytes, whether models say more or not.
func TestConfiguredRelationsOweNothingToModels(t *testing.T) {
	cfg := entities(relatedEntities())
	delete(cfg.Entities, "article")
	cfg.Entities["quill"] = config.Entity{Table: "articles"}
	cfg.Relations = map[string]config.Relation{
		"writer.texts": {Entity: "quill", Column: "writer_id"},
		// By name the models' badge.articles comes before it.
		"quill.badges": {Entity: "badge", Through: "article_badges"},
	}
	type link struct {
		object, diffs string
		part          int64
	}
	links := func(w *world) (all []link) {
		for _, r := range w.stored("articles", "badges", "writers") {
			if r.typ == "associate" || r.typ == "dissociate" {
				all = append(all, link{r.table + " " + r.object, r.diffs, r.part})
			}
		}
		return all
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, cfg, related()...)
		ok(t, w.db.Create(&Article{ID: 10, Writer: &Writer{ID: 1}, Badges: []*Badge{{ID: 7}}}))
		met := links(w)
		for _, table := range []string{"article_badges", "articles", "badges", "writers"} {
			ok(t, open(t, db).Exec("DELETE FROM "+table))
			if table != "article_badges" {
				ok(t, open(t, db).Exec("DELETE FROM "+table+"_audit"))
			}
		}
		// Another program, with structs that know nothing of each other.
		type article struct {
			ID       int `gorm:"autoIncrement:false"`
			WriterID *int
		}
		type badge struct {
			ID int `gorm:"autoIncrement:false"`
		}
		type writer struct {
			ID int `gorm:"autoIncrement:false"`
		}
		type articleBadge struct {
			ArticleID, BadgeID int `gorm:"primaryKey"`
		}
		other := &world{tb: t, sql: db, db: open(t, db), aud: newAuditor(t, db, cfg)}
		if err := other.db.Use(gormcapture.New(other.aud)); err != nil {
			t.Fatal(err)
		}
		ok(t, other.db.Create(&writer{ID: 1}))
		ok(t, other.db.Create(&article{ID: 10, WriterID: num(1)}))
		ok(t, other.db.Create(&badge{ID: 7}))
		ok(t, other.db.Create(&articleBadge{ArticleID: 10, BadgeID: 7}))
		if d := cmp.Diff(links(other), met, cmp.AllowUnexported(link{})); d != "" {
			t.Errorf("with models (+) and without (-):\n%s", d)
		}
		owning := func(l link) bool {
			return strings.Contains(strings.ReplaceAll(l.diffs, " ", ""), `"is_owning_side":true`)
		}
		if len(met) != 3 || !owning(met[0]) || met[0].part != 1 || owning(met[1]) || met[1].part != 2 {
			t.Errorf("links %+v", met)
		}
	})
}

// What is linked is named by the label that its row had when it was linked, where
// the transaction has seen that row, and by none otherwise.
func TestLabelsOfLinks(t *testing.T) {
	type Tune struct {
		ID     int `gorm:"autoIncrement:false"`
		Name   string
		BandID *int
	}
	type Band struct {
		ID    int `gorm:"autoIncrement:false"`
		Name  string
		Tunes []Tune
	}
	cfg := entities(map[string]config.Entity{
		"band": {Table: "bands", Label: "name"}, "tune": {Table: "tunes", Label: "name"},
	})
	undone := errors.New("undone")
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, cfg, &Band{}, &Tune{})
		in := func(do func(tx *gorm.DB) error) {
			t.Helper()
			if err := w.db.Transaction(do); err != nil {
				t.Fatal(err)
			}
		}
		in(func(tx *gorm.DB) error {
			err := firstError(tx.Create(&Band{ID: 1, Name: "one", Tunes: []Tune{{ID: 1, Name: "la"}}}),
				tx.Model(&Band{ID: 1}).Update("name", "uno"))
			if err != nil {
				return err
			}
			return firstError(tx.Create(&Tune{ID: 2, Name: "lo", BandID: num(1)}),
				tx.Delete(&Tune{ID: 2}))
		})
		in(func(tx *gorm.DB) error { // not seen in this transaction
			return tx.Create(&Tune{ID: 3, Name: "lu", BandID: num(1)}).Error
		})
		in(func(tx *gorm.DB) error { // seen, and undone
			err := tx.Transaction(func(tx *gorm.DB) error {
				return firstError(tx.Model(&Band{ID: 1}).Update("name", "never"), &gorm.DB{Error: undone})
			})
			if !errors.Is(err, undone) {
				return err
			}
			return tx.Create(&Tune{ID: 4, Name: "li", BandID: num(1)}).Error
		})
		in(func(tx *gorm.DB) error { // seen, and changed by SQL of the program's own
			return firstError(tx.Model(&Band{ID: 1}).Update("name", "eins"),
				tx.Exec("UPDATE bands SET name = 'ein'"), tx.Create(&Tune{ID: 5, Name: "le", BandID: num(1)}))
		})
		var got []string
		for _, r := range w.stored("bands") {
			d, err := diff.Parse([]byte(r.diffs))
			if err != nil {
				t.Fatal(err)
			}
			if a := d.Association; a != nil {
				got = append(got, r.typ+" "+named(a.Subject)+" "+named(a.Target))
			}
		}
		want := []string{
			"associate one la", "associate uno lo", "dissociate uno lo", "associate - lu",
			"associate - li", "associate - le",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("labels (-want +got):\n%s", d)
		}
	})
}

func named(s diff.Subject) string {
	if s.Label == nil {
		return "-"
	}
	return *s.Label
}
