package verify

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

// ReplayEntries proves that the entries that are kept beside a source's tables lead to
// the rows that are there: of each row the entries are replayed, and what they tell is
// held against it, at one instant. Masked and ignored columns stand aside. Rows wait in
// a temporary file where there are many.
type ReplayEntries struct {
	Source   string
	Pool     *sql.DB
	Dialect  dialect.Dialect
	Registry *track.Registry
	// Table is where the entries of an entity are; ok is false for one whose entries are
	// elsewhere.
	Table func(e annals.Entity) (table annals.Table, ok bool)
	// Key makes arguments of an object id; nil where it is no key of the table.
	Key func(t *track.Table, objectID string) []any
}

var _ Check = ReplayEntries{}

// Name implements Check.
func (c ReplayEntries) Name() string { return "history of source " + c.Source }

// Run implements Check.
func (c ReplayEntries) Run(ctx context.Context) (found []Finding, err error) {
	err = atOneInstant(ctx, c.Pool, c.Dialect, func(conn *sql.Conn) error {
		tables, err := c.Registry.Entities(ctx, conn)
		if told(err) {
			err = nil
		}
		failed := []error{err}
		for _, t := range tables {
			table, ok := c.Table(*t.Entity)
			if !ok {
				continue
			}
			r := &entriesReplay{
				ReplayEntries: c, conn: conn, table: table, t: t, reader: capture.NewReader(c.Dialect, t),
				known: map[string]int64{},
			}
			if err := r.run(ctx); err != nil && !r.isMissing(err) {
				failed = append(failed, fmt.Errorf("replay entity %s: %w", t.Entity.Name, err))
			}
			found = append(found, r.found...)
		}
		return errors.Join(failed...)
	})
	return found, err
}

// isMissing: a table of entries that is not there is another check's finding.
func (r *entriesReplay) isMissing(err error) bool {
	return r.Dialect.Classify(err) == dialect.ClassMissingTable
}

// page is how many rows, or object ids, are looked at together.
const page = 500

// entriesReplay is that of one entity.
type entriesReplay struct {
	ReplayEntries
	conn   *sql.Conn
	table  annals.Table
	t      *track.Table
	reader *capture.Reader
	// truncated is the number of the last truncation, 0 for none; known the number with
	// which an entry first told of a column.
	truncated int64
	known     map[string]int64
	differ    int
	found     []Finding
}

func (r *entriesReplay) run(ctx context.Context) error {
	err := r.scan(ctx, "SELECT COALESCE(MAX(seq), 0) FROM "+r.entries()+" WHERE source = "+r.mark(1)+
		" AND type = '"+string(annals.Truncate)+"'", []any{r.Source},
		func(scan func(...any) error) error { return scan(&r.truncated) })
	if err != nil {
		return err
	}
	if err := r.rows(ctx); err != nil {
		return err
	}
	if err := r.missing(ctx); err != nil {
		return err
	}
	if more := r.differ - named; more > 0 {
		r.add(Error, KindReplay, fmt.Sprintf("and %d more rows", more), entriesRemedy)
	}
	return nil
}

const entriesRemedy = "find out who wrote past the capture: other programs, or raw SQL; triggers see all of them"

func (r *entriesReplay) entries() string   { return r.Dialect.Table(r.table) }
func (r *entriesReplay) mark(n int) string { return r.Dialect.Placeholder(n) }

func (r *entriesReplay) scan(
	ctx context.Context, query string, args []any, f func(scan func(...any) error) error,
) error {
	return each(ctx, r.conn, "entries of "+r.t.Entity.Name, query, args, f)
}

func (r *entriesReplay) add(severity Severity, kind, detail, remedy string) {
	r.found = append(r.found, Finding{
		Severity: severity, Source: r.Source, Entity: r.t.Entity.Name, Kind: kind, Detail: detail, Remedy: remedy,
	})
}

func (r *entriesReplay) say(id, what string) {
	if r.differ++; r.differ <= named {
		r.add(Error, KindReplay, "row "+id+": "+what, entriesRemedy)
	}
}

// rows holds each row against what its entries tell.
func (r *entriesReplay) rows(ctx context.Context) error {
	query := "SELECT " + r.reader.Columns("") + " FROM " + r.Dialect.Table(r.t.Live.Name)
	cursor, err := r.conn.QueryContext(ctx, query) //nolint:rowserrcheck // Gather does
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", r.t.Live.Name, err)
	}
	all, err := r.reader.Gather(cursor, 0, false)
	if err != nil {
		return err
	}
	defer all.Close() //nolint:errcheck // a file that is gone already
	var without int64
	for rows, err := range all.Chunks(page) {
		if err != nil {
			return err
		}
		ids := make([]string, len(rows))
		for i := range rows {
			ids[i] = rows[i].ID
		}
		stories, err := r.stories(ctx, ids)
		if err != nil {
			return err
		}
		for i := range rows {
			s := stories[rows[i].ID]
			if s == nil {
				without++
				continue
			}
			if err := r.compare(ctx, &rows[i], s); err != nil {
				return err
			}
		}
	}
	return r.without(ctx, without)
}

// without tells of rows without entries.
func (r *entriesReplay) without(ctx context.Context, n int64) error {
	if n == 0 {
		return nil
	}
	var cleaned int64
	err := r.scan(ctx, "SELECT COUNT(*) FROM "+r.Dialect.Table(annals.Table{Name: layout.CleanTable})+
		" WHERE entity = "+r.mark(1), []any{r.t.Entity.Name},
		func(scan func(...any) error) error { return scan(&cleaned) })
	if err != nil {
		return err
	}
	if cleaned == 0 {
		r.add(Note, KindNoBaseline, fmt.Sprintf("%d rows have no entries: they are older than the capture, "+
			"or were made past it", n), "take no notice, or capture by triggers: annals epoch import gives "+
			"each row its baseline there")
	}
	return nil
}

// story is what the entries of one object id lead to.
type story struct {
	values map[string]json.RawMessage
	// whole: it begins with a row of which all is told; begins is its number.
	whole  bool
	begins int64
	gone   bool
}

// rowTypes are the entries that tell of a row.
const rowTypes = "('insert', 'update', 'remove', 'epoch')"

// formerKeys is how often a row's key is followed back.
const formerKeys = 10

// stories replays the entries of object ids, under the keys that their rows had before,
// too.
func (r *entriesReplay) stories(ctx context.Context, ids []string) (map[string]*story, error) {
	for range formerKeys {
		stories, former, err := r.replay(ctx, ids)
		if err != nil || len(former) == 0 {
			return stories, err
		}
		ids = slices.Concat(ids, former)
	}
	stories, _, err := r.replay(ctx, ids)
	return stories, err
}

// replay also returns the former keys that are not among ids.
func (r *entriesReplay) replay(
	ctx context.Context, ids []string,
) (stories map[string]*story, former []string, err error) {
	asked := make(map[string]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	stories = map[string]*story{}
	query, args := r.query(ids)
	err = r.scan(ctx, query, args, func(scan func(...any) error) error {
		var e annals.Entry
		var text string
		if err := scan(&e.ObjectID, &e.PreviousObjectID, &e.Type, &text, &e.Seq); err != nil {
			return err
		}
		d, err := diff.Parse([]byte(text))
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		if from := e.PreviousObjectID; from != "" && from != e.ObjectID {
			stories[e.ObjectID] = stories[from] // what had the key before has another story
			stories[from] = &story{gone: true}
			if !asked[from] {
				asked[from] = true
				former = append(former, from)
			}
		}
		stories[e.ObjectID] = stories[e.ObjectID].next(&e, &d)
		return nil
	})
	return stories, former, err
}

// query reads the entries of object ids that tell of rows.
func (r *entriesReplay) query(ids []string) (string, []any) {
	args := []any{r.Source, r.truncated}
	list := func() string {
		marks := make([]string, len(ids))
		for i, id := range ids {
			args = append(args, id)
			marks[i] = r.mark(len(args))
		}
		return strings.Join(marks, ", ")
	}
	query := "SELECT object_id, COALESCE(previous_object_id, ''), type, " + r.diffs() + ", seq FROM " + r.entries() +
		" WHERE source = " + r.mark(1) + " AND seq > " + r.mark(2) + " AND type IN " + rowTypes +
		" AND (object_id IN (" + list() + ")"
	query += " OR previous_object_id IN (" + list() + ")) ORDER BY seq, part"
	return query, args
}

// diffs is the column as a text.
func (r *entriesReplay) diffs() string { return asText(r.Dialect, layout.ColDiffs) }

// next is the story after an entry.
func (s *story) next(e *annals.Entry, d *diff.Diff) *story {
	begins := e.Type == annals.Epoch || (e.Type == annals.Insert && !d.Soft)
	if s == nil || s.gone || begins {
		s = &story{values: map[string]json.RawMessage{}, whole: begins, begins: e.Seq}
	}
	if e.Type == annals.Remove && !d.Soft {
		return &story{gone: true}
	}
	for _, c := range d.Changes {
		s.values[c.Column] = c.New
	}
	return s
}

// compare holds a row against its story.
func (r *entriesReplay) compare(ctx context.Context, row *capture.Row, s *story) error {
	if s.gone {
		r.say(row.ID, "it is there, and by its entries it was removed")
		return nil
	}
	var differs []string
	for i, column := range row.Image.Columns {
		if r.t.Masked(column) {
			continue
		}
		is := row.Image.Values[i]
		was, told := s.values[column]
		switch {
		case told && !bytes.Equal(orNull(is), orNull(was)):
			differs = append(differs, column)
		case !told && s.whole && !annals.IsNull(is):
			// An insert leaves nulls out; or the column came later, with a default.
			first, err := r.first(ctx, column)
			if err != nil {
				return err
			}
			if first > 0 && first <= s.begins {
				differs = append(differs, column)
			}
		}
	}
	if len(differs) > 0 {
		r.say(row.ID, "differs from its entries in "+strings.Join(differs, ", "))
	}
	return nil
}

func orNull(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return annals.Null
	}
	return v
}

// first is the number with which an entry first told of a column, 0 where none does.
func (r *entriesReplay) first(ctx context.Context, column string) (int64, error) {
	if n, ok := r.known[column]; ok {
		return n, nil
	}
	name, err := json.Marshal(column)
	if err != nil {
		return 0, fmt.Errorf("name of column %s: %w", column, err)
	}
	var n int64
	pattern := "%" + strings.NewReplacer(`\`, `_`, `%`, `_`).Replace(string(name)) + ":%"
	err = r.scan(ctx, "SELECT COALESCE(MIN(seq), 0) FROM "+r.entries()+" WHERE source = "+r.mark(1)+
		" AND type IN "+rowTypes+" AND "+r.diffs()+" LIKE "+r.mark(2), []any{r.Source, pattern},
		func(scan func(...any) error) error { return scan(&n) })
	r.known[column] = n
	return n, err
}

// missing finds object ids whose entries say that their row is there, and it is not.
func (r *entriesReplay) missing(ctx context.Context) error {
	later := "n.source = e.source AND n.type IN " + rowTypes + " AND "
	query := "SELECT DISTINCT e.object_id FROM " + r.entries() + " e WHERE e.source = " + r.mark(1) +
		" AND e.seq > " + r.mark(2) + " AND e.object_id > " + r.mark(3) + " AND e.type IN ('" +
		string(annals.Insert) + "', '" + string(annals.Update) + "', '" + string(annals.Epoch) +
		"') AND NOT EXISTS (SELECT 1 FROM " + r.entries() + " n WHERE " + later +
		"n.object_id = e.object_id AND n.seq > e.seq) AND NOT EXISTS (SELECT 1 FROM " + r.entries() + " n WHERE " +
		later + "n.previous_object_id = e.object_id AND n.object_id <> e.object_id AND n.seq > e.seq) " +
		"ORDER BY e.object_id LIMIT " + fmt.Sprint(page)
	for after := ""; ; {
		var ids []string
		err := r.scan(ctx, query, []any{r.Source, r.truncated, after}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := r.there(ctx, ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// there looks for the rows of object ids.
func (r *entriesReplay) there(ctx context.Context, ids []string) error {
	var keys [][]any
	var asked []string
	for _, id := range ids {
		if key := r.Key(r.t, id); key != nil {
			keys, asked = append(keys, key), append(asked, id)
		}
	}
	rows, err := r.reader.ByKeys(ctx, r.conn, keys, "")
	if err != nil {
		return err
	}
	for _, id := range asked {
		if !slices.ContainsFunc(rows, func(row capture.Row) bool { return row.ID == id }) {
			r.say(id, "it is not there, and its entries do not say that it was removed")
		}
	}
	return nil
}
