package gorm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestRefusedWrites: what cannot be recorded is not written, and the error says
// why by its type.
func TestRefusedWrites(t *testing.T) {
	t.Parallel()
	errListener := errors.New("not on Sundays")
	cases := map[string]struct {
		change func(*auditor.Config)
		broken string
		want   error
		text   string
	}{
		"audit table missing": {
			broken: "DROP TABLE docs_audit", want: annals.ErrSchema,
			text: "annals schema update --force",
		},
		"revision table missing": {
			broken: "DROP TABLE annals_revision", want: annals.ErrSchema,
			text: "annals schema update --force",
		},
		"entry too large": {
			change: func(c *auditor.Config) { c.MaxEntrySize = 20 }, want: annals.ErrEntryTooLarge,
		},
		"listener refuses": {
			change: func(c *auditor.Config) {
				c.Listener = func(context.Context, *annals.Entry) error { return errListener }
			},
			want: errListener,
		},
		"actor cannot be told": {
			change: func(c *auditor.Config) {
				c.Actor = func(context.Context) (annals.Actor, error) { return annals.Actor{}, errListener }
			},
			want: errListener,
		},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				var changes []func(*auditor.Config)
				if c.change != nil {
					changes = append(changes, c.change)
				}
				w := newWorld(t, testdb.New(t, db.Kind), true, gorm.Config{}, changes...)
				if c.broken != "" {
					w.exec(c.broken)
				}
				for _, do := range []func() error{
					func() error { return w.db.Create(&Doc{ID: "a", Body: "secret-value"}).Error },
					func() error {
						return w.db.Transaction(func(tx *gorm.DB) error {
							_ = tx.Create(&Doc{ID: "a", Body: "secret-value"})
							return nil
						})
					},
				} {
					err := do()
					if !errors.Is(err, c.want) {
						t.Errorf("error %v, want %v", err, c.want)
						continue
					}
					if !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret") {
						t.Errorf("error says %q", err)
					}
					if c.want != annals.ErrSchema && !errors.Is(err, annals.ErrCapture) {
						t.Errorf("%v is no ErrCapture", err)
					}
				}
				if n := w.count("docs"); n != 0 {
					t.Errorf("%d rows were written", n)
				}
				if c.broken == "" {
					if n := w.count("docs_audit") + w.count("annals_revision"); n != 0 {
						t.Errorf("%d rows of records were written", n)
					}
				}
			})
		}
	})
}

// TestUnauditable: tables that cannot be audited refuse the write by their type
// of fault.
func TestUnauditable(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		cases := map[string]struct {
			ddl  string
			want error
		}{
			"keyless": {"CREATE TABLE odd (id integer, name varchar(10))", annals.ErrNoKey},
		}
		if db.Dialect == dialect.MySQLName {
			cases["MyISAM"] = struct {
				ddl  string
				want error
			}{
				"CREATE TABLE odd (id integer PRIMARY KEY, name varchar(10)) ENGINE=MyISAM",
				annals.ErrNotTransactional,
			}
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				db := testdb.New(t, db.Kind)
				if _, err := db.ExecContext(t.Context(), c.ddl); err != nil {
					t.Fatal(err)
				}
				aud := newAuditor(t, db.DB, db.Dialect, func(cfg *auditor.Config) {
					cfg.Entities = map[string]config.Entity{"odd": {}}
				})
				g := open(t, db, gorm.Config{})
				if err := g.Use(gormcapture.New(aud)); err != nil {
					t.Fatal(err)
				}
				for _, tx := range []*gorm.DB{
					g.Table("odd").Create(map[string]any{"id": 1, "name": "x"}),
					g.Table("odd").Where("id = ?", 1).Update("name", "y"),
					g.Table("odd").Where("id = ?", 1).Delete(nil),
				} {
					if !errors.Is(tx.Error, c.want) {
						t.Errorf("error %v, want %v", tx.Error, c.want)
					}
				}
				var n int64
				if g.Table("odd").Count(&n); n != 0 {
					t.Errorf("%d rows were written", n)
				}
			})
		}
	})
}

// TestSecrets: what is masked or ignored stands nowhere in annals' tables.
func TestSecrets(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		const hidden = "do-not-keep"
		p := Post{Title: "t", Secret: hidden + "-1", Note: hidden + "-2"}
		w.db.Create(&p)
		w.db.Model(&p).Updates(Post{Secret: hidden + "-3", Note: hidden + "-4", Views: 3})
		w.db.Model(&p).UpdateColumn("secret", gorm.Expr("secret || 'x'"))
		w.db.Delete(&p)
		if got := story(t, w.stored()); len(got) < 3 {
			t.Errorf("story %q", got)
		}
		for _, table := range []string{"posts_audit", "annals_revision", "annals_revision_entity"} {
			for _, row := range w.rows(table) {
				if strings.Contains(row, hidden) {
					t.Errorf("%s holds %s", table, row)
				}
			}
		}
	})
}

// rows are the rows of a table as text.
func (w *world) rows(table string) (all []string) {
	rows, err := w.sql.QueryContext(context.Background(), "SELECT * FROM "+w.quote(table))
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, _ := rows.Columns()
	for rows.Next() {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			w.tb.Fatal(err)
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		all = append(all, fmt.Sprint(values...))
	}
	return all
}

// revision is a row of annals_revision.
type revision struct {
	Managed                                  bool
	Comment, UserID, UserName, IP, UserAgent string
}

func (w *world) revisions() (all []revision) {
	w.tb.Helper()
	rows, err := w.sql.QueryContext(context.Background(), "SELECT managed, COALESCE(comment, ''), "+
		"COALESCE(user_id, ''), COALESCE(user_name, ''), COALESCE(ip, ''), "+
		"COALESCE(user_agent, '') FROM annals_revision ORDER BY id")
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r revision
		err := rows.Scan(&r.Managed, &r.Comment, &r.UserID, &r.UserName, &r.IP, &r.UserAgent)
		if err != nil {
			w.tb.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestAttribution: who, from where and why, and that none of it is inherited.
func TestAttribution(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var asked atomic.Int64
		w := newWorld(t, db, true, gorm.Config{}, func(c *auditor.Config) {
			c.Actor = func(context.Context) (annals.Actor, error) {
				asked.Add(1)
				return annals.Actor{ID: "callback", Name: "Cal"}, nil
			}
		})
		db.SetMaxOpenConns(1) // the same connection for everything
		ctx := annals.WithActor(context.Background(), annals.Actor{ID: "1", Name: "ann", Type: "User"})
		ctx = annals.WithOrigin(ctx, annals.Origin{IP: "10.0.0.1", UserAgent: "test"})
		ctx = annals.WithComment(ctx, "why")

		roll := w.db.WithContext(ctx).Begin()
		roll.Create(&Doc{ID: "gone"})
		roll.Rollback() // frees the comment

		w.db.WithContext(ctx).Create(&Doc{ID: "a"}) // uses it up
		w.db.WithContext(ctx).Create(&Doc{ID: "b"})
		err := w.db.Transaction(func(tx *gorm.DB) error { // nobody in the context
			tx.Create(&Doc{ID: "c"})
			return tx.Create(&Doc{ID: "d"}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []revision{
			{true, "why", "1", "ann", "10.0.0.1", "test"},
			{true, "", "1", "ann", "10.0.0.1", "test"},
			{true, "", "callback", "Cal", "", ""},
		}
		got := w.revisions()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("revisions %+v\nwant      %+v", got, want)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("the actor callback was asked %d times", n)
		}
		for _, e := range w.stored() {
			inA := e.ObjectID == "a" || e.ObjectID == "b"
			if inA != (e.Blame.ID == "1") || inA != (e.Blame.IP == "10.0.0.1") {
				t.Errorf("%s is blamed on %+v", line(t, &e), e.Blame)
			}
		}
	})
}

// TestUnattributed: nobody bound, and the program's extra data.
func TestUnattributed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{}, func(c *auditor.Config) {
			c.Listener = func(_ context.Context, e *annals.Entry) error {
				e.ExtraData = json.RawMessage(`{"by":"listener"}`)
				return nil
			}
		})
		w.db.Create(&Doc{ID: "a"})
		if got := w.revisions(); len(got) != 1 || got[0].Managed || got[0].UserName != annals.Unattributed {
			t.Errorf("revisions %+v", got)
		}
		if rows := strings.Join(w.rows("docs_audit"), "\n"); !strings.Contains(rows, "listener") {
			t.Errorf("the listener's data is not in %s", rows)
		}
	})
}

// TestMigration: a table that is changed by GORM is seen as it is from then on.
func TestMigration(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		w.db.Create(&Bare{Name: "x"})
		w.db.Create(&Doc{ID: "a"})
		type Doc struct {
			ID    string `gorm:"primaryKey;size:36"`
			Body  string
			Size  int `gorm:"default:7"`
			Extra string
		}
		if err := w.db.AutoMigrate(&Doc{}); err != nil {
			t.Fatal(err)
		}
		w.db.Create(&Doc{ID: "b", Extra: "seen"})
		got := story(t, w.stored())
		want := `insert doc b: body=> extra=>seen id=>b size=>7`
		if len(got) != 2 || got[1] != want {
			t.Errorf("story %q, want %q last", got, want)
		}
	})
}
