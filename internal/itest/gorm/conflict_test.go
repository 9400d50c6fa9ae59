package gorm_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// oddTable is a program on tables of its own, in which the rows that a statement
// stores or meets are not those that it names.
type oddTable struct {
	name string
	// ddl makes the tables, by dialect; those under "" are made everywhere.
	ddl map[string][]string
	// tables are audited, each as an entity of its name.
	tables []string
	// do is the program, step by step: each is one statement.
	do []func(db *gorm.DB) *gorm.DB
	// want is the story; on has it where a database's differs.
	want []string
	on   map[string][]string
	// refused is set where the last step is refused, which leaves its table alone.
	refused map[string]bool
}

const everywhere = ""

// put creates a row, or several.
func put(table string, rows any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return db.Table(table).Create(fresh(rows)) }
}

// upsert creates rows that, where they meet others by columns, set some of theirs.
func upsert(table, columns, set string, rows any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		oc := clause.OnConflict{DoUpdates: clause.AssignmentColumns(strings.Fields(set))}
		for _, c := range strings.Fields(columns) {
			oc.Columns = append(oc.Columns, clause.Column{Name: c})
		}
		return db.Table(table).Clauses(oc).Create(fresh(rows))
	}
}

// untouched creates rows as GORM writes DO NOTHING for MySQL.
func untouched(table string, rows any) func(*gorm.DB) *gorm.DB {
	self := clause.Column{Name: "id"}
	return func(db *gorm.DB) *gorm.DB {
		return db.Table(table).Clauses(clause.OnConflict{
			DoUpdates: clause.Set{{Column: self, Value: self}},
		}).Create(fresh(rows))
	}
}

func modified(table, modifier string, rows any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		return db.Table(table).Clauses(clause.Insert{Modifier: modifier}).Create(fresh(rows))
	}
}

type fields = map[string]any

// fresh copies rows, to which GORM adds what it learns.
func fresh(rows any) any {
	several, ok := rows.([]fields)
	if !ok {
		return maps.Clone(rows.(fields))
	}
	copies := make([]fields, len(several))
	for i, row := range several {
		copies[i] = maps.Clone(row)
	}
	return copies
}

// play runs the program with and without annals: it sees and leaves the same, and
// the entries tell what happened.
func (o *oddTable) play(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if len(o.ddl[everywhere]) == 0 && len(o.ddl[db.Dialect]) == 0 {
			return // a database that cannot have such tables
		}
		bare, audited := o.world(t, testdb.New(t, db.Kind), false), o.world(t, db, true)
		before := audited.live()
		ctx := annals.WithActor(context.Background(), annals.Actor{ID: "42"})
		for i, step := range o.do {
			got := step(audited.db.WithContext(ctx))
			if o.refused[db.Dialect] && i == len(o.do)-1 {
				if !errors.Is(got.Error, annals.ErrCapture) {
					t.Errorf("step %d: error %v, want %v", i+1, got.Error, annals.ErrCapture)
				}
				break
			}
			if d := cmp.Diff(see(step(bare.db.WithContext(ctx))), see(got)); d != "" {
				t.Errorf("step %d sees something else (-without +with annals):\n%s", i+1, d)
			}
		}
		var entries []annals.Entry
		for _, table := range o.tables {
			entries = append(entries, audited.storedIn(table, table+"_audit")...)
		}
		slices.SortFunc(entries, func(a, b annals.Entry) int { return int(a.Seq - b.Seq) })
		audited.replay(before, entries)
		want := o.want
		if other, ok := o.on[db.Dialect]; ok {
			want = other
		}
		if d := cmp.Diff(want, story(t, entries)); d != "" {
			t.Errorf("story (-want +got):\n%s", d)
		}
	})
}

func (o *oddTable) world(t *testing.T, db *testdb.DB, audited bool) *world {
	t.Helper()
	w := &world{tb: t, sql: db, all: o.tables}
	w.exec(o.ddl[everywhere]...)
	w.exec(o.ddl[db.Dialect]...)
	if !audited {
		w.db = open(t, db, gorm.Config{})
		return w
	}
	w.aud = newAuditor(t, db.DB, db.Dialect, func(c *auditor.Config) {
		c.Entities = map[string]config.Entity{}
		for _, table := range o.tables {
			c.Entities[table] = config.Entity{}
		}
	})
	w.db = open(t, db, gorm.Config{})
	if err := w.db.Use(gormcapture.New(w.aud)); err != nil {
		t.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRewrittenKeys: the database, or a trigger, stores another key than the
// program gave.
func TestRewrittenKeys(t *testing.T) {
	pg, my := dialect.PostgresName, dialect.MySQLName
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	lowering := map[string][]string{
		pg: {
			`create table codes (id varchar(20) primary key, v int)`,
			`create function low() returns trigger language plpgsql as
				$$ begin new.id := lower(new.id); return new; end $$`,
			`create trigger tl before insert on codes for each row execute function low()`,
		},
		my: {
			`create table codes (id varchar(20) collate utf8mb4_bin primary key, v int)`,
			`create trigger tl before insert on codes for each row set new.id = lower(new.id)`,
		},
	}
	readings := map[string][]string{
		pg: {`create table readings (sensor int, taken timestamp(3), v int, primary key (sensor, taken))`},
		my: {`create table readings (sensor int, taken datetime(3), v int, primary key (sensor, taken))`},
	}
	decs := map[string][]string{everywhere: {`create table decs (id decimal(10,2) primary key, v int)`}}
	for _, o := range []oddTable{
		{
			name: "an instant is rounded", ddl: readings, tables: []string{"readings"},
			do: []func(*gorm.DB) *gorm.DB{
				put("readings", fields{"sensor": 2, "taken": at, "v": 1}),
				upsert("readings", "sensor taken", "v", fields{"sensor": 1, "taken": at, "v": 1}),
				upsert("readings", "sensor taken", "v", fields{"sensor": 1, "taken": at, "v": 2}),
			},
			want: []string{
				`insert readings [2,"2026-01-02T03:04:05.123000"]: sensor=>2 taken=>2026-01-02T03:04:05.123000 v=>1`,
				`insert readings [1,"2026-01-02T03:04:05.123000"]: sensor=>1 taken=>2026-01-02T03:04:05.123000 v=>1`,
				`update readings [1,"2026-01-02T03:04:05.123000"]: v=1>2`,
			},
		},
		{
			name: "a decimal is rounded", ddl: decs, tables: []string{"decs"},
			do: []func(*gorm.DB) *gorm.DB{
				put("decs", fields{"id": "1.006", "v": 1}),
				upsert("decs", "id", "v", fields{"id": "2.009", "v": 1}),
				upsert("decs", "id", "v", fields{"id": "2.009", "v": 2}),
				upsert("decs", "id", "v", []fields{{"id": "2.009", "v": 3}, {"id": "3.009", "v": 4}}),
			},
			want: []string{
				`insert decs 1.01: id=>1.01 v=>1`, `insert decs 2.01: id=>2.01 v=>1`,
				`update decs 2.01: v=1>2`, `update decs 2.01: v=2>3`, `insert decs 3.01: id=>3.01 v=>4`,
			},
			on: map[string][]string{dialect.SQLiteName: {
				`insert decs 1.006: id=>1.006 v=>1`, `insert decs 2.009: id=>2.009 v=>1`,
				`update decs 2.009: v=1>2`, `update decs 2.009: v=2>3`,
				`insert decs 3.009: id=>3.009 v=>4`,
			}},
		},
		{
			name: "a trigger lowers it", ddl: lowering, tables: []string{"codes"},
			do:   []func(*gorm.DB) *gorm.DB{put("codes", fields{"id": "ABC", "v": 1})},
			want: []string{`insert codes abc: id=>abc v=>1`},
		},
		{
			name: "a trigger lowers that of an upsert", ddl: lowering, tables: []string{"codes"},
			do: []func(*gorm.DB) *gorm.DB{
				upsert("codes", "id", "v", fields{"id": "ABC", "v": 1}),
			},
			on:      map[string][]string{pg: {`insert codes abc: id=>abc v=>1`}},
			refused: map[string]bool{my: true},
		},
		{
			name: "IGNORE cuts a text", tables: []string{"shorts"},
			ddl: map[string][]string{my: {`create table shorts (id varchar(3) primary key, v int)`}},
			do: []func(*gorm.DB) *gorm.DB{
				modified("shorts", "IGNORE", fields{"id": "abcdef", "v": 1}),
				modified("shorts", "IGNORE", []fields{{"id": "abcxyz", "v": 2}, {"id": "d", "v": 3}}),
			},
			want: []string{`insert shorts abc: id=>abc v=>1`, `insert shorts d: id=>d v=>3`},
		},
		{
			name: "the second member of the key is a number of the database's", tables: []string{"lines"},
			ddl: map[string][]string{my: {
				`create table ` + "`lines`" + ` (tenant int, id int auto_increment, v int, primary key (tenant, id), key (id))`,
			}},
			do:   []func(*gorm.DB) *gorm.DB{put("lines", fields{"tenant": 1, "id": 0, "v": 1})},
			want: []string{`insert lines [1,1]: id=>1 tenant=>1 v=>1`},
		},
	} {
		t.Run(o.name, o.play)
	}
}

// TestUnknownUnique: what an upsert inserts into a unique key is a default, an
// expression, or computed by the database.
func TestUnknownUnique(t *testing.T) {
	pg, my, lite := dialect.PostgresName, dialect.MySQLName, dialect.SQLiteName
	auto := func(table, rest string) map[string][]string {
		return map[string][]string{
			pg:   {`create table ` + table + ` (id serial primary key, ` + rest + `)`},
			my:   {`create table ` + table + ` (id int auto_increment primary key, ` + rest + `)`},
			lite: {`create table ` + table + ` (id integer primary key autoincrement, ` + rest + `)`},
		}
	}
	for _, o := range []oddTable{
		{
			name: "a default beside a value", tables: []string{"users"},
			ddl: auto("users", `email varchar(50) not null, alive int not null default 1, v int, unique (email, alive)`),
			do: []func(*gorm.DB) *gorm.DB{
				upsert("users", "email alive", "v", fields{"email": "a", "v": 1}),
				upsert("users", "email alive", "v", fields{"email": "a", "v": 2}),
			},
			want: []string{`insert users 1: alive=>1 email=>a id=>1 v=>1`, `update users 1: v=1>2`},
		},
		{
			name: "a default alone", tables: []string{"settings"},
			ddl: auto("settings", `code varchar(10) default 'it''s' unique, v int`),
			do: []func(*gorm.DB) *gorm.DB{
				upsert("settings", "code", "v", fields{"v": 1}),
				upsert("settings", "code", "v", fields{"v": 2}),
			},
			want: []string{`insert settings 1: code=>it's id=>1 v=>1`, `update settings 1: v=1>2`},
		},
		{
			name: "an expression", tables: []string{"mails"},
			ddl: auto("mails", `email varchar(40) unique, v int`),
			do: []func(*gorm.DB) *gorm.DB{
				upsert("mails", "email", "v", fields{"email": gorm.Expr("lower(?)", "A@X"), "v": 1}),
				upsert("mails", "email", "v", fields{"email": gorm.Expr("lower(?)", "A@X"), "v": 2}),
			},
			want: []string{`insert mails 1: email=>a@x id=>1 v=>1`, `update mails 1: v=1>2`},
		},
		{
			name: "computed by the database", tables: []string{"slugs"},
			ddl: auto("slugs", `name varchar(20), slug varchar(20) generated always as (lower(name)) stored unique, v int`),
			do: []func(*gorm.DB) *gorm.DB{
				put("slugs", fields{"name": "A", "v": 1}),
				upsert("slugs", "slug", "v", fields{"name": "a", "v": 2}),
			},
			want:    []string{`insert slugs 1: id=>1 name=>A slug=>a v=>1`},
			refused: map[string]bool{pg: true, my: true, lite: true},
		},
		{
			name: "a part of a text", tables: []string{"names"},
			ddl: map[string][]string{my: {
				`create table names (id int primary key, name varchar(50), v int, unique key (name(3)))`,
			}},
			do: []func(*gorm.DB) *gorm.DB{
				put("names", fields{"id": 1, "name": "abcdef", "v": 1}),
				upsert("names", "id", "v", fields{"id": 2, "name": "abcxyz", "v": 2}),
			},
			want:    []string{`insert names 1: id=>1 name=>abcdef v=>1`},
			refused: map[string]bool{my: true},
		},
	} {
		t.Run(o.name, o.play)
	}
}

// TestUpsertDrags: what an upsert changes besides the rows that it names.
func TestUpsertDrags(t *testing.T) {
	my, lite := dialect.MySQLName, dialect.SQLiteName
	family := map[string][]string{everywhere: {
		`create table parents (id int primary key, code varchar(10) not null unique, v int)`,
		`create table kids (id int primary key, code varchar(10), foreign key (code) references parents(code) on update cascade)`,
	}}
	keyed := map[string][]string{everywhere: {
		`create table parents (id int primary key, code int unique, v int)`,
		`create table kids (p int primary key, v int, foreign key (p) references parents(id) on update cascade)`,
	}}
	for _, o := range []oddTable{
		{
			name: "rows that refer to a column which it sets", ddl: family, tables: []string{"parents", "kids"},
			do: []func(*gorm.DB) *gorm.DB{
				put("parents", fields{"id": 1, "code": "a", "v": 1}),
				put("kids", fields{"id": 7, "code": "a"}),
				upsert("parents", "id", "code", fields{"id": 1, "code": "b", "v": 1}),
			},
			want: []string{
				`insert parents 1: code=>a id=>1 v=>1`, `insert kids 7: code=>a id=>7`,
				`update parents 1: code=a>b`, `update kids 7 cascade: code=a>b`,
			},
		},
		{
			name: "rows whose key follows one that it sets", ddl: keyed, tables: []string{"parents", "kids"},
			do: []func(*gorm.DB) *gorm.DB{
				put("parents", fields{"id": 1, "code": 5, "v": 1}), put("kids", fields{"p": 1, "v": 1}),
				upsert("parents", "code", "id", fields{"id": 2, "code": 5, "v": 1}),
			},
			want: []string{
				`insert parents 1: code=>5 id=>1 v=>1`, `insert kids 1: p=>1 v=>1`,
				`update parents 2<-1: id=1>2`, `update kids 2<-1 cascade: p=1>2`,
			},
		},
		{
			name: "the keys of several rows", tables: []string{"parents"},
			ddl: map[string][]string{everywhere: {`create table parents (id int primary key, code int unique, v int)`}},
			do: []func(*gorm.DB) *gorm.DB{
				put("parents", fields{"id": 1, "code": 5, "v": 1}),
				put("parents", fields{"id": 2, "code": 6, "v": 1}),
				upsert("parents", "code", "id", []fields{{"id": 11, "code": 5, "v": 1}, {"id": 12, "code": 6, "v": 1}}),
			},
			want: []string{
				`insert parents 1: code=>5 id=>1 v=>1`, `insert parents 2: code=>6 id=>2 v=>1`,
				`update parents 11<-1: id=1>11`, `update parents 12<-2: id=2>12`,
			},
		},
		{
			name: "a trigger on update fires even where nothing is set", tables: []string{"touched"},
			ddl: map[string][]string{my: {
				`create table touched (id int primary key, v int, touches int not null default 0)`,
				`create trigger tt before update on touched for each row set new.touches = old.touches + 1`,
			}},
			do: []func(*gorm.DB) *gorm.DB{
				put("touched", fields{"id": 1, "v": 1}),
				untouched("touched", fields{"id": 1, "v": 2}),
			},
			want: []string{`insert touched 1: id=>1 touches=>0 v=>1`, `update touched 1: touches=0>1`},
		},
		{
			name: "a key that replaces by itself", tables: []string{"ruled"},
			ddl: map[string][]string{lite: {
				`create table ruled (id integer primary key, code text unique on conflict replace, v int)`,
			}},
			do: []func(*gorm.DB) *gorm.DB{
				put("ruled", fields{"id": 1, "code": "a"}), put("ruled", fields{"id": 2, "code": "a"}),
			},
			want: []string{
				`insert ruled 1: code=>a id=>1`, `remove ruled 1: code=a> id=1> v=>`, `insert ruled 2: code=>a id=>2`,
			},
		},
		{
			name: "an update that replaces", tables: []string{"coded"},
			ddl: map[string][]string{lite: {`create table coded (id int primary key, code text unique)`}},
			do: []func(*gorm.DB) *gorm.DB{
				put("coded", fields{"id": 1, "code": "a"}), put("coded", fields{"id": 2, "code": "b"}),
				func(db *gorm.DB) *gorm.DB {
					return db.Table("coded").Clauses(clause.Update{Modifier: "OR REPLACE"}).
						Where("id = 2").Update("code", "a")
				},
			},
			want:    []string{`insert coded 1: code=>a id=>1`, `insert coded 2: code=>b id=>2`},
			refused: map[string]bool{lite: true},
		},
		{
			name: "a part of what failed", tables: []string{"coded"},
			ddl: map[string][]string{lite: {`create table coded (id text primary key)`}},
			do: []func(*gorm.DB) *gorm.DB{
				put("coded", fields{"id": "b"}),
				modified("coded", "OR FAIL", []fields{{"id": "a"}, {"id": "b"}}),
			},
			want:    []string{`insert coded b: id=>b`},
			refused: map[string]bool{lite: true},
		},
	} {
		t.Run(o.name, o.play)
	}
}

// TestRacedInsert: another transaction stores the row first. Under READ COMMITTED
// its row is not kept out by a lock, nor hidden by a snapshot.
func TestRacedInsert(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name string
		do   func(*gorm.DB) *gorm.DB
		// more is what follows the insert by the other transaction.
		more []string
	}{
		{"IGNORE", modified("pairs", "IGNORE", fields{"id": "a", "v": 2}), nil},
		{"DO NOTHING", untouched("pairs", fields{"id": "a", "v": 2}), nil},
		{"upsert", upsert("pairs", "id", "v", fields{"id": "a", "v": 2}), []string{`update pairs a: v=1>2`}},
	}
	o := oddTable{
		ddl: map[string][]string{everywhere: {
			`create table pairs (id varchar(20) primary key, v int)`,
		}},
		tables: []string{"pairs"},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect != dialect.MySQLName {
			return // RETURNING tells there, and SQLite has one writer
		}
		w := o.world(t, db, true)
		for _, kind := range kinds {
			t.Run(kind.name, func(t *testing.T) {
				w.exec("DELETE FROM pairs", "DELETE FROM pairs_audit")
				raced := make(chan *gorm.DB, 1)
				first := w.db.Begin()
				defer first.Rollback()
				if err := put("pairs", fields{"id": "a", "v": 1})(first).Error; err != nil {
					t.Fatal(err)
				}
				go func() {
					tx := w.db.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
					done := kind.do(tx)
					if err := tx.Commit().Error; err != nil && done.Error == nil {
						done.Error = err
					}
					raced <- done
				}()
				waitForLock(t, w)
				if err := first.Commit().Error; err != nil {
					t.Fatal(err)
				}
				if err := (<-raced).Error; err != nil {
					t.Error(err)
				}
				want := append([]string{`insert pairs a: id=>a v=>1`}, kind.more...)
				if d := cmp.Diff(want, story(t, w.storedIn("pairs", "pairs_audit"))); d != "" {
					t.Errorf("story (-want +got):\n%s", d)
				}
			})
		}
	})
}

// waitForLock waits until a transaction waits for the lock of another.
func waitForLock(t *testing.T, w *world) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		var n int
		err := w.sql.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+
			"information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p "+
			"ON p.ID = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.DB = DATABASE()").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		time.Sleep(200 * time.Millisecond) // the server makes its answer anew after 100
	}
	t.Fatal("no transaction came to wait")
}
