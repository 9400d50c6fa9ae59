package gorm_test

import (
	"context"
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestGenerics: the generic API says what it changes by clauses, and its
// association operations are sub-queries.
func TestGenerics(t *testing.T) {
	family := []any{
		&Author{ID: 1, Name: "a", Posts: []Post{{ID: 1, Title: "p"}, {ID: 2, Title: "q"}}},
		&Author{ID: 2, Name: "b", Posts: []Post{{ID: 3, Title: "r"}}},
	}
	for name, cfg := range rawConfigs() {
		t.Run(name, func(t *testing.T) {
			scenes := append(genericScenes(family), genericTags()...)
			if cfg.SkipDefaultTransaction {
				scenes[0].revisions++ // GORM's batches have no transaction then
			}
			play(t, cfg, scenes)
		})
	}
}

func genericScenes(family []any) []scene {
	posts := func(db *gorm.DB, op clause.Association) any {
		op.Association = "Posts"
		n, err := gorm.G[Author](db).Where("id = ?", 1).Set(op).Update(db.Statement.Context)
		return seeErr(err, n)
	}
	return []scene{
		{
			name: "Create, CreateInBatches and Set with Create",
			do: func(db *gorm.DB) any {
				ctx := db.Statement.Context
				one, many := Doc{ID: "a"}, []Doc{{ID: "b"}, {ID: "c"}, {ID: "d"}}
				return []saw{
					seeErr(gorm.G[Doc](db).Create(ctx, &one), one),
					seeErr(gorm.G[Doc](db).CreateInBatches(ctx, &many, 2), many),
					seeErr(gorm.G[Doc](db).Set(clause.Assignment{
						Column: clause.Column{Name: "id"}, Value: "e",
					}).Create(ctx)),
				}
			},
			want: []string{
				`insert doc a: body=> id=>a size=>7`, `insert doc b: body=> id=>b size=>7`,
				`insert doc c: body=> id=>c size=>7`, `insert doc d: body=> id=>d size=>7`,
				`insert doc e: id=>e size=>7`,
			},
			revisions: 3,
		},
		{
			name: "Update, Updates with a value, Set with assignments, Delete", seed: twoRows(),
			do: func(db *gorm.DB) any {
				ctx, all := db.Statement.Context, gorm.G[Doc](db).Where("size < ?", 9)
				var seen []saw
				add := func(n int, err error) { seen = append(seen, seeErr(err, n)) }
				add(all.Update(ctx, "body", "y"))
				add(gorm.G[Doc](db).Where("id = ?", "a").Updates(ctx, Doc{Body: "z", Size: 4}))
				add(all.Set(clause.Assignment{
					Column: clause.Column{Name: "size"}, Value: gorm.Expr("size + 1"),
				}).Update(ctx))
				add(gorm.G[Doc](db).Where("id = ?", "nobody").Update(ctx, "body", "y"))
				add(gorm.G[Doc](db).Where("id = ?", "b").Delete(ctx))
				add(gorm.G[Doc](db).Delete(ctx))
				return seen
			},
			want: []string{
				`update doc a: body=x>y`, `update doc b: body=x>y`, `update doc a: body=y>z size=1>4`,
				`update doc a: size=4>5`, `update doc b: size=2>3`, `remove doc b: body=y> id=b> size=3>`,
			},
			loose: true, revisions: 4,
		},
		{
			name: "children updated by association", seed: family,
			do: func(db *gorm.DB) any {
				return posts(db, clause.Association{Type: clause.OpUpdate, Set: []clause.Assignment{
					{Column: clause.Column{Name: "views"}, Value: 5},
				}})
			},
			want:  []string{`update post 1: views=0>5`, `update post 2: views=0>5`},
			loose: true,
		},
		{
			name: "children unlinked by association", seed: family,
			do: func(db *gorm.DB) any { return posts(db, clause.Association{Type: clause.OpUnlink}) },
			want: []string{
				`update post 1: author_id=1>`, `dissociate author 1.posts post 1`,
				`update post 2: author_id=1>`, `dissociate author 1.posts post 2`,
			},
			loose: true,
		},
		{
			name: "children deleted by association, with a condition", seed: family,
			do: func(db *gorm.DB) any {
				return posts(db, clause.Association{
					Type: clause.OpDelete, Conditions: []clause.Expression{clause.Eq{Column: "title", Value: "q"}},
				})
			},
			want: []string{
				`remove post 2: author_id=1> id=2> secret=***> title=q> views=0>`,
				`dissociate author 1.posts post 2`,
			},
		},
		{
			name: "child created by association", seed: family,
			do: func(db *gorm.DB) any {
				return posts(db, clause.Association{
					Type: clause.OpCreate, Values: []any{&Post{ID: 9, Title: "n"}},
				})
			},
			want: []string{
				`insert post 9: author_id=>1 id=>9 secret=>*** title=>n views=>0`,
				`associate author 1.posts post 9`,
			},
		},
	}
}

func genericTags() []scene {
	seed := []any{
		&Post{ID: 1, Title: "p", Tags: []*Tag{{ID: 1, Name: "x"}, {ID: 2, Name: "y"}}},
		&Post{ID: 2, Title: "q"},
	}
	tags := func(db *gorm.DB, op clause.Association) any {
		op.Association = "Tags"
		n, err := gorm.G[Post](db).Where("id = ?", 1).Set(op).Update(db.Statement.Context)
		return seeErr(err, n)
	}
	return []scene{
		{
			name: "links cut by association", seed: seed,
			do: func(db *gorm.DB) any {
				return tags(db, clause.Association{
					Type: clause.OpUnlink, Conditions: []clause.Expression{clause.Eq{Column: "name", Value: "y"}},
				})
			},
			want: []string{`dissociate post 1.tags tag 2 owning`, `dissociate tag 2.posts post 1`},
		},
		{
			name: "linked objects updated by association", seed: seed,
			do: func(db *gorm.DB) any {
				return tags(db, clause.Association{
					Type: clause.OpUpdate,
					Set:  []clause.Assignment{{Column: clause.Column{Name: "name"}, Value: gorm.Expr("upper(name)")}},
				})
			},
			want:  []string{`update tag 1: name=x>X`, `update tag 2: name=y>Y`},
			loose: true,
		},
		{
			name: "links made by association", seed: append(seed, &Tag{ID: 3, Name: "z"}),
			do: func(db *gorm.DB) any {
				return tags(db, clause.Association{
					Type: clause.OpCreate, Values: []any{&Tag{ID: 3, Name: "z"}, &Tag{ID: 1, Name: "x"}},
				})
			},
			want: []string{`associate post 1.tags tag 3 owning`, `associate tag 3.posts post 1`},
		},
	}
}

// TestDatabaseValues: what the program holds is not what the row has.
func TestDatabaseValues(t *testing.T) {
	play(t, gorm.Config{}, []scene{
		{
			name: "serializers, expressions, generated columns, names and permissions",
			do: func(db *gorm.DB) any {
				g := Gadget{Name: "abc", Options: map[string]int{"b": 1}, Size: 3, Serial: "s", Shown: "w"}
				one := see(db.Create(&g), g)
				two := see(db.Model(&g).Updates(Gadget{
					Name: "xyz", Options: map[string]int{"c": 2}, Size: 4, Twice: 99, Serial: "t",
				}), g)
				return []saw{one, two, see(db.Model(&g).Update("serial", "u"))}
			},
			want: []string{
				`insert gadget 1: changes=>0 id=>1 name=>ABC options=>{"b":1} serial=>s shown_as=>w ` +
					`size=>3 twice=>6 version=>0`,
				`update gadget 1: name=ABC>XYZ options={"b":1}>{"c":2} size=3>4 twice=6>8`,
			},
			revisions: 2,
		},
		{
			name: "winner and loser of an optimistic lock",
			seed: []any{&Gadget{ID: 1, Name: "a", Size: 1}},
			do: func(db *gorm.DB) any {
				change := func() saw {
					return see(db.Model(&Gadget{}).Where("id = ? AND version = ?", 1, 0).
						Updates(map[string]any{"size": 2, "version": gorm.Expr("version + 1")}))
				}
				return []saw{change(), change()}
			},
			want: []string{`update gadget 1: size=1>2 twice=2>4 version=0>1`},
		},
		{
			name: "FirstOrInit and Save, found and not",
			seed: []any{&Doc{ID: "a", Body: "x"}},
			do: func(db *gorm.DB) any {
				var a, b Doc
				db.Where(Doc{ID: "a"}).FirstOrInit(&a)
				a.Body = "y"
				db.Where(Doc{ID: "b"}).Attrs(Doc{Body: "n", Size: 1}).FirstOrInit(&b)
				return []saw{see(db.Save(&a), a), see(db.Save(&b), b)}
			},
			want:      []string{`update doc a: body=x>y`, `insert doc b: body=>n id=>b size=>1`},
			revisions: 2,
		},
		{
			name: "a deleted child that a loaded parent brings back",
			seed: []any{&Author{ID: 1, Name: "a", Posts: []Post{{ID: 1, Title: "p"}, {ID: 2, Title: "q"}}}},
			do: func(db *gorm.DB) any {
				var a Author
				db.Preload("Posts").First(&a)
				one := see(db.Delete(&Post{ID: 2}))
				a.Name = "n"
				return []saw{one, see(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&a))}
			},
			want: []string{
				`remove post 2: author_id=1> id=2> secret=***> title=q> views=0>`,
				`dissociate author 1.posts post 2`, `update author 1: name=a>n`,
				`insert post 2: author_id=>1 id=>2 secret=>*** title=>q views=>0`,
				`associate author 1.posts post 2`,
			},
			revisions: 2,
		},
		{
			name: "dry runs of every kind", seed: twoRows(),
			do: func(db *gorm.DB) any {
				dry := db.Session(&gorm.Session{DryRun: true})
				return []string{
					dry.Model(&Doc{}).Where("id = ?", "a").Update("body", "y").Statement.SQL.String(),
					dry.Delete(&Doc{ID: "a"}).Statement.SQL.String(), dry.Save(&Doc{ID: "a"}).Statement.SQL.String(),
					db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Doc{ID: "a"}) }),
				}
			},
		},
		{
			name: "a join table of the program's own",
			seed: []any{&Member{ID: 1, Name: "m"}, &Club{ID: 1, Name: "c"}, &Club{ID: 2, Name: "d"}},
			do: func(db *gorm.DB) any {
				m := Member{ID: 1}
				one := seeErr(db.Model(&m).Association("Clubs").Append(&Club{ID: 1}, &Club{ID: 2}))
				two := see(db.Model(&Membership{}).Where("club_id = ?", 2).Update("since", 1999))
				three := seeErr(db.Model(&m).Association("Clubs").Delete(&Club{ID: 2}))
				return []saw{one, two, three}
			},
			want: []string{
				`associate member 1.clubs club 1 owning`, `associate member 1.clubs club 2 owning`,
				`associate club 1 member 1`, `associate club 2 member 1`,
				`insert membership [1,1]: club_id=>1 member_id=>1 since=>2020`,
				`insert membership [1,2]: club_id=>2 member_id=>1 since=>2020`,
				`update membership [1,2]: since=2020>1999`,
				`remove membership [1,2]: club_id=2> member_id=1> since=1999>`,
				`dissociate member 1.clubs club 2 owning`, `dissociate club 2 member 1`,
			},
			loose: true, revisions: 3,
		},
	})
}

// TestJoinedTwice: an update of several tables at once is refused where one of
// them is audited, and nothing is written.
func TestJoinedTwice(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect != dialect.MySQLName {
			return // the others update one table by one statement
		}
		w := newWorld(t, db, true, gorm.Config{})
		w.fill([]any{&Author{ID: 1, Name: "a", Posts: []Post{{ID: 1, Title: "p"}}}, &Bare{ID: 1}})
		both := w.db.Table("posts p JOIN authors a ON a.id = p.author_id").Where("true").
			Updates(map[string]any{"p.views": 1, "a.name": "n"})
		if !errors.Is(both.Error, annals.ErrCapture) {
			t.Errorf("error %v", both.Error)
		}
		other := w.db.Table("bares b JOIN authors a ON a.id = b.id").Where("true").
			Updates(map[string]any{"b.name": "n"})
		if other.Error != nil || other.RowsAffected != 1 {
			t.Errorf("%d rows, error %v", other.RowsAffected, other.Error)
		}
		if got := w.stored(); len(got) != 0 {
			t.Errorf("story %q", story(t, got))
		}
		var n int64
		if w.db.Model(&Author{}).Where("name = 'n'").Count(&n); n != 0 {
			t.Error("the refused update is there")
		}
	})
}

// TestTriggers: what a trigger of the database makes of a row is in its entry.
func TestTriggers(t *testing.T) {
	t.Parallel()
	eachPair(t, gorm.Config{}, func(t *testing.T, audited, bare *world) {
		for _, w := range []*world{audited, bare} {
			w.exec(map[string][]string{
				dialect.PostgresName: {
					`CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS
					$$ BEGIN NEW.changes := NEW.changes + 1; RETURN NEW; END $$`,
					`CREATE TRIGGER t BEFORE INSERT OR UPDATE ON gadgets FOR EACH ROW
					EXECUTE FUNCTION count_changes()`,
				},
				dialect.MySQLName: {
					`CREATE TRIGGER t1 BEFORE INSERT ON gadgets FOR EACH ROW SET NEW.changes = NEW.changes + 1`,
					`CREATE TRIGGER t2 BEFORE UPDATE ON gadgets FOR EACH ROW SET NEW.changes = NEW.changes + 1`,
				},
				dialect.SQLiteName: {
					`CREATE TRIGGER t1 AFTER INSERT ON gadgets BEGIN
					UPDATE gadgets SET changes = changes + 1 WHERE id = NEW.id; END`,
					`CREATE TRIGGER t2 AFTER UPDATE OF size ON gadgets BEGIN
					UPDATE gadgets SET changes = changes + 1 WHERE id = NEW.id; END`,
				},
			}[w.sql.Dialect]...)
		}
		s := scene{
			name: "column trigger",
			do: func(db *gorm.DB) any {
				g := Gadget{Name: "a"}
				db.Create(&g)
				return see(db.Model(&g).Update("size", 2))
			},
			want: []string{
				`insert gadget 1: changes=>1 id=>1 name=>A serial=> shown_as=> size=>0 ` +
					`twice=>0 version=>0`,
				`update gadget 1: changes=1>2 size=0>2 twice=0>4`,
			},
			revisions: 2,
		}
		s.play(t, audited, bare)
	})
}

// TestSoftDeleteKinds: other ways than GORM's own to delete softly.
func TestSoftDeleteKinds(t *testing.T) {
	play(t, gorm.Config{}, []scene{
		{
			name: "flag: deleted, again, restored, purged",
			seed: []any{&Flagged{ID: 1, Name: "a"}, &Flagged{ID: 2, Name: "b"}},
			do: func(db *gorm.DB) any {
				return []saw{
					see(db.Delete(&Flagged{ID: 1})), see(db.Delete(&Flagged{ID: 1})),
					see(db.Model(&Flagged{}).Where("id = ?", 1).Update("name", "n")),
					see(db.Unscoped().Model(&Flagged{}).Where("id = ?", 1).Update("gone", 0)),
					see(db.Where("name = ?", "b").Delete(&Flagged{})),
					see(db.Unscoped().Delete(&Flagged{ID: 2})),
				}
			},
			want: []string{
				`remove flagged 1 soft: gone=0>1`, `insert flagged 1 soft: gone=1>0`,
				`remove flagged 2 soft: gone=0>1`, `remove flagged 2: gone=1> id=2> name=b>`,
			},
			revisions: 4,
		},
		{
			name: "milliseconds", seed: []any{&Stamped{ID: 1, Name: "a"}},
			do: func(db *gorm.DB) any {
				one := see(db.Delete(&Stamped{ID: 1}))
				// What the clock said is not what this is about.
				two := see(db.Unscoped().Model(&Stamped{}).Where("id = 1").Update("gone", 0))
				return []saw{one, two, see(db.Unscoped().Delete(&Stamped{ID: 1}))}
			},
			want: []string{
				`remove stamped 1 soft: gone=0>N`, `insert stamped 1 soft: gone=N>0`,
				`remove stamped 1: gone=0> id=1> name=a>`,
			},
			revisions: 3,
		},
		{
			name: "flag with an instant beside it", seed: []any{&Mixed{ID: 1, Name: "a"}},
			do:   func(db *gorm.DB) any { return see(db.Delete(&Mixed{ID: 1})) },
			want: []string{`remove mixed 1 soft: deleted_at=>T gone=0>1`},
		},
	})
}

// TestJoinedUpdate: rows are found by the tables that the statement is joined
// with.
func TestJoinedUpdate(t *testing.T) {
	seed := []any{
		&Author{ID: 1, Name: "a", Posts: []Post{{ID: 1, Title: "p"}, {ID: 2, Title: "q"}}},
		&Author{ID: 2, Name: "b", Posts: []Post{{ID: 3, Title: "r"}}},
	}
	join := func(db *gorm.DB) *gorm.DB {
		if db.Name() == "mysql" {
			return db.Table("posts JOIN authors ON authors.id = posts.author_id").
				Where("authors.name = ?", "a")
		}
		return db.Model(&Post{}).Clauses(clause.From{Tables: []clause.Table{{Name: "authors"}}}).
			Where("authors.id = posts.author_id AND authors.name = ?", "a")
	}
	play(t, gorm.Config{}, []scene{
		{
			name: "a value", seed: seed,
			do: func(db *gorm.DB) any {
				return see(join(db).Update("views", 7))
			},
			want: []string{`update post 1: views=0>7`, `update post 2: views=0>7`}, loose: true,
		},
		{
			name: "a column of the other table", seed: seed,
			do: func(db *gorm.DB) any {
				if db.Name() != "mysql" {
					return nil
				}
				other := db.Table("posts p JOIN authors a ON a.id = p.author_id AND p.title = ?", "q")
				return see(other.Where("true").Update("a.name", "n"))
			},
			on: map[string][]string{dialect.MySQLName: {`update author 1: name=a>n`}},
		},
		{
			name: "a column with its table, the key", seed: []any{&Doc{ID: "a"}},
			do: func(db *gorm.DB) any {
				if db.Name() != "mysql" {
					return nil
				}
				return see(db.Model(&Doc{}).Where("id = ?", "a").Update("docs.id", "z"))
			},
			on: map[string][]string{dialect.MySQLName: {`update doc z<-a: id=a>z`}},
		},
		{
			name: "a value of the other table", seed: seed,
			do: func(db *gorm.DB) any {
				return see(join(db).Update("title", gorm.Expr("authors.name")))
			},
			want: []string{`update post 1: title=p>a`, `update post 2: title=q>a`}, loose: true,
		},
		{
			name: "order and limit of a delete, where the database has them", seed: seed,
			do: func(db *gorm.DB) any {
				if db.Name() != "mysql" {
					return nil
				}
				return see(db.Where("id > 0").Order("id DESC").Limit(1).Delete(&Post{}))
			},
			on: map[string][]string{dialect.MySQLName: {
				`remove post 3: author_id=2> id=3> secret=***> title=r> views=0>`,
				`dissociate author 2.posts post 3`,
			}},
		},
		{
			name: "another name for the table", seed: seed,
			do: func(db *gorm.DB) any {
				return see(db.WithContext(context.WithoutCancel(db.Statement.Context)).
					Table("posts AS p").Where("p.id = ?", 3).Update("title", "n"))
			},
			want: []string{`update post 3: title=r>n`},
		},
	})
}
