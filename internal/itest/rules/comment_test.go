package rules_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
)

var errStop = errors.New("stop")

// TestComment: the first captured write of a transaction reserves its context's
// comment, the commit uses it up, and whatever else ends it gives it back.
func TestComment(t *testing.T) {
	create := func(id int) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Create(&Post{ID: id}).Error }
	}
	for _, c := range []struct {
		name string
		// do runs with db, whose context has the comment "why".
		do   func(t *testing.T, w *world, db *gorm.DB) error
		want []string
	}{
		{
			name: "used up by the first commit",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				return errors.Join(create(1)(db), create(2)(db))
			},
			want: []string{"why", "-"},
		},
		{
			name: "one transaction, one comment",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error {
					return errors.Join(create(1)(tx), create(2)(tx))
				})
			},
			want: []string{"why"},
		},
		{
			name: "rollback frees",
			do: func(t *testing.T, _ *world, db *gorm.DB) error {
				err := db.Transaction(func(tx *gorm.DB) error { return errors.Join(create(1)(tx), errStop) })
				if !errors.Is(err, errStop) {
					t.Error(err)
				}
				return create(2)(db)
			},
			want: []string{"why"},
		},
		{
			name: "a failed statement frees",
			do: func(t *testing.T, _ *world, db *gorm.DB) error {
				if err := db.Model(&Post{ID: 1}).Update("nothing", 1).Error; err == nil {
					t.Error("no error")
				}
				return create(2)(db)
			},
			want: []string{"why"},
		},
		{
			name: "no captured write, no use",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				return errors.Join(
					db.Transaction(func(tx *gorm.DB) error { return tx.Find(&[]Post{}).Error }),
					db.Transaction(func(tx *gorm.DB) error {
						return tx.WithContext(annals.Off(tx.Statement.Context)).Create(&Post{ID: 1}).Error
					}),
					db.Model(&Post{ID: 1}).Update("title", "").Error, // as it was: no entry
					create(2)(db))
			},
			want: []string{"why"},
		},
		{
			name: "an entity that is off does not use it",
			do: func(_ *testing.T, w *world, db *gorm.DB) error {
				return errors.Join(w.aud.Disable("post"), create(1)(db), w.aud.Enable("post"), create(2)(db))
			},
			want: []string{"why"},
		},
		{
			name: "operations that are left out do not use it",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				return errors.Join(db.Create(&Member{ID: 1}).Error, create(2)(db))
			},
			want: []string{"why"},
		},
		{
			name: "a write that a savepoint undid",
			do: func(t *testing.T, _ *world, db *gorm.DB) error {
				err := db.Transaction(func(tx *gorm.DB) error {
					err := tx.Transaction(func(in *gorm.DB) error { return errors.Join(create(1)(in), errStop) })
					if !errors.Is(err, errStop) {
						t.Error(err)
					}
					return nil
				})
				return errors.Join(err, create(2)(db))
			},
			want: []string{"why"},
		},
		{
			name: "a savepoint undid the write of one comment, another takes its place",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				other := annals.WithComment(context.Background(), "other")
				err := db.Session(&gorm.Session{NewDB: true, Context: context.Background()}).Transaction(
					func(tx *gorm.DB) error {
						tx.SavePoint("a")
						err := create(1)(tx.WithContext(db.Statement.Context))
						tx.RollbackTo("a")
						return errors.Join(err, create(2)(tx.WithContext(other)))
					})
				return errors.Join(err, create(3)(db), create(4)(db.WithContext(other)))
			},
			want: []string{"other", "why", "-"},
		},
		{
			name: "nested transactions are one",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error {
					return errors.Join(create(1)(tx), tx.Transaction(create(2)), create(3)(tx))
				})
			},
			want: []string{"why"},
		},
		{
			name: "the second statement has the comment",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				err := db.Transaction(func(tx *gorm.DB) error {
					return errors.Join(create(1)(tx.WithContext(context.Background())), create(2)(tx))
				})
				return errors.Join(err, create(3)(db))
			},
			want: []string{"why", "-"},
		},
		{
			name: "the first of two comments holds, the other stays",
			do: func(_ *testing.T, _ *world, db *gorm.DB) error {
				other := annals.WithComment(context.Background(), "other")
				err := db.Transaction(func(tx *gorm.DB) error {
					return errors.Join(create(1)(tx), create(2)(tx.WithContext(other)))
				})
				return errors.Join(err, create(3)(db.WithContext(other)))
			},
			want: []string{"why", "other"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				w := newWorld(t, db, entities(map[string]config.Entity{
					"post": {Table: "posts"}, "member": {Table: "members", Operations: []string{"remove"}},
				}), &Post{}, &Member{})
				ctx := annals.WithComment(context.Background(), "why")
				if err := c.do(t, w, w.db.WithContext(ctx)); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, w.comments()); d != "" {
					t.Errorf("comments (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Two transactions with one context: the first to write has the comment, the
// second has it only once the first is rolled back.
func TestCommentOfTwoTransactionsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		rollback bool
		want     []string
	}{
		"the first commits":    {want: []string{"why", "-", "-"}},
		"the first rolls back": {rollback: true, want: []string{"-", "why"}},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				if db.Kind == "sqlite" {
					return // it has one writer at a time
				}
				w := newWorld(t, db, entities(map[string]config.Entity{"post": {Table: "posts"}}), &Post{})
				g := w.db.WithContext(annals.WithComment(context.Background(), "why"))
				first, second := g.Begin(), g.Begin()
				ok(t, first.Create(&Post{ID: 1}))
				ok(t, second.Create(&Post{ID: 2}))
				if c.rollback {
					ok(t, second.Commit())
					ok(t, first.Rollback())
				} else {
					ok(t, first.Commit())
					ok(t, second.Commit())
				}
				ok(t, g.Create(&Post{ID: 3}))
				if d := cmp.Diff(c.want, w.comments()); d != "" {
					t.Errorf("comments (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Config.Actor is asked once a transaction, and only where nobody is named.
func TestActorIsAskedOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		asked := 0
		cfg := post(config.Entity{})
		cfg.Actor = func(context.Context) (annals.Actor, error) {
			asked++
			return annals.Actor{ID: "job"}, nil
		}
		w := newWorld(t, db, cfg, &Post{})
		named := annals.WithActor(context.Background(), annals.Actor{ID: "ann"})
		for _, c := range []struct {
			name string
			do   func(tx *gorm.DB) error
			want int
		}{
			{"three statements", func(tx *gorm.DB) error {
				return firstError(tx.Create(&Post{ID: 1}), tx.Create(&Post{ID: 2}), tx.Delete(&Post{ID: 1}))
			}, 1},
			{"nothing captured", func(tx *gorm.DB) error { return tx.Find(&[]Post{}).Error }, 0},
			{"named", func(tx *gorm.DB) error {
				return tx.WithContext(named).Create(&Post{ID: 3}).Error
			}, 0},
			{"undone by a savepoint and written again", func(tx *gorm.DB) error {
				tx.SavePoint("a")
				err := tx.Create(&Post{ID: 4}).Error
				tx.RollbackTo("a")
				return errors.Join(err, tx.Create(&Post{ID: 5}).Error)
			}, 1},
		} {
			asked = 0
			if err := w.db.Transaction(c.do); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if asked != c.want {
				t.Errorf("%s: asked %d times, want %d", c.name, asked, c.want)
			}
		}
		var blamed []string
		for _, r := range w.stored("posts") {
			blamed = append(blamed, r.typ+" "+r.object+" "+r.blame)
		}
		want := []string{"insert 1 job", "insert 2 job", "remove 1 job", "insert 3 ann", "insert 5 job"}
		if d := cmp.Diff(want, blamed); d != "" {
			t.Errorf("blamed (-want +got):\n%s", d)
		}
	})
}

// An actor function that fails or panics fails the write, and nothing is left.
func TestActorFails(t *testing.T) {
	for name, actor := range map[string]func(context.Context) (annals.Actor, error){
		"error": func(context.Context) (annals.Actor, error) { return annals.Actor{}, errStop },
		"panic": func(context.Context) (annals.Actor, error) { panic(errStop) },
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				cfg := post(config.Entity{})
				cfg.Actor = actor
				w := newWorld(t, db, cfg, &Post{})
				err := w.db.Create(&Post{ID: 1}).Error
				if !errors.Is(err, annals.ErrCapture) || !errors.Is(err, errStop) {
					t.Errorf("err = %v", err)
				}
				if n := w.count("posts") + w.count("posts_audit") + w.count("annals_revision"); n != 0 {
					t.Errorf("%d rows are left", n)
				}
			})
		})
	}
}
