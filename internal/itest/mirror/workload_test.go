package mirror_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// statement is a change that can be made in SQL and through GORM.
type statement struct {
	op, table string
	// set are expressions by column, where a condition.
	set   map[string]string
	where string
}

func (s *statement) sql(d dialect.Dialect) string {
	columns := slices.Sorted(maps.Keys(s.set))
	var parts, values []string
	for _, c := range columns {
		parts = append(parts, d.Quote(c)+" = "+s.set[c])
		values = append(values, s.set[c])
	}
	switch s.op {
	case "insert":
		return "INSERT INTO " + s.table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
	case "update":
		return "UPDATE " + s.table + " SET " + strings.Join(parts, ", ") + " WHERE " + s.where
	}
	return "DELETE FROM " + s.table + " WHERE " + s.where
}

func (s *statement) gorm(tx *gorm.DB) error {
	set := map[string]any{}
	for c, v := range s.set {
		set[c] = gorm.Expr(v)
	}
	tx = tx.Table(s.table)
	switch s.op {
	case "insert":
		return tx.Create(set).Error
	case "update":
		return tx.Where(s.where).Updates(set).Error
	}
	return tx.Where(s.where).Delete(nil).Error
}

// workload makes statements up.
type workload struct {
	*rand.Rand
	posts, tags, authors, stocks int
	links                        map[string]bool
}

func (w *workload) text() string {
	return []string{"NULL", "''", "'a'", "'A'", "'two words'", "'it''s'", "'ä'"}[w.IntN(7)]
}

func (w *workload) number() string { return []string{"NULL", "1", "2", "3", "12.50", "0"}[w.IntN(6)] }

// some chooses rows of a table with a key id.
func (w *workload) some(n int) string {
	if w.IntN(4) == 0 {
		return fmt.Sprintf("id %% 3 = %d", w.IntN(3))
	}
	return fmt.Sprintf("id = %d", w.IntN(n+1)+1)
}

func (w *workload) next() statement {
	const unlinked = " AND id > 10" // the first ten are what tags hang on
	switch w.IntN(14) {
	case 0, 1:
		w.posts++
		return statement{op: "insert", table: "posts", set: map[string]string{
			"id": fmt.Sprint(w.posts), "title": w.text(), "token": w.text(), "author_id": fmt.Sprint(w.IntN(3) + 1),
			"price": w.number(), "kind": w.text(), "note": w.text(),
		}}
	case 2, 3, 4:
		set := map[string]string{"title": w.text()}
		for _, c := range []string{"token", "kind", "note", "deleted_at"} {
			if w.IntN(2) == 0 {
				set[c] = w.text()
			}
		}
		return statement{op: "update", table: "posts", set: set, where: w.some(w.posts)}
	case 5:
		set := map[string]string{"author_id": fmt.Sprint(w.IntN(4))}
		return statement{op: "update", table: "posts", set: set, where: w.some(w.posts)}
	case 6:
		return statement{op: "delete", table: "posts", where: w.some(w.posts) + unlinked}
	case 7: // another key
		return statement{
			op: "update", table: "posts", set: map[string]string{"id": "id + 1000"},
			where: w.some(w.posts) + " AND id < 1000" + unlinked,
		}
	case 8:
		w.tags++
		return statement{op: "insert", table: "tags", set: map[string]string{"id": fmt.Sprint(w.tags), "name": w.text()}}
	case 9, 10:
		return w.link()
	case 11:
		w.authors++
		set := map[string]string{"id": fmt.Sprint(w.authors), "name": w.text()}
		return statement{op: "insert", table: "authors", set: set}
	case 12:
		w.stocks++
		return statement{op: "insert", table: "stocks", set: map[string]string{
			"shelf": []string{"'a'", "'A'", "'b \"c\"'"}[w.IntN(3)], "place": fmt.Sprint(w.stocks), "amount": w.number(),
		}}
	}
	return statement{
		op: "update", table: "stocks", set: map[string]string{"amount": "amount + 1"},
		where: fmt.Sprintf("place %% 4 = %d", w.IntN(4)),
	}
}

// link joins a post and a tag of the first ten, which stay, or parts them.
func (w *workload) link() statement {
	post, tag := w.IntN(10)+1, w.IntN(5)+1
	key := fmt.Sprintf("post_id = %d AND tag_id = %d", post, tag)
	if w.links[key] {
		w.links[key] = false
		return statement{op: "delete", table: "post_tag", where: key}
	}
	w.links[key] = true
	set := map[string]string{"post_id": fmt.Sprint(post), "tag_id": fmt.Sprint(tag)}
	return statement{op: "insert", table: "post_tag", set: set}
}

// fixed are rows that stay.
func (w *workload) fixed() (list []statement) {
	for i := 1; i <= 10; i++ {
		list = append(list, statement{op: "insert", table: "posts", set: map[string]string{"id": fmt.Sprint(i)}})
		if i <= 5 {
			list = append(list, statement{op: "insert", table: "tags", set: map[string]string{"id": fmt.Sprint(i)}})
		}
		key := fmt.Sprintf("post_id = %d AND tag_id = 5", i)
		w.links[key] = true
		set := map[string]string{"post_id": fmt.Sprint(i), "tag_id": "5"}
		list = append(list, statement{op: "insert", table: "post_tag", set: set})
		if i < 5 {
			list[len(list)-1].set["tag_id"] = "1"
			delete(w.links, key)
			w.links[fmt.Sprintf("post_id = %d AND tag_id = 1", i)] = true
		}
	}
	slices.SortStableFunc(list, func(x, y statement) int {
		rank := map[string]int{"post_tag": 1}
		return rank[x.table] - rank[y.table]
	})
	w.posts, w.tags = 10, 5
	return list
}

// program is the shop in a database that GORM's changes are recorded in.
type program struct {
	*mirror
	db      *gorm.DB
	entries *sqlstore.Store
}

func newProgram(t *testing.T, db *testdb.DB) *program {
	t.Helper()
	p := &program{mirror: &mirror{DB: db, t: t}}
	var err error
	if p.d, err = dialect.Detect(t.Context(), db.DB, db.Dialect); err != nil {
		t.Fatal(err)
	}
	p.exec(shop...)
	cfg := shopRules()
	cfg.Sources = map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureORM}}
	if p.aud, err = auditor.New(cfg); err != nil {
		t.Fatal(err)
	}
	manager, err := p.aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.aud.Refresh()
	p.db = orm.Open(t, db.Dialect, db.DB, gorm.Config{})
	if err := p.db.Use(gormcapture.New(p.aud)); err != nil {
		t.Fatal(err)
	}
	p.entries, err = sqlstore.New(sqlstore.Config{
		Name: "default", DB: db.DB, Dialect: p.d, AuditTable: func(_ context.Context, entity string) (annals.Table, error) {
			return annals.Table{Name: cfg.Entities[entity].Table + "_audit"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stories are lines by object, in order.
func stories(t *testing.T, entries []annals.Entry) []string {
	t.Helper()
	byObject := map[string][]string{}
	for i := range entries {
		key := entries[i].Entity + " " + entries[i].ObjectID
		byObject[key] = append(byObject[key], line(t, &entries[i]))
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(byObject)) {
		out = append(out, byObject[key]...)
	}
	return out
}

// since are the entries behind the last one.
func since(t *testing.T, s storage.Store, last *annals.Position) []annals.Entry {
	t.Helper()
	got := find(t, s, storage.Query{Entities: everything, After: *last})
	if len(got) > 0 {
		*last = got[len(got)-1].Cursor()
	}
	return got
}

// TestWorkload: a random workload gives the same entries through GORM and through
// triggers, and what these tell, played again, is what the tables hold.
func TestWorkload(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := triggered(t, db, shopRules(), shop...)
		p := newProgram(t, testdb.New(t, db.Kind))
		w := &workload{Rand: rand.New(rand.NewPCG(7, 11)), links: map[string]bool{}}
		var all []annals.Entry
		var lastM, lastP annals.Position
		for round := range 120 {
			var list []statement
			if round == 0 {
				list = w.fixed()
			}
			for range w.IntN(3) + 1 {
				list = append(list, w.next())
			}
			m.play(list, round%10 == 9)
			p.play(list, round%10 == 9)
			if round%10 == 9 { // rolled back; what it changed counts for nothing
				w.undo(list)
			}
			got, want := since(t, m.store, &lastM), since(t, p.entries, &lastP)
			same(t, fmt.Sprintf("round %d: %v", round, list), stories(t, got), stories(t, want))
			if t.Failed() {
				return
			}
			all = append(all, got...)
		}
		m.replay(all)
	})
}

// undo takes back what is known of links.
func (w *workload) undo(list []statement) {
	for _, s := range list {
		if s.table == "post_tag" && s.op == "insert" {
			delete(w.links, fmt.Sprintf("post_id = %s AND tag_id = %s", s.set["post_id"], s.set["tag_id"]))
		} else if s.table == "post_tag" {
			w.links[s.where] = true
		}
	}
}

func (m *mirror) play(list []statement, back bool) {
	m.t.Helper()
	tx, err := m.BeginTx(m.t.Context(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range list {
		exec(m.t, tx, list[i].sql(m.d))
	}
	end := tx.Commit
	if back {
		end = tx.Rollback
	}
	if err := end(); err != nil {
		m.t.Fatal(err)
	}
}

func (p *program) play(list []statement, back bool) {
	p.t.Helper()
	tx := p.db.WithContext(p.t.Context()).Begin()
	for i := range list {
		if err := list[i].gorm(tx); err != nil {
			p.t.Fatalf("%+v: %v", list[i], err)
		}
	}
	end := tx.Commit
	if back {
		end = tx.Rollback
	}
	if err := end().Error; err != nil {
		p.t.Fatal(err)
	}
}

// replay applies entries to nothing and compares with the live rows and links.
func (m *mirror) replay(entries []annals.Entry) {
	m.t.Helper()
	objects, links := map[string]*annals.Image{}, map[string]bool{}
	for i := range entries {
		e := &entries[i]
		d, err := diff.Parse(e.Diffs)
		if err != nil {
			m.t.Fatal(err)
		}
		if a := d.Association; a != nil {
			links[fmt.Sprintf("%s %s %s", e.Entity, e.ObjectID, a.Target.Key[0].Value)] = e.Type == annals.Associate
			continue
		}
		if e.Entity == "post" && e.PreviousObjectID != "" { // a child with another key keeps its parent
			for link, there := range links {
				parent, ok := strings.CutSuffix(link, " "+e.PreviousObjectID)
				if ok && there && strings.HasPrefix(link, "author ") {
					delete(links, link)
					links[parent+" "+e.ObjectID] = true
				}
			}
		}
		key, from := e.Entity+" "+e.ObjectID, e.Entity+" "+e.ObjectID
		if e.PreviousObjectID != "" {
			from = e.Entity + " " + e.PreviousObjectID
		}
		was := objects[from]
		delete(objects, from)
		if e.Type == annals.Remove && !d.Soft {
			continue
		}
		image, err := diff.Apply(was, d)
		if err != nil {
			m.t.Fatalf("%s: %v", line(m.t, e), err)
		}
		objects[key] = image
	}
	var told, live []string
	for key, image := range objects {
		told = append(told, key+" "+imageText(image))
	}
	for link, there := range links {
		if there {
			told = append(told, link)
		}
	}
	for _, e := range m.entities() {
		live = append(live, m.live(e)...)
	}
	live = append(live, m.liveLinks()...)
	slices.Sort(told)
	slices.Sort(live)
	if d := cmp.Diff(live, told); d != "" {
		m.t.Errorf("history played again (-live +told):\n%s", d)
	}
}

// imageText is an image without nulls, by column.
func imageText(i *annals.Image) string {
	values := map[string]string{}
	for n, c := range i.Columns {
		if !annals.IsNull(i.Values[n]) {
			values[c] = string(i.Values[n])
		}
	}
	return fmt.Sprint(values)
}

// live are the rows of an entity as its rules let them be seen.
func (m *mirror) live(e annals.Entity) (out []string) {
	m.t.Helper()
	table, err := catalog.Load(m.t.Context(), m.DB, m.d, e.Table)
	if err != nil {
		m.t.Fatal(err)
	}
	var list []string
	for _, c := range table.Columns {
		list = append(list, m.d.ReadExpr(c, m.d.Quote(c.Name)))
	}
	rows, err := m.QueryContext(m.t.Context(), "SELECT "+strings.Join(list, ", ")+" FROM "+m.d.Table(e.Table))
	if err != nil {
		m.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, into := make([]any, len(list)), make([]any, len(list))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			m.t.Fatal(err)
		}
		image := &annals.Image{}
		for i, c := range table.Columns {
			v, err := m.d.Decode(c, values[i])
			if err != nil {
				m.t.Fatal(err)
			}
			if e.Masks(c.Name) && !annals.IsNull(v) {
				v = diff.Masked
			}
			if e.Keeps(c.Name) {
				image.Columns, image.Values = append(image.Columns, c.Name), append(image.Values, v)
			}
		}
		var key []rawMessage
		for _, k := range table.Key {
			v, _ := image.Value(k)
			key = append(key, v)
		}
		out = append(out, e.Name+" "+annals.ObjectID(key...)+" "+imageText(image))
	}
	return out
}

func (m *mirror) liveLinks() (out []string) {
	m.t.Helper()
	pair := func(query string, add func(a, b string)) {
		rows, err := m.QueryContext(m.t.Context(), query)
		if err != nil {
			m.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var a, b string
			if err := rows.Scan(&a, &b); err != nil {
				m.t.Fatal(err)
			}
			add(a, b)
		}
	}
	pair("SELECT post_id, tag_id FROM post_tag", func(post, tag string) {
		out = append(out, "post "+post+" "+tag, "tag "+tag+" "+post)
	})
	pair("SELECT author_id, id FROM posts WHERE author_id IS NOT NULL", func(author, post string) {
		out = append(out, "author "+author+" "+post)
	})
	return out
}
