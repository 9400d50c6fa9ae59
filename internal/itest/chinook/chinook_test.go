package chinook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	annalsschema "github.com/seed-162b1470/annals/schema"
)

// world is the shop on one database, audited where aud is not nil.
type world struct {
	sql   *testdb.DB
	db    *gorm.DB
	names schema.Namer
	aud   *auditor.Auditor
	clock clock
	// before is what was there in the morning, saw what each step's program saw.
	before state
	saw    []string
	// then has what plain SQL said of the watched rows after each step.
	then []snapshot
	// secrets are values of columns that are masked or ignored.
	secrets map[string]bool
}

// clock goes on by a microsecond whenever it is looked at.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

// stepAt is when a step of the day begins.
func stepAt(i int) time.Time { return hour(8, 0, 0).Add(time.Duration(i) * 10 * time.Minute) }

// newWorld loads the shop into a database.
func newWorld(t *testing.T, db *testdb.DB, audited bool, cfg gorm.Config) *world {
	t.Helper()
	load(t, db)
	w := &world{sql: db, names: namer(db.Dialect)}
	cfg.NamingStrategy, cfg.Logger = w.names, logger.Default.LogMode(logger.Silent)
	var err error
	w.db, err = gorm.Open(orm.Dialector(db.Dialect, db.DB), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !audited {
		return w
	}
	w.aud, err = auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
		Entities: rules(w.names), Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Use(gormcapture.New(w.aud, gormcapture.Models(models()...))); err != nil {
		t.Fatal(err)
	}
	manager, err := w.aud.Schema(t.Context(), func(annalsschema.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// play is the day: every step with its actor, origin and comment.
func (w *world) play(t *testing.T) {
	t.Helper()
	w.before, w.secrets = w.live(t), map[string]bool{}
	w.keepSecrets(t)
	w.then = append(w.then, w.look(t, hour(7, 0, 0)))
	for i, s := range businessDay() {
		w.clock.set(stepAt(i))
		ctx := annals.WithComment(annals.WithOrigin(annals.WithActor(t.Context(), s.who), s.from), s.comment)
		w.saw = append(w.saw, s.comment+": "+view(t, s.do(w.db.WithContext(ctx))))
		w.then = append(w.then, w.look(t, stepAt(i).Add(9*time.Minute)))
	}
	w.keepSecrets(t)
}

// databases are the names of those that tests make.
var databases = regexp.MustCompile(`annals_[a-z0-9]{16}`)

// view is what a program saw, as text.
func view(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return databases.ReplaceAllString(string(b), "DB")
}

// snapshot is what plain SQL said of rows at a time: nil where there was none.
type snapshot struct {
	at   time.Time
	rows map[string]row
}

// watched are rows whose states are remembered after each step.
func watched() map[string][]string {
	return map[string][]string{
		"customer": {"1", "2", "12", "37", "57", "58", "59", "60"},
		"employee": {"4", "5", "6", "7", "8", "9"},
		"invoice":  {"5", "23", "413", "414", "423"},
		"genre":    {"1", "2", "25", "26"},
	}
}

func (w *world) look(t *testing.T, at time.Time) snapshot {
	t.Helper()
	s := snapshot{at, map[string]row{}}
	for _, tab := range shop() {
		ids := watched()[tab.entity]
		if ids == nil {
			continue
		}
		found := w.read(t, tab, w.names.ColumnName("", tab.key[0])+" IN ("+strings.Join(ids, ", ")+")")
		for _, id := range ids {
			s.rows[tab.entity+" "+id] = found[id]
		}
	}
	return s
}

// A day of business: nobody notices annals, and it tells all of it.
func TestDay(t *testing.T) {
	program := build(t)
	var mu sync.Mutex
	stories := map[string][]string{}
	t.Run("on", func(t *testing.T) {
		testdb.Each(t, func(t *testing.T, db *testdb.DB) {
			w, bare := playBoth(t, db, gorm.Config{})
			entries := w.entries(t)
			t.Run("nobody notices", func(t *testing.T) { w.unnoticed(t, bare) })
			t.Run("replay", func(t *testing.T) { w.replay(t, entries) })
			t.Run("revisions", func(t *testing.T) { w.attributed(t, entries) })
			t.Run("secrets", func(t *testing.T) { w.secretless(t) })
			t.Run("as of", func(t *testing.T) { w.asOf(t) })
			t.Run("own types", func(t *testing.T) { w.ownTypes(t) })
			t.Run("command", func(t *testing.T) { w.command(t, program, entries) })
			t.Run("swallowed failure", func(t *testing.T) { w.swallowed(t, bare) })
			mu.Lock()
			defer mu.Unlock()
			stories[db.Kind] = w.story(t, entries)
		})
	})
	kinds := slices.Sorted(maps.Keys(stories))
	for _, kind := range kinds {
		if d := cmp.Diff(stories[kinds[0]], stories[kind]); d != "" {
			t.Errorf("not the same entries (-%s +%s):\n%s", kinds[0], kind, d)
		}
	}
}

// playBoth plays the day on db with annals, and on a database like it without.
func playBoth(t *testing.T, db *testdb.DB, cfg gorm.Config) (w, bare *world) {
	t.Helper()
	w, bare = newWorld(t, db, true, cfg), newWorld(t, testdb.New(t, db.Kind), false, cfg)
	bare.play(t)
	w.play(t)
	return w, bare
}

// The same day where GORM prepares every statement and opens no transaction of its
// own: each statement is a revision then.
func TestDayWithoutTransactions(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w, bare := playBoth(t, db, gorm.Config{SkipDefaultTransaction: true, PrepareStmt: true})
		w.unnoticed(t, bare)
		w.replay(t, w.entries(t))
		w.asOf(t)
	})
}

// unnoticed: what the program saw and left is the same without annals.
func (w *world) unnoticed(t *testing.T, bare *world) {
	if d := cmp.Diff(bare.saw, w.saw); d != "" {
		t.Errorf("the program sees something else (-without +with annals):\n%s", d)
	}
	without, with := bare.live(t), w.live(t)
	if d := cmp.Diff(without.lines(), with.lines()); d != "" {
		t.Errorf("the tables hold something else (-without +with annals):\n%s", d)
	}
	for i, s := range bare.then {
		if d := cmp.Diff(s, w.then[i], cmp.AllowUnexported(snapshot{})); d != "" {
			t.Errorf("step %d (-without +with annals):\n%s", i, d)
		}
	}
}

// swallowed: a transaction that commits although a statement in it failed gives what
// the database makes of it, which is nothing on PostgreSQL.
func (w *world) swallowed(t *testing.T, bare *world) {
	saw := map[*world]string{}
	for _, on := range []*world{w, bare} {
		var seen []any
		err := on.db.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
			seen = append(seen,
				see(tx.Model(&Customer{CustomerID: 1}).Update("City", "Santos")),
				see(tx.Create(&Genre{1, pointer("twice")})))
			return nil
		})
		saw[on] = view(t, seeErr(err, seen...))
	}
	if d := cmp.Diff(saw[bare], saw[w]); d != "" {
		t.Errorf("the program sees something else (-without +with annals):\n%s", d)
	}
	without, with := bare.live(t), w.live(t)
	if d := cmp.Diff(without.lines(), with.lines()); d != "" {
		t.Errorf("the tables hold something else (-without +with annals):\n%s", d)
	}
}

// replay: the morning and the entries give the evening.
func (w *world) replay(t *testing.T, entries []entry) {
	s, now := w.before, w.live(t)
	for i := range entries {
		if err := w.apply(t, s, &entries[i]); err != nil {
			t.Fatalf("%s %s %s, seq %d: %v", entries[i].typ, entries[i].entity, entries[i].id, entries[i].seq, err)
		}
	}
	if d := cmp.Diff(now.lines(), s.lines()); d != "" {
		t.Errorf("replayed entries give something else (-live +replayed):\n%s", d)
	}
	t.Logf("%d entries, %d rows", len(entries), len(now.lines())-len(now.links))
}

// attributed: each step that left something is one revision, with its actor, origin
// and comment, and so are its entries.
func (w *world) attributed(t *testing.T, entries []entry) {
	type signed struct{ Comment, ID, Name, Email, Type, Context, IP, Agent, Request, Managed string }
	var want, got []signed
	for _, s := range businessDay() {
		if !s.silent {
			want = append(want, signed{
				s.comment, s.who.ID, s.who.Name, s.who.Email, s.who.Type, s.who.Context,
				s.from.IP, s.from.UserAgent, s.from.RequestID, "managed",
			})
		}
	}
	rows, err := w.sql.QueryContext(t.Context(), `SELECT transaction_hash, comment, user_id, COALESCE(user_name, ''),
		COALESCE(user_email, ''), user_type, context, COALESCE(ip, ''), COALESCE(user_agent, ''), request_id,
		CASE WHEN managed THEN 'managed' ELSE 'not managed' END FROM annals_revision ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	by := map[string]signed{}
	for rows.Next() {
		var hash string
		var r signed
		if err := rows.Scan(&hash, &r.Comment, &r.ID, &r.Name, &r.Email, &r.Type, &r.Context, &r.IP, &r.Agent,
			&r.Request, &r.Managed); err != nil {
			t.Fatal(err)
		}
		got, by[hash] = append(got, r), r
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("revisions (-want +got):\n%s", d)
	}
	at := map[string]time.Time{}
	for i, s := range businessDay() {
		at[s.comment] = stepAt(i)
	}
	receipts := map[string]int{}
	for _, e := range entries {
		r, ok := by[e.hash]
		if !ok || (signed{
			r.Comment, e.blameID, e.user, r.Email, e.fqdn, e.way, e.ip, r.Agent, r.Request, r.Managed,
		}) != r {
			t.Errorf("entry %d is blamed on %s %s %s %s %s, its revision on %+v", e.seq, e.blameID, e.user, e.fqdn, e.way, e.ip, r)
		}
		if late := e.at.Sub(at[r.Comment]); late <= 0 || late > time.Minute {
			t.Errorf("entry %d of %q was captured at %s", e.seq, r.Comment, e.at)
		}
		receipts[e.hash+" "+e.entity+" "+e.typ]++
	}
	if d := cmp.Diff(receipts, w.receipts(t)); d != "" {
		t.Errorf("receipts (-entries +receipts):\n%s", d)
	}
}

// receipts are what revisions say of their entries.
func (w *world) receipts(t *testing.T) map[string]int {
	t.Helper()
	rows, err := w.sql.QueryContext(t.Context(), `SELECT r.transaction_hash, e.entity, e.type, e.entries
		FROM annals_revision_entity e JOIN annals_revision r ON r.id = e.revision`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var hash, entity, typ string
		var n int
		if err := rows.Scan(&hash, &entity, &typ, &n); err != nil {
			t.Fatal(err)
		}
		all[hash+" "+entity+" "+typ] += n
	}
	return all
}

// asOf: the reader tells of each time what plain SQL told then.
func (w *world) asOf(t *testing.T) {
	r := w.aud.Reader()
	for i, then := range w.then {
		for object, want := range then.rows {
			// A time just before and just after each change, the morning and the evening.
			before, after := w.then[max(i-1, 0)].rows[object], w.then[min(i+1, len(w.then)-1)].rows[object]
			if i > 0 && i < len(w.then)-1 && maps.Equal(before, want) && maps.Equal(want, after) {
				continue
			}
			entity, id, _ := strings.Cut(object, " ")
			s, err := r.AsOf(t.Context(), entity, id, then.at)
			if err != nil && !errors.Is(err, annals.ErrNotFound) {
				t.Fatalf("%s at %s: %v", object, then.at, err)
			}
			if want == nil {
				if err == nil && s.Exists != reader.Absent {
					t.Errorf("%s at %s: exists %q, plain SQL found none", object, then.at, s.Exists)
				}
				continue
			}
			got := row{}
			for name, v := range s.Columns {
				if v.Known == reader.NotKnown {
					t.Errorf("%s at %s: %s is not known", object, then.at, name)
				} else if value := same(t, v.JSON); value != "null" {
					got[name] = value
				}
			}
			if d := cmp.Diff(want, got); d != "" || s.Exists != reader.Exists || s.ObjectID != id ||
				len(s.Columns) != w.kept(entity) {
				t.Errorf("%s at %s: exists %q as %s with %d columns (-SQL then +reader):\n%s", object, then.at,
					s.Exists, s.ObjectID, len(s.Columns), d)
			}
		}
	}
}

// ownTypes: the same in the program's own types, and through a change of key.
func (w *world) ownTypes(t *testing.T) {
	r := w.aud.Reader()
	var names []string
	for v, err := range reader.History(t.Context(), r, &Track{TrackID: 90011}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%s %d<-%s %s", v.Entry.Type, v.Value.TrackID, v.Entry.PreviousObjectID, v.Value.Name))
	}
	if got := strings.Join(names, "; "); got != "update 90011<-11 C.O.D.; update 90011<- C.O.D. (remastered)" {
		t.Errorf("the story of track 90011: %s", got)
	}
	morning := hour(7, 0, 0)
	track, err := reader.AsOf(t.Context(), r, &Track{TrackID: 90011}, morning)
	if err != nil || track.Value.TrackID != 11 || track.Value.Bytes == nil || track.Value.Name != "C.O.D." ||
		track.Value.UnitPrice != "0.99" {
		t.Errorf("track 90011 in the morning: %+v, %v", track.Value, err)
	}
	gone, err := reader.AsOf(t.Context(), r, &Customer{CustomerID: 59}, morning)
	if err != nil || gone.Exists != reader.Exists || gone.Value.LastName != "Srivastava" || gone.Value.Email != "" ||
		!slices.Contains(gone.Unknown, w.names.ColumnName("", "Email")) {
		t.Errorf("customer 59 in the morning: %+v, %v", gone, err)
	}
	order, err := reader.Oldest(t.Context(), r, &Invoice{InvoiceID: 413})
	if err != nil || !order.Value.InvoiceDate.Equal(hour(9, 1, 2)) || *order.Value.BillingCity != "Łódź" {
		t.Errorf("order 413 as it came: %+v, %v", order.Value, err)
	}
}

// secretless: nothing that is masked or ignored was kept anywhere.
func (w *world) secretless(t *testing.T) {
	kept := w.everything(t)
	if len(w.secrets) < 120 {
		t.Errorf("only %d secrets are known", len(w.secrets))
	}
	for s := range w.secrets {
		if strings.Contains(kept, s) {
			t.Errorf("%q was kept", s)
		}
	}
}

// keepSecrets notes what is in columns that are masked or ignored: phone numbers and
// addresses of customers, fax numbers and birthdays of employees.
func (w *world) keepSecrets(t *testing.T) {
	t.Helper()
	for _, tab := range shop() {
		for _, c := range tab.columns {
			if !c.masked && !c.ignored {
				continue
			}
			name := w.names.ColumnName("", c.field)
			if c.kind == instant { // the driver would make a time of it
				name = "CAST(" + name + " AS CHAR(10))"
			}
			rows, err := w.sql.QueryContext(t.Context(), "SELECT "+name+" FROM "+w.names.TableName(tab.model)+
				" WHERE "+name+" IS NOT NULL")
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var s string
				if err := rows.Scan(&s); err != nil {
					t.Fatal(err)
				}
				w.secrets[s] = true
			}
			if err := rows.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// everything is all that annals stored, as text.
func (w *world) everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	tables := []string{"annals_revision"}
	for _, tab := range shop() {
		tables = append(tables, w.names.TableName(tab.model)+"_audit")
	}
	for _, name := range tables {
		rows, err := w.sql.QueryContext(t.Context(), "SELECT * FROM "+name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				if text, ok := v.([]byte); ok {
					v = string(text)
				}
				fmt.Fprintln(&b, v)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
