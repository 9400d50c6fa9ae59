package notice_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// step is what one of two writers does next. The last step of each commits.
type step struct {
	who  string
	do   func(tx *gorm.DB) error
	ends bool
}

// meeting is an interleaving of two transactions, A and B.
type meeting struct {
	name  string
	steps []step
}

func setName(id, name string) func(*gorm.DB) error {
	return func(tx *gorm.DB) error { return tx.Model(&Coin{ID: id}).Update("name", name).Error }
}

func commit(tx *gorm.DB) error { return tx.Commit().Error }

func meetings() []meeting {
	a := func(do func(*gorm.DB) error) step { return step{who: "A", do: do} }
	b := func(do func(*gorm.DB) error) step { return step{who: "B", do: do} }
	grow := func(above int) func(*gorm.DB) error {
		return func(tx *gorm.DB) error {
			return tx.Model(&Coin{}).Where("size > ?", above).Update("size", gorm.Expr("size + 1")).Error
		}
	}
	create := func(row any) func(*gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Create(row).Error }
	}
	remove := func(row any) func(*gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Delete(row).Error }
	}
	upsert := func(do clause.OnConflict, rows ...Coin) func(*gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Clauses(do).Create(&rows).Error }
	}
	badge := func(do clause.OnConflict, names ...string) func(*gorm.DB) error {
		return func(tx *gorm.DB) error {
			rows := make([]Badge, len(names))
			for i := range rows {
				rows[i].Name = names[i]
			}
			return tx.Clauses(do).Create(&rows).Error
		}
	}
	all, nothing := clause.OnConflict{UpdateAll: true}, clause.OnConflict{DoNothing: true}
	end := func(who string) step { return step{who: who, do: commit, ends: true} }
	ends := []step{end("A"), end("B")}
	return []meeting{
		{name: "two rows in opposite order", steps: []step{
			a(setName("1", "a")), b(setName("2", "b")), a(setName("2", "a")), b(setName("1", "b")),
			end("A"), end("B"),
		}},
		{name: "two rows in the same order", steps: []step{
			a(setName("1", "a")), b(setName("1", "b")), a(setName("2", "a")), end("A"),
			b(setName("2", "b")), end("B"),
		}},
		{name: "different rows", steps: append([]step{
			a(setName("1", "a")), b(setName("2", "b")), a(setName("3", "a")), b(setName("4", "b")),
		}, ends...)},
		{name: "the same new key", steps: append([]step{
			a(create(&Coin{ID: "new"})), b(create(&Coin{ID: "new"})),
		}, ends...)},
		{name: "the same new key, given up", steps: []step{
			a(create(&Coin{ID: "new"})), b(create(&Coin{ID: "new"})),
			a(func(tx *gorm.DB) error { return tx.Rollback().Error }), end("B"),
		}},
		{name: "new keys side by side", steps: append([]step{
			a(create(&Coin{ID: "n1"})), b(create(&Coin{ID: "n2"})),
			a(create(&Coin{ID: "n4"})), b(create(&Coin{ID: "n3"})),
		}, ends...)},
		{name: "new keys crosswise", steps: append([]step{
			a(create(&Coin{ID: "n1"})), b(create(&Coin{ID: "n2"})),
			a(create(&Coin{ID: "n2"})), b(create(&Coin{ID: "n1"})),
		}, ends...)},
		{name: "overlapping conditions", steps: append([]step{a(grow(2)), b(grow(3))}, ends...)},
		{name: "a condition and a row that comes to meet it", steps: append([]step{
			a(func(tx *gorm.DB) error { return tx.Model(&Coin{ID: "1"}).Update("size", 9).Error }),
			b(grow(3)),
		}, ends...)},
		{name: "an update of no rows and an insert", steps: append([]step{
			a(setName("none 1", "a")), b(setName("none 2", "b")),
			a(create(&Coin{ID: "none 1"})), b(create(&Coin{ID: "none 2"})),
		}, ends...)},
		{name: "a delete of no rows and an insert", steps: append([]step{
			a(remove(&Coin{ID: "none 1"})), b(remove(&Coin{ID: "none 2"})),
			a(create(&Coin{ID: "none 1"})), b(create(&Coin{ID: "none 2"})),
		}, ends...)},
		{name: "deletes of one row", steps: append([]step{
			a(remove(&Coin{ID: "1"})), b(remove(&Coin{ID: "1"})),
		}, ends...)},
		{name: "a delete, and the row anew", steps: append([]step{
			a(remove(&Coin{ID: "1"})), b(create(&Coin{ID: "1", Name: "b"})),
		}, ends...)},
		{name: "a delete and an update", steps: append([]step{
			a(remove(&Coin{ID: "1"})), b(setName("1", "b")),
		}, ends...)},
		{name: "a parent goes while a child comes", steps: append([]step{
			a(remove(&Team{ID: 1})), b(create(&Room{TeamID: 1, Name: "b"})),
		}, ends...)},
		{name: "a child comes while its parent goes", steps: append([]step{
			a(create(&Room{TeamID: 1, Name: "a"})), b(remove(&Team{ID: 1})),
		}, ends...)},
		{name: "a child comes while its parent is changed", steps: append([]step{
			a(create(&Room{TeamID: 1, Name: "a"})),
			b(func(tx *gorm.DB) error { return tx.Model(&Team{ID: 1}).Update("name", "b").Error }),
		}, ends...)},
		{name: "children of one parent", steps: append([]step{
			a(create(&Room{TeamID: 1, Name: "a"})), b(create(&Room{TeamID: 1, Name: "b"})),
		}, ends...)},
		{name: "upserts of one row", steps: append([]step{
			a(upsert(all, Coin{"1", "a", 1})), b(upsert(all, Coin{"1", "b", 2})),
		}, ends...)},
		{name: "upserts of one new key", steps: append([]step{
			a(upsert(all, Coin{"new", "a", 1})), b(upsert(all, Coin{"new", "b", 2})),
		}, ends...)},
		{name: "upserts of different new keys", steps: append([]step{
			a(upsert(all, Coin{"n1", "a", 1})), b(upsert(all, Coin{"n2", "b", 2})),
		}, ends...)},
		{name: "upserts of new keys in turn", steps: append([]step{
			a(upsert(all, Coin{"n1", "a", 1})), b(upsert(all, Coin{"n2", "b", 2})),
			a(upsert(all, Coin{"n3", "a", 1})), b(upsert(all, Coin{"n4", "b", 2})),
		}, ends...)},
		{name: "upserts of rows in opposite order", steps: append([]step{
			a(upsert(all, Coin{"1", "a", 1})), b(upsert(all, Coin{"2", "b", 2})),
			a(upsert(all, Coin{"2", "a", 1})), b(upsert(all, Coin{"1", "b", 2})),
		}, ends...)},
		{name: "upserts that do nothing", steps: append([]step{
			a(badge(nothing, "x")), b(badge(nothing, "x")),
		}, ends...)},
		{name: "upserts that do nothing, side by side", steps: append([]step{
			a(badge(nothing, "x")), b(badge(nothing, "y")),
		}, ends...)},
		{name: "an upsert and an update", steps: append([]step{
			a(upsert(all, Coin{"1", "a", 1}, Coin{"2", "a", 1})), b(setName("2", "b")),
		}, ends...)},
		{name: "the same key twice changed", steps: append([]step{
			a(func(tx *gorm.DB) error { return tx.Model(&Coin{ID: "1"}).Update("id", "9").Error }),
			b(func(tx *gorm.DB) error { return tx.Model(&Coin{ID: "2"}).Update("id", "9").Error }),
		}, ends...)},
		{name: "a reader who goes on to write", steps: []step{
			a(func(tx *gorm.DB) error { return tx.Find(&[]Coin{}).Error }),
			b(setName("1", "b")), end("B"), a(setName("1", "a")), end("A"),
		}},
	}
}

// otherwise tells where annals changes who waits or fails, by meeting and place:
// the name under which docs/internals.md tells of it.
var otherwise = map[string]map[string]string{
	"overlapping conditions": {
		"postgres, read committed": "rows that come to match meanwhile",
		"mysql, read committed":    "rows waited for",
	},
	"a condition and a row that comes to meet it": {
		"mysql, read committed": "rows waited for",
	},
	"upserts of one new key": {
		"postgres, read committed": "rows that another has just made",
	},
	"deletes of one row": {
		"postgres, repeatable read": "words of a refusal",
	},
	"a delete and an update": {
		"postgres, repeatable read": "words of a refusal",
	},
	"a delete, and the row anew": {
		"postgres, repeatable read": "a key that comes anew",
	},
	"upserts of different new keys": {"mysql, repeatable read": "gaps locked by upserts"},
	"upserts of new keys in turn":   {"mysql, repeatable read": "gaps locked by upserts"},
}

// TestTwoWriters plays each meeting without annals and with it: who waits, who
// fails and how, and which rows are left are the same.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	levels := map[string]map[string]sql.IsolationLevel{
		dialect.PostgresName: {
			"read committed": sql.LevelReadCommitted, "repeatable read": sql.LevelRepeatableRead,
			"serializable": sql.LevelSerializable,
		},
		dialect.MySQLName: {
			"repeatable read": sql.LevelRepeatableRead, "read committed": sql.LevelReadCommitted,
		},
		dialect.SQLiteName: {"": sql.LevelDefault},
	}
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			worlds := []*world{
				newWorld(t, kind, false, gorm.Config{}), newWorld(t, kind, true, gorm.Config{}),
			}
			for _, level := range sorted(levels[worlds[0].sql.Dialect]) {
				t.Run(level, func(t *testing.T) {
					for _, m := range meetings() {
						t.Run(m.name, func(t *testing.T) {
							m.compare(t, worlds, levels[worlds[0].sql.Dialect][level], level)
						})
					}
				})
			}
		})
	}
}

func (m *meeting) compare(t *testing.T, worlds []*world, level sql.IsolationLevel, name string) {
	var saw [2]string
	for i, w := range worlds {
		w.tb = t
		saw[i] = strings.Join(m.play(t, w, level), "\n")
	}
	where := strings.TrimSuffix(worlds[0].sql.Dialect+", "+name, ", ")
	why, listed := otherwise[m.name][where]
	diff := cmp.Diff(saw[0], saw[1])
	if level == sql.LevelSerializable && diff != "" && strings.Contains(saw[0]+saw[1], "SQLSTATE 40001") {
		// Which of two transactions fails hangs on the pages that were read, and what
		// annals reads counts too: the difference named "serialization failures".
		return
	}
	switch {
	case !listed && diff != "":
		t.Errorf("%s: it goes another way (-without +with annals):\n%s", where, diff)
	case listed && diff == "":
		t.Errorf("%s: %q does not differ any more; take it off the list", where, why)
	}
	if _, known := differences[why]; listed && !known {
		t.Errorf("%q is not among the differences", why)
	}
}

// writer is one of the two: a transaction on a connection of its own, whose steps
// run in a goroutine so that they can wait.
type writer struct {
	name string
	tx   *gorm.DB
	// session is the connection's number in the database.
	session int64
	done    chan error
	// running: its step has not come back. committing: that step is its last.
	running, committing, failed bool
}

// root is the innermost error.
func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if all, ok := err.(interface{ Unwrap() []error }); ok {
			list := all.Unwrap()
			next = list[len(list)-1]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// play returns what happened, step by step, and the rows that are left.
func (m *meeting) play(t *testing.T, w *world, level sql.IsolationLevel) []string {
	t.Helper()
	w.prepare()
	p := &play{t: t, world: w, writers: map[string]*writer{}}
	for _, name := range []string{"A", "B"} {
		p.writers[name] = p.begin(name, level)
	}
	for _, s := range m.steps {
		p.step(s)
	}
	for _, name := range []string{"A", "B"} {
		p.settle(p.writers[name])
		_ = p.writers[name].tx.Rollback()
	}
	for _, table := range sorted(w.dump()) {
		for _, row := range w.dump()[table] {
			p.log = append(p.log, table+" "+row)
		}
	}
	return p.log
}

// prepare sets the tables back, unseen by annals.
func (w *world) prepare() {
	w.tb.Helper()
	ctx := annals.Off(context.Background())
	quiet := w.db.WithContext(ctx).Session(&gorm.Session{AllowGlobalUpdate: true})
	for _, row := range []any{&Room{}, &Coin{}, &Badge{}, &Team{}} {
		if err := quiet.Delete(row).Error; err != nil {
			w.tb.Fatal(err)
		}
	}
	if w.sql.Dialect == dialect.MySQLName {
		// Rows that are deleted but not purged yet would cut the gaps between keys.
		if _, err := w.sql.ExecContext(ctx, "TRUNCATE TABLE coins"); err != nil {
			w.tb.Fatal(err)
		}
	}
	coins := []Coin{{"1", "", 1}, {"2", "", 2}, {"3", "", 3}, {"4", "", 4}, {"5", "", 5}}
	for _, rows := range []any{coins, []Team{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}, []Room{{ID: 1, TeamID: 1, Name: "old"}}} {
		if err := quiet.Create(rows).Error; err != nil {
			w.tb.Fatal(err)
		}
	}
}

// play is a meeting that is going on.
type play struct {
	*world
	t       *testing.T
	writers map[string]*writer
	log     []string
}

func (p *play) begin(name string, level sql.IsolationLevel) *writer {
	p.t.Helper()
	ctx := annals.WithActor(context.Background(), annals.Actor{ID: name})
	x := &writer{name: name, done: make(chan error, 1)}
	x.tx = p.db.WithContext(ctx).Begin(&sql.TxOptions{Isolation: level})
	if x.tx.Error != nil {
		p.t.Fatal(x.tx.Error)
	}
	x.tx = x.tx.Session(&gorm.Session{})
	switch p.sql.Dialect {
	case dialect.PostgresName:
		// B looks for deadlocks at once and A never: who finds one, is its victim.
		timeout := map[string]string{"A": "10min", "B": "20ms"}[name]
		p.must(x.tx.Exec("SET LOCAL deadlock_timeout = '" + timeout + "'").Error)
		p.must(x.tx.Raw("SELECT pg_backend_pid()").Scan(&x.session).Error)
	case dialect.MySQLName:
		p.must(x.tx.Raw("SELECT CONNECTION_ID()").Scan(&x.session).Error)
	default:
		// Who does not get the lock is told so at once.
		p.must(x.tx.Exec("PRAGMA busy_timeout = 0").Error)
	}
	return x
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// step lets a writer do one thing, and watches until everybody has either done
// what they had to or waits for the other.
func (p *play) step(s step) {
	x := p.writers[s.who]
	if x.running {
		p.settle(x) // cannot go on before it has what it waits for
	}
	if x.failed {
		return // its transaction has been rolled back
	}
	x.running, x.committing = true, s.ends
	go func() { x.done <- s.do(x.tx) }()
	p.watch(x)
}

// watch follows x, and then the other, who may have waited for it.
func (p *play) watch(x *writer) {
	other := p.writers[map[string]string{"A": "B", "B": "A"}[x.name]]
	if p.waits(x, other) {
		p.log = append(p.log, x.name+" waits")
	}
	if other.running && !p.waits(other, x) {
		return
	}
}

// waits returns true when x waits for a lock and nothing moves, false when it has
// done its step.
func (p *play) waits(x, other *writer) bool {
	for {
		select {
		case err := <-x.done:
			p.end(x, err)
			return false
		case <-time.After(pause):
			if !p.blocked(x) {
				continue
			}
			if !other.running || !p.blocked(other) {
				return true
			}
			// Both wait: the database is about to end that.
			select {
			case err := <-other.done:
				p.end(other, err)
			default:
			}
		}
	}
}

// pause is how often the database is asked who waits: InnoDB renews its answer
// not more often than every 100 ms.
const pause = 110 * time.Millisecond

// settle waits for the end of what x is doing.
func (p *play) settle(x *writer) {
	if !x.running {
		return
	}
	select {
	case err := <-x.done:
		p.end(x, err)
	case <-time.After(time.Minute):
		p.t.Fatalf("%s waits for ever: %q", x.name, p.log)
	}
}

func (p *play) end(x *writer, err error) {
	x.running = false
	if err == nil {
		p.log = append(p.log, x.name+" done")
		return
	}
	x.failed = true
	text := err.Error()
	if p.sql.Dialect == dialect.MySQLName {
		text = strings.ReplaceAll(text, p.name, "DB")
	}
	kind := chain(err)
	if x.committing {
		// What a commit finds out, the entries' INSERT before it may find out first:
		// the database's error is then within annals'.
		said := root(err)
		kind, text = chain(said), said.Error()
	}
	p.log = append(p.log, fmt.Sprintf("%s fails: %s %s", x.name, kind, text))
	_ = x.tx.Rollback()
}

// blocked asks the database whether a session waits for a lock.
func (p *play) blocked(x *writer) bool {
	var n int
	var err error
	switch p.sql.Dialect {
	case dialect.PostgresName:
		err = p.sql.QueryRow("SELECT cardinality(pg_blocking_pids($1))", x.session).Scan(&n)
	case dialect.MySQLName:
		err = p.sql.QueryRow("SELECT count(*) FROM information_schema.INNODB_TRX WHERE "+
			"trx_mysql_thread_id = ? AND trx_state = 'LOCK WAIT'", x.session).Scan(&n)
	default:
		return false // it never waits here
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		p.t.Error(err)
	}
	return n > 0
}
