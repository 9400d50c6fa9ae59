package verify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// named is how many rows of an entity are named.
const named = 20

// ReplayMirror proves that the history in a mirror leads to the rows that are there:
// of each row the newest copy is held against it, column by column, in the database and
// at one instant. Masked and ignored columns stand aside. What retention took, or was
// there before the triggers, is not held against anything.
type ReplayMirror struct {
	Journal
	// Pool is the source, for a connection of its own.
	Pool *sql.DB
}

var _ Check = ReplayMirror{}

// Name implements Check.
func (c ReplayMirror) Name() string { return "history of source " + c.Journal.Journal.Source() }

// Run implements Check.
func (c ReplayMirror) Run(ctx context.Context) (found []Finding, err error) {
	e, err := c.look(ctx)
	if told(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	columns, err := journal.ReadTargetColumns(ctx, c.DB, c.Dialect, e.own(layout.TargetColumnTable))
	if err != nil {
		return nil, err
	}
	err = atOneInstant(ctx, c.Pool, c.Dialect, func(conn *sql.Conn) error {
		var failed []error
		for i := range e.targets {
			r := &mirrorReplay{looker: e, t: &e.targets[i], conn: conn, since: columns[e.targets[i].Name]}
			if err := r.run(ctx); err != nil {
				failed = append(failed, fmt.Errorf("replay entity %s: %w", r.t.Name, err))
			}
		}
		return errors.Join(failed...)
	})
	return e.found, err
}

// atOneInstant runs f in a transaction that reads one state of the database.
func atOneInstant(
	ctx context.Context, pool *sql.DB, d dialect.Dialect, f func(*sql.Conn) error,
) (err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, s := range instant(d) {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("begin to read: %w", err)
		}
	}
	err = f(conn)
	if _, failed := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); failed != nil {
		err = errors.Join(err, fmt.Errorf("end to read: %w", failed))
	}
	return err
}

// mirrorReplay is that of one table.
type mirrorReplay struct {
	*looker
	t     *journal.Target
	conn  *sql.Conn
	since []journal.TargetColumn
	// truncated is the number of the last truncation, 0 for none.
	truncated int64
	// only is what the table's name follows in FROM, such as "ONLY ".
	only   string
	differ int
}

func (r *mirrorReplay) run(ctx context.Context) error {
	err := each(ctx, r.conn, "truncations", "SELECT COALESCE(MAX(id), 0) FROM "+
		r.Dialect.Table(r.own(layout.RevisionEntityTable))+" WHERE type = '"+string(annals.OpTruncate)+
		"' AND entity = "+r.Dialect.Placeholder(1), []any{r.t.Name},
		func(scan func(...any) error) error { return scan(&r.truncated) })
	if err != nil && r.Dialect.Classify(err) == dialect.ClassMissingTable {
		return nil // another check tells
	}
	if err != nil {
		return err
	}
	if r.only, err = ownRows(ctx, r.conn, r.Dialect, r.t.Source); err != nil {
		return err
	}
	if err := r.rows(ctx); err != nil {
		return err
	}
	if err := r.missing(ctx); err != nil {
		return err
	}
	if more := r.differ - named; more > 0 {
		r.add(Error, r.t.Name, KindReplay, fmt.Sprintf("and %d more rows", more), anew(r.t.Name))
	}
	return r.untold(ctx)
}

// anew is the remedy for rows that are not as their history has them.
func anew(entity string) string {
	return "annals epoch import --again --entity " + shellWord(entity) +
		" gives each row a new baseline"
}

// lostRemedy: what nobody saw is not made up.
const lostRemedy = "no entry is made up for it: find out who removed it past the triggers, and when"

func (r *mirrorReplay) say(id, what, remedy string) {
	if r.differ++; r.differ <= named {
		r.add(Error, r.t.Name, KindReplay, "row "+id+": "+what, remedy)
	}
}

// newest is the copy that tells last of a key, given how x has it: where a statement
// exchanged keys, the image after it counts.
func (r *mirrorReplay) newest(same string) string {
	return "(SELECT x.annals_id FROM " + r.Dialect.Table(r.t.Copy) + " x WHERE " + same +
		" ORDER BY x.annals_revision_entity_id DESC, x.annals_image, x.annals_id DESC LIMIT 1)"
}

// same writes that copy x has the key of live row s.
func (r *mirrorReplay) same() string { return r.keys("x", r.live) }

func (r *mirrorReplay) keys(copied string, of func(*journal.Column) string) string {
	var parts []string
	for _, name := range r.t.Table.Key {
		for i := range r.t.Columns {
			if c := &r.t.Columns[i]; c.Name == name {
				parts = append(parts, copied+"."+r.Dialect.Quote(c.Copy)+" = "+of(c))
			}
		}
	}
	return strings.Join(parts, " AND ")
}

// live is a column of live row s as its copy would be.
func (r *mirrorReplay) live(c *journal.Column) string {
	return r.Journal.Journal.CopyExpr(c, "s."+r.Dialect.Quote(c.Name))
}

// from is the live table as s.
func (r *mirrorReplay) from() string { return r.only + r.Dialect.Table(r.t.Source) + " s" }

// toldColumn is a column that the copies from a number on tell.
type toldColumn struct {
	*journal.Column
	since int64
}

func (r *mirrorReplay) told() []toldColumn {
	var out []toldColumn
	for i := range r.t.Columns {
		c := &r.t.Columns[i]
		if c.Masked {
			continue
		}
		for _, k := range r.since {
			if k.Column == c.Name && k.Copy == c.Copy && k.UntilSeq == nil {
				out = append(out, toldColumn{c, k.FromSeq})
			}
		}
	}
	return out
}

// rows holds each row against its newest copy.
func (r *mirrorReplay) rows(ctx context.Context) error {
	told := r.told()
	list := r.keyList("s")
	gone := fmt.Sprintf("CASE WHEN c.annals_image = '%s' OR c.annals_revision_entity_id <= %d THEN 1 ELSE 0 END",
		layout.ImageBefore, r.truncated)
	wrong := []string{gone + " = 1"}
	for _, c := range told {
		differs := fmt.Sprintf("CASE WHEN c.annals_seq >= %d AND %s THEN 1 ELSE 0 END", c.since,
			distinct(r.Dialect, c.Column, r.live(c.Column), "c."+r.Dialect.Quote(c.Copy)))
		list = append(list, differs)
		wrong = append(wrong, differs+" = 1")
	}
	list = append(list, gone)
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + r.from() + " JOIN " + r.Dialect.Table(r.t.Copy) +
		" c ON c.annals_id = " + r.newest(r.same()) + " WHERE " + strings.Join(wrong, " OR ")
	return each(ctx, r.conn, "rows and their copies", query, nil, func(scan func(...any) error) error {
		flags := make([]int, len(told)+1)
		id, err := r.id(scan, flags)
		if err != nil {
			return err
		}
		if flags[len(told)] == 1 {
			r.say(id, "it is there, and by its history it was removed", anew(r.t.Name))
			return nil
		}
		var names []string
		for i, c := range told {
			if flags[i] == 1 {
				names = append(names, c.Name)
			}
		}
		r.say(id, "differs from its history in "+strings.Join(names, ", "), anew(r.t.Name))
		return nil
	})
}

// keyList reads the key of a row for its object id.
func (r *mirrorReplay) keyList(alias string) []string {
	var list []string
	for _, c := range r.keyColumns() {
		name := c.Name
		if alias == "c" {
			name = c.Copy
		}
		list = append(list, r.Dialect.ReadExpr(c.Column, alias+"."+r.Dialect.Quote(name)))
	}
	return list
}

func (r *mirrorReplay) keyColumns() []*journal.Column {
	var columns []*journal.Column
	for _, name := range r.t.Table.Key {
		for i := range r.t.Columns {
			if r.t.Columns[i].Name == name {
				columns = append(columns, &r.t.Columns[i])
			}
		}
	}
	return columns
}

// id scans keyList and flags, and makes the object id.
func (r *mirrorReplay) id(scan func(...any) error, flags []int) (string, error) {
	columns := r.keyColumns()
	values := make([]any, len(columns))
	dest := make([]any, 0, len(columns)+len(flags))
	for i := range values {
		dest = append(dest, &values[i])
	}
	for i := range flags {
		dest = append(dest, &flags[i])
	}
	if err := scan(dest...); err != nil {
		return "", err
	}
	key := make([]json.RawMessage, len(columns))
	for i, c := range columns {
		var err error
		if key[i], err = r.Dialect.Decode(c.Column, values[i]); err != nil {
			return "", fmt.Errorf("read column %s: %w", c.Name, err)
		}
	}
	return annals.ObjectID(key...), nil
}

// missing finds keys whose newest copy says that their row is there, and it is not.
func (r *mirrorReplay) missing(ctx context.Context) error {
	pair := r.keys("x", func(c *journal.Column) string { return "c." + r.Dialect.Quote(c.Copy) })
	query := "SELECT " + strings.Join(r.keyList("c"), ", ") + " FROM " + r.Dialect.Table(r.t.Copy) + " c WHERE " +
		"c.annals_image = '" + layout.ImageAfter + "' AND " +
		fmt.Sprintf("c.annals_revision_entity_id > %d", r.truncated) +
		" AND NOT EXISTS (SELECT 1 FROM " + r.from() + " WHERE " + r.keys("c", r.live) + ") AND c.annals_id = " +
		r.newest(pair)
	return each(ctx, r.conn, "copies and their rows", query, nil, func(scan func(...any) error) error {
		id, err := r.id(scan, nil)
		if err == nil {
			r.say(id, "it is not there, and its history does not say that it was removed", lostRemedy)
		}
		return err
	})
}

// untold counts the rows without history. After an epoch there are none, unless
// retention took it.
func (r *mirrorReplay) untold(ctx context.Context) error {
	var n, cleaned, done int64
	count := func(what, query string, into *int64, args ...any) error {
		return each(ctx, r.conn, what, query, args, func(scan func(...any) error) error { return scan(into) })
	}
	of := " WHERE entity = " + r.Dialect.Placeholder(1)
	if err := errors.Join(
		count("rows without history", "SELECT COUNT(*) FROM "+r.from()+" WHERE NOT EXISTS (SELECT 1 FROM "+
			r.Dialect.Table(r.t.Copy)+" x WHERE "+r.same()+")", &n),
		count("retention", "SELECT COUNT(*) FROM "+r.Dialect.Table(r.own(layout.CleanTable))+of, &cleaned, r.t.Name),
		count("epochs", "SELECT COUNT(*) FROM "+r.Dialect.Table(r.own(layout.EpochTable))+of+" AND done",
			&done, r.t.Name),
	); err != nil {
		return err
	}
	r.baseline(r.t.Name, n, cleaned > 0, done > 0)
	return nil
}

// baseline tells of rows without history, which is nothing to be said after retention.
func (e *looker) baseline(entity string, n int64, cleaned, done bool) {
	switch {
	case n == 0 || cleaned:
	case done:
		e.add(Error, entity, KindReplay, fmt.Sprintf("%d rows have no history, although the epoch is done", n),
			anew(entity))
	default:
		e.add(Note, entity, KindNoBaseline, fmt.Sprintf("%d rows have no history: they are older than the triggers", n),
			"annals epoch import --entity "+shellWord(entity))
	}
}
