package gorm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// rawConfigs are the ways that GORM has of handling connections.
func rawConfigs() map[string]gorm.Config {
	return map[string]gorm.Config{
		"plain": {}, "prepared": {PrepareStmt: true}, "skip": {SkipDefaultTransaction: true},
	}
}

// TestRawObserved: raw SQL that writes to audited tables gives an entry that
// tells its text, through whichever call it comes.
func TestRawObserved(t *testing.T) {
	for name, cfg := range rawConfigs() {
		t.Run(name, func(t *testing.T) {
			scenes := append(rawCalls(), rawTexts()...)
			for i := range scenes {
				scenes[i].blind = true
			}
			play(t, cfg, scenes)
		})
	}
}

func twoRows() []any {
	return []any{&Doc{ID: "a", Body: "x", Size: 1}, &Doc{ID: "b", Body: "x", Size: 2}}
}

const twoDocs = `statement doc * update 2: UPDATE docs SET body = ? WHERE size < ?`

func rawCalls() []scene {
	const update = "UPDATE docs SET body = ? WHERE size < 7"
	return []scene{
		{
			name: "Exec", seed: twoRows(),
			do:   func(db *gorm.DB) any { return see(db.Exec(update, "secret")) },
			want: []string{twoDocs},
		},
		{
			name: "Exec with named arguments and literals", seed: twoRows(),
			do: func(db *gorm.DB) any {
				return see(db.Exec("UPDATE docs SET body = 'secret' /* secret */ WHERE size<@n",
					map[string]any{"n": 7}))
			},
			want: []string{"statement doc * update 2: UPDATE docs SET body = ? WHERE size<?"},
		},
		{
			name: "Exec that changes no row", seed: twoRows(),
			do: func(db *gorm.DB) any { return see(db.Exec("UPDATE docs SET body = 'y' WHERE size > 7")) },
		},
		{
			name: "Exec that fails", seed: twoRows(),
			do: func(db *gorm.DB) any {
				return db.Exec("INSERT INTO docs (id, body) VALUES ('a', 'y')").Error != nil
			},
		},
		{
			name: "Exec of what is not audited, and of what is not there",
			do: func(db *gorm.DB) any {
				one := see(db.Exec("INSERT INTO bares (id, name) VALUES (1, 'x')"))
				return []any{one, db.Exec("DELETE FROM nowhere").Error != nil}
			},
		},
		{
			name: "Exec in a transaction with other changes", seed: twoRows(),
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "c"})
					tx.Exec(update, "y")
					return tx.Delete(&Doc{ID: "c"}).Error
				}))
			},
			want: []string{
				"insert doc c: body=> id=>c size=>7", twoDocs, "remove doc c: body=> id=c> size=7>",
			},
		},
		{
			name: "Exec undone by a savepoint, and by a rollback", seed: twoRows(),
			do: func(db *gorm.DB) any {
				one := db.Transaction(func(tx *gorm.DB) error {
					_ = tx.Transaction(func(tx *gorm.DB) error {
						tx.Exec(update, "y")
						return errStop
					})
					return tx.Exec("DELETE FROM docs WHERE id = ?", "a").Error
				})
				two := db.Transaction(func(tx *gorm.DB) error {
					tx.Exec(update, "y")
					return errStop
				})
				return []saw{seeErr(one), seeErr(two)}
			},
			want: []string{"statement doc * delete 1: DELETE FROM docs WHERE id = ?"},
		},
		{
			name: "Raw with Scan, Row, Rows, Find, Pluck and Delete", seed: twoRows(),
			do: func(db *gorm.DB) any {
				var seen []any
				if db.Name() == "mysql" {
					return seen // has no RETURNING for these
				}
				const q = "UPDATE docs SET size = size + 1 WHERE id = ? RETURNING size"
				var n, m int
				var all []int
				var found Doc
				seen = append(seen, see(db.Raw(q, "a").Scan(&n), n))
				seen = append(seen, seeErr(db.Raw(q, "a").Row().Scan(&m), m))
				rows, err := db.Raw(q, "a").Rows()
				for err == nil && rows.Next() {
					err = rows.Scan(&n)
				}
				seen = append(seen, seeErr(err, n, rows.Err(), rows.Close()))
				seen = append(seen, see(db.Raw(q, "a").Find(&found), found))
				seen = append(seen, see(db.Raw(q, "a").Pluck("size", &all), all))
				seen = append(seen, see(db.Raw("DELETE FROM docs WHERE id = ?", "b").
					Where("true").Delete(&Doc{})))
				return append(seen, seeErr(db.Raw(q, "nobody").Row().Scan(&m)))
			},
			want: append(repeated(5, "statement doc * update 1: UPDATE docs SET size = size + ? "+
				"WHERE id = ? RETURNING size"), "statement doc * delete 1: DELETE FROM docs WHERE id = ?"),
			on:        map[string][]string{dialect.MySQLName: nil},
			revisions: 6,
		},
		{
			name: "the generic API", seed: twoRows(),
			do: func(db *gorm.DB) any {
				ctx := db.Statement.Context
				one := gorm.G[Doc](db).Exec(ctx, update, "y")
				found, two := gorm.G[Doc](db).Raw("SELECT * FROM docs ORDER BY id").Find(ctx)
				return []saw{seeErr(one), seeErr(two, found)}
			},
			want: []string{twoDocs},
		},
		{
			name: "reads and a dry run", seed: twoRows(),
			do: func(db *gorm.DB) any {
				var n int
				var found []Doc
				one := see(db.Raw("SELECT count(*) FROM docs WHERE body <> 'DELETE FROM docs'").Scan(&n), n)
				two := see(db.Raw("WITH x AS (SELECT 1) SELECT * FROM docs ORDER BY id").Find(&found), found)
				db.Session(&gorm.Session{DryRun: true}).Exec("DELETE FROM docs")
				text := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Exec("DELETE FROM docs") })
				return []any{one, two, text}
			},
		},
		{
			name: "switched off", seed: twoRows(),
			do: func(db *gorm.DB) any {
				return see(db.WithContext(annals.Off(context.Background())).Exec(update, "y"))
			},
		},
		{
			name: "one connection, and a foreign transaction", seed: twoRows(),
			do: func(db *gorm.DB) any {
				return seeErr(db.Connection(func(c *gorm.DB) error {
					if err := c.Exec(update, "y").Error; err != nil {
						return err
					}
					return c.Transaction(func(tx *gorm.DB) error { return tx.Exec(update, "z").Error })
				}))
			},
			want: []string{twoDocs, twoDocs}, revisions: 2,
		},
	}
}

func repeated(n int, s string) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}

func truncating(db *gorm.DB) error {
	return db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Tag{Name: "x"})
		tx.Exec("TRUNCATE docs")
		return tx.Create(&Doc{ID: "a"}).Error
	})
}

func truncated() []string {
	return []string{
		"insert tag 1: id=>1 name=>x", "truncate doc * truncate ?: TRUNCATE docs",
		"insert doc a: body=> id=>a size=>7",
	}
}

func rawTexts() []scene {
	return []scene{
		{
			name: "behind a WITH", seed: twoRows(),
			do: func(db *gorm.DB) any {
				const with = "WITH x AS (SELECT 'a' AS id) "
				switch db.Name() {
				case "mysql":
					return nil // MariaDB knows it for SELECT only
				case "postgres":
					return see(db.Exec("WITH x AS (DELETE FROM docs WHERE id = 'a' RETURNING id) " +
						"SELECT id FROM x"))
				}
				return see(db.Exec(with + "DELETE FROM docs WHERE id IN (SELECT id FROM x)"))
			},
			on: map[string][]string{
				dialect.MySQLName: nil,
				dialect.PostgresName: {"statement doc * delete ?: WITH x AS (DELETE FROM docs WHERE " +
					"id = ? RETURNING id) SELECT id FROM x"},
				dialect.SQLiteName: {"statement doc * delete 1: WITH x AS (SELECT ? AS id) DELETE FROM " +
					"docs WHERE id IN (SELECT id FROM x)"},
			},
		},
		{
			name: "TRUNCATE", seed: twoRows(),
			do: func(db *gorm.DB) any {
				if db.Name() == "sqlite" {
					return nil
				}
				return see(db.Exec("TRUNCATE TABLE docs"))
			},
			want: []string{"truncate doc * truncate ?: TRUNCATE TABLE docs"},
			on:   map[string][]string{dialect.SQLiteName: nil},
		},
		{
			name: "TRUNCATE in a transaction, with changes before and behind", seed: twoRows(),
			do: func(db *gorm.DB) any {
				if db.Name() != "postgres" {
					return nil
				}
				return seeErr(truncating(db))
			},
			on: map[string][]string{dialect.PostgresName: truncated()},
		},
		{
			name: "TRUNCATE where that ends the transaction", seed: twoRows(),
			do: func(db *gorm.DB) any {
				if db.Name() != "mysql" {
					return nil
				}
				return seeErr(truncating(db))
			},
			on:        map[string][]string{dialect.MySQLName: truncated()},
			revisions: 3,
		},
		{
			name: "TRUNCATE CASCADE",
			do: func(db *gorm.DB) any {
				if db.Name() != "postgres" {
					return nil
				}
				return see(db.Exec("TRUNCATE regions CASCADE"))
			},
			on: map[string][]string{dialect.PostgresName: {
				"truncate branch * cascade truncate ?: TRUNCATE regions CASCADE",
				"truncate desk * cascade truncate ?: TRUNCATE regions CASCADE",
			}},
			loose: true,
		},
		{
			name: "a join table: both ends", seed: []any{&Post{ID: 1}, &Tag{ID: 1, Name: "x"}},
			do: func(db *gorm.DB) any {
				return see(db.Exec("INSERT INTO post_tags (post_id, tag_id) VALUES (1, 1)"))
			},
			want: []string{
				"statement post * insert 1: INSERT INTO post_tags (post_id, tag_id) VALUES (?, ?)",
				"statement tag * insert 1: INSERT INTO post_tags (post_id, tag_id) VALUES (?, ?)",
			},
			loose: true,
		},
		{
			name: "other spellings of the table", seed: twoRows(),
			do: func(db *gorm.DB) any {
				name := map[string]string{
					"postgres": `public."docs"`, "sqlite": `main.[DOCS]`, "mysql": "`docs`",
				}[db.Name()]
				return see(db.Exec("delete from " + name + " where id = 'a'"))
			},
			on: map[string][]string{
				dialect.PostgresName: {`statement doc * delete 1: delete from public."docs" where id = ?`},
				dialect.SQLiteName:   {`statement doc * delete 1: delete from main.[DOCS] where id = ?`},
				dialect.MySQLName:    {"statement doc * delete 1: delete from `docs` where id = ?"},
			},
		},
		{
			name: "strings in double quotes", seed: twoRows(),
			do: func(db *gorm.DB) any {
				if db.Name() == "postgres" {
					return nil
				}
				return see(db.Exec(`UPDATE docs SET body = "secret" WHERE id = "a"`))
			},
			on: map[string][]string{
				dialect.PostgresName: nil,
				dialect.SQLiteName:   {"statement doc * update 1: UPDATE docs SET body = ? WHERE id = ?"},
				dialect.MySQLName:    {"statement doc * update 1: UPDATE docs SET body = ? WHERE id = ?"},
			},
		},
	}
}

// TestRawSeveral: a text of several statements is judged statement by statement.
func TestRawSeveral(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect != dialect.SQLiteName {
			return // their drivers take one statement at a time
		}
		w := newWorld(t, db, true, gorm.Config{})
		w.fill(twoRows())
		if err := w.db.Exec("UPDATE docs SET body = 'y'; DELETE FROM bares; DELETE FROM docs").Error; err != nil {
			t.Fatal(err)
		}
		got := strings.Join(story(t, w.stored()), "\n")
		const want = "statement doc * update ?: UPDATE docs SET body = ?\n" +
			"statement doc * delete ?: DELETE FROM docs"
		if got != want {
			t.Errorf("story\n%s\nwant\n%s", got, want)
		}
		err := w.db.Transaction(func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO docs (id) VALUES ('c'); COMMIT").Error
		})
		if !errors.Is(err, annals.ErrRawSQL) || w.count("docs") != 0 {
			t.Errorf("error %v, %d rows", err, w.count("docs"))
		}
	})
}

// TestRawRefused: with raw: refuse nothing is written, whichever call it comes
// through, and everything else works.
func TestRawRefused(t *testing.T) {
	t.Parallel()
	refuse := func(c *auditor.Config) {
		s := c.Sources["app"]
		s.Raw = config.RawRefuse
		c.Sources = map[string]auditor.Source{"app": s}
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for name, cfg := range rawConfigs() {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, testdb.New(t, db.Kind), true, cfg, refuse)
				w.fill(twoRows())
				const del = "DELETE FROM docs"
				var n int
				row := w.db.Raw(del).Row().Scan(&n)
				rows, err := w.db.Raw(del).Rows()
				if rows != nil {
					t.Error("there are rows", rows.Close(), rows.Err())
				}
				for call, err := range map[string]error{
					"Exec": w.db.Exec(del).Error, "Row": row, "Rows": err,
					"Scan": w.db.Raw(del).Scan(&n).Error, "Find": w.db.Raw(del).Find(&[]Doc{}).Error,
					"Delete": w.db.Raw(del).Delete(&Doc{}).Error,
					"CALL":   w.db.Exec("CALL tidy()").Error,
					"transaction": w.db.Transaction(func(tx *gorm.DB) error {
						return tx.Exec(del).Error
					}),
				} {
					if !errors.Is(err, annals.ErrRawSQL) || !errors.Is(err, annals.ErrCapture) {
						t.Errorf("%s: error %v", call, err)
						continue
					}
					if !strings.Contains(err.Error(), "raw: observe") {
						t.Errorf("%s says %q", call, err)
					}
				}
				if n := w.count("docs"); n != 2 {
					t.Errorf("%d rows are left", n)
				}
				for _, err := range []error{
					w.db.Exec("DELETE FROM bares").Error, w.db.Raw("SELECT 1").Scan(&n).Error,
					w.db.Create(&Doc{ID: "c"}).Error, w.quiet().Exec(del).Error,
					w.db.Exec("CREATE TABLE made (id integer)").Error,
				} {
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
}

// TestRawAllowed: with raw: allow there is no trace.
func TestRawAllowed(t *testing.T) {
	allow := func(c *auditor.Config) {
		s := c.Sources["app"]
		s.Raw = config.RawAllow
		c.Sources = map[string]auditor.Source{"app": s}
	}
	play(t, gorm.Config{}, []scene{{
		name: "Exec", seed: twoRows(), blind: true,
		do: func(db *gorm.DB) any { return see(db.Exec("DELETE FROM docs")) },
	}}, allow)
}

// TestRawEveryTable: the entity "*" does not mean what is temporary.
func TestRawEveryTable(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{}, func(c *auditor.Config) {
			c.Entities = map[string]config.Entity{"*": {}}
		})
		err := w.db.Transaction(func(tx *gorm.DB) error {
			for _, sql := range []string{
				"CREATE TEMPORARY TABLE scratch (id integer PRIMARY KEY)",
				"INSERT INTO scratch (id) VALUES (1)", "DELETE FROM scratch",
				"INSERT INTO bares (id, name) VALUES (1, 'x')", "DROP TABLE scratch",
			} {
				if err := tx.Exec(sql).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := w.count("bares_audit"); n != 1 {
			t.Errorf("%d entries", n)
		}
		type Bare struct {
			ID   uint
			Name string `gorm:"size:77"`
			More string
		}
		if err := w.db.Migrator().AutoMigrate(&Bare{}); err != nil {
			t.Error(err)
		}
	})
}

// TestRawUnrecorded: raw SQL whose entry cannot be stored, or that the listener
// refuses, is undone.
func TestRawUnrecorded(t *testing.T) {
	t.Parallel()
	errListener := errors.New("not on Sundays")
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for name, cfg := range rawConfigs() {
			t.Run(name, func(t *testing.T) {
				missing := newWorld(t, testdb.New(t, db.Kind), true, cfg)
				refused := newWorld(t, testdb.New(t, db.Kind), true, cfg, func(c *auditor.Config) {
					c.Listener = func(_ context.Context, e *annals.Entry) error {
						if e.Type == annals.Statement {
							return errListener
						}
						return nil
					}
				})
				for w, want := range map[*world]error{missing: annals.ErrSchema, refused: errListener} {
					w.fill(twoRows())
					if w == missing {
						w.exec("DROP TABLE docs_audit")
					}
					var n int
					for call, err := range map[string]error{
						"Exec": w.db.Exec("DELETE FROM docs").Error,
						"Row":  w.db.Raw("DELETE FROM docs").Row().Scan(&n),
						"transaction": w.db.Transaction(func(tx *gorm.DB) error {
							_ = tx.Exec("DELETE FROM docs")
							return nil
						}),
					} {
						if !errors.Is(err, want) {
							t.Errorf("%s: error %v, want %v", call, err, want)
						}
					}
					if n := w.count("docs"); n != 2 {
						t.Errorf("%d rows are left", n)
					}
				}
			})
		}
	})
}
