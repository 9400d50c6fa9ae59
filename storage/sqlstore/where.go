package sqlstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// filters writes the conditions besides the one that leads the index.
func (s *Store) filters(w *where, q storage.Query, br branch, loose bool) {
	for _, f := range []struct {
		column string
		values []any
	}{
		{layout.ColType, types(q.Types)},
		{layout.ColBlameID, texts(q.Actors)},
		{layout.ColTransactionHash, texts(q.Hashes)},
	} {
		if f.column != br.column && len(f.values) > 0 {
			w.in(f.column, f.values)
		}
	}
	if len(q.ObjectIDs) > 0 && br.column != layout.ColObjectID &&
		br.column != layout.ColPreviousObjectID {
		s.objects(w, &storage.Condition{Texts: storage.Texts(q.ObjectIDs...)})
	}
	if len(q.Sources) > 0 {
		w.and()
		w.b.in(s.eng.unindexed(w.b.d.Quote(layout.ColSource)), texts(q.Sources))
	}
	if !q.Since.IsZero() {
		w.compare(">=", s.eng.bindInstant(formatInstant(ceil(q.Since))))
	}
	if !q.Until.IsZero() {
		w.compare("<", s.eng.bindInstant(formatInstant(ceil(q.Until))))
	}
	s.past(w, "<", q.Before, loose)
	s.past(w, ">", q.After, loose)
	if len(q.Fields) > 0 {
		w.and()
		w.b.text("(")
		s.eng.hasField(w.b, w.b.d.Quote(layout.ColDiffs), q.Fields)
		w.b.text(")")
	}
	for i := range q.Where {
		s.condition(w, &q.Where[i], br.table)
	}
}

// where joins conditions.
type where struct {
	b    *builder
	some bool
}

func (w *where) and() {
	w.b.text([]string{" WHERE ", " AND "}[boolInt(w.some)])
	w.some = true
}

func (w *where) in(column string, values []any) {
	w.and()
	w.b.in(w.b.d.Quote(column), values)
}

// compare is about the time of capture.
func (w *where) compare(op string, value any) {
	w.and()
	w.b.name(layout.ColCreatedAt)
	w.b.text(" ", op, " ")
	w.b.bind(value)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// maxHashes is how many revisions a condition on revisions may name for them to
// be looked up first.
const maxHashes = 1000

// longNumber is a number too long to be compared in SQL: some databases do so as
// floats, to which it would be infinite.
const longNumber = 300

// byHash looks up the revisions that a condition on revisions names. Where they
// are few, their hashes lead to the entries by an index; annals_revision is read
// once for that. none tells that there are no such revisions.
func (s *Store) byHash(
	ctx context.Context, q storage.Query,
) (narrowed storage.Query, none bool, err error) {
	for i := range q.Where {
		c := &q.Where[i]
		column := revisionColumn(c.On)
		if column == "" || c.Not {
			continue
		}
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT r.transaction_hash FROM ")
		b.table(s.rev.Name)
		b.text(" AS r WHERE ")
		s.says(b, "r."+b.d.Quote(column), c)
		b.text(" LIMIT ")
		b.number(maxHashes + 1)
		var hashes []string
		err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
			var hash string
			err := scan(&hash)
			hashes = append(hashes, hash)
			return err
		})
		if err != nil {
			return q, false, s.failRead("find revisions by", string(c.On), err)
		}
		if len(hashes) > maxHashes {
			continue
		}
		if len(q.Hashes) > 0 {
			hashes = slices.DeleteFunc(hashes, func(h string) bool {
				return !slices.Contains(q.Hashes, h)
			})
		}
		if q.Hashes = hashes; len(hashes) == 0 {
			return q, true, nil
		}
	}
	return q, false, nil
}

// parameters is how many values the conditions bind at most.
func parameters(where []storage.Condition) (n int) {
	for _, c := range where {
		paths := 0
		for _, p := range c.Paths {
			paths += 1 + strings.Count(p, ".")
		}
		n += 2*len(c.Texts) + paths + len(c.Old) + len(c.New)
	}
	return n
}

// entryColumn is the column of an audit table that a subject compares; "" where
// it compares none, or several.
func entryColumn(on storage.Subject) string {
	switch on {
	case storage.OnType:
		return layout.ColType
	case storage.OnActor:
		return layout.ColBlameID
	case storage.OnSource:
		return layout.ColSource
	case storage.OnDiscriminator:
		return layout.ColDiscriminator
	case storage.OnIP:
		return layout.ColIP
	default:
		return ""
	}
}

// revisionColumn is the column of annals_revision that a subject compares.
func revisionColumn(on storage.Subject) string {
	switch on {
	case storage.OnComment:
		return layout.ColComment
	case storage.OnAgent:
		return layout.ColUserAgent
	case storage.OnRequest:
		return layout.ColRequestID
	default:
		return ""
	}
}

// condition writes what SQL can tell of a condition: all of it where it is exact,
// else what leaves nothing out that matches.
func (s *Store) condition(w *where, c *storage.Condition, table layout.Table) {
	column, ofRevision := entryColumn(c.On), revisionColumn(c.On)
	switch {
	case c.Not && !c.Exact(): // what the database finds may be more than what matches
	case c.On == storage.OnObject:
		s.objects(w, c)
	case c.On == storage.OnMove:
		w.and()
		w.b.text(w.b.d.Quote(layout.ColPreviousObjectID), " IS ",
			map[bool]string{false: "NOT ", true: ""}[c.Not], "NULL")
	case column != "":
		w.and()
		ref := w.b.d.Quote(column)
		if c.On == storage.OnSource || c.On == storage.OnType {
			ref = s.eng.unindexed(ref)
		}
		s.says(w.b, ref, c)
	case ofRevision != "":
		w.and()
		s.ofRevision(w.b, ofRevision, c, table)
	case c.On == storage.OnChange:
		s.changes(w, c)
	case c.On == storage.OnExtra:
		s.extra(w, c)
	}
}

// says writes the comparison of a text, also of one that is null.
func (s *Store) says(b *builder, ref string, c *storage.Condition) {
	if c.Not {
		b.text("(", ref, " IS NULL OR NOT ")
		defer b.text(")")
	}
	b.text("(")
	var whole []string
	for _, t := range c.Texts {
		if !t.Part {
			whole = append(whole, t.Value)
			continue
		}
		s.eng.contains(b, ref, clean(t.Value))
		b.text(" OR ")
	}
	if len(whole) > 0 {
		b.in(ref, texts(whole))
	} else {
		b.text("1 = 0")
	}
	b.text(")")
}

// objects compares both ids of an object.
func (s *Store) objects(w *where, c *storage.Condition) {
	both := *c
	both.Not = false
	w.and()
	if c.Not {
		w.b.text("NOT ")
	}
	w.b.text("(")
	s.says(w.b, w.b.d.Quote(layout.ColObjectID), &both)
	w.b.text(" OR COALESCE(")
	s.says(w.b, w.b.d.Quote(layout.ColPreviousObjectID), &both)
	w.b.text(", 1 = 0))")
}

// ofRevision compares a text of the entry's revision by a sub-query that no
// optimizer turns round: it is asked for one entry after the other, in the order
// of the page, until the page is full.
func (s *Store) ofRevision(
	b *builder, column string, c *storage.Condition, table layout.Table,
) {
	found := *c
	found.Not = false
	if c.Not {
		b.text("NOT ")
	}
	b.text("COALESCE((SELECT ")
	s.says(b, "v."+b.d.Quote(column), &found)
	b.text(" FROM ")
	b.table(s.rev.Name)
	b.text(" AS v WHERE v.transaction_hash = ")
	b.table(table.Name)
	b.text(".transaction_hash), 1 = 0)")
}

// changes writes what a database can tell of changes: that one has a column of
// that name, with such values where these are no structures. Values within JSON
// are left to Go.
func (s *Store) changes(w *where, c *storage.Condition) {
	var fields []string
	nested := false
	for _, path := range c.Paths {
		for i := range len(path) {
			if path[i] == '.' {
				fields, nested = append(fields, path[:i]), true
			}
		}
		fields = append(fields, path)
	}
	var old, now []string
	if !nested {
		var never bool
		if old, now, never = sides(c); never {
			w.and()
			w.b.text("1 = 0")
			return
		}
	}
	ref := w.b.d.Quote(layout.ColDiffs)
	switch {
	case len(old)+len(now) > 0:
		w.and()
		w.b.text("(")
		s.eng.hasChange(w.b, ref, change{fields, old, now})
		w.b.text(")")
	case len(fields) > 0:
		w.and()
		w.b.text("(")
		s.eng.hasField(w.b, ref, fields)
		w.b.text(")")
	}
}

// change is what a database looks for: a change of one of the columns that has one
// of the values, as JSON, on each side; none means any.
type change struct {
	fields   []string
	old, now []string
}

// sides appends, for each side that has values, that it is one of them; is writes
// the comparison with one.
func (c *change) sides(b *builder, is func(side, value string)) {
	for _, side := range []struct {
		name   string
		values []string
	}{{"old", c.old}, {"new", c.now}} {
		for i, v := range side.values {
			b.text([]string{" AND (", " OR "}[min(i, 1)])
			is(side.name, v)
		}
		if len(side.values) > 0 {
			b.text(")")
		}
	}
}

// sides are the values of a condition; never tells that no entry has them.
func sides(c *storage.Condition) (old, now []string, never bool) {
	var neverOld, neverNow bool
	old, neverOld = scalars(c.Old)
	now, neverNow = scalars(c.New)
	return old, now, neverOld || neverNow
}

// scalars returns values that every database compares alike, none where one of
// them is not of that kind. What no database stores is left out; never tells that
// nothing is left.
func scalars(values []json.RawMessage) (out []string, never bool) {
	for _, v := range values {
		switch {
		case canonical.HasNUL(v):
			continue
		case len(v) == 0, v[0] == '{', v[0] == '[', v[0] != '"' && len(v) > longNumber:
			return nil, false
		}
		out = append(out, string(v))
	}
	return out, len(values) > 0 && len(out) == 0
}

// extra writes that the extra data has a member that a path may begin with. An
// element of an array is found by its number, which is no member.
func (s *Store) extra(w *where, c *storage.Condition) {
	w.and()
	ref := w.b.d.Quote(layout.ColExtraData)
	w.b.text(ref, " IS NOT NULL")
	var names []string
	for _, path := range c.Paths {
		for i := range len(path) {
			if path[i] == '.' {
				names = append(names, path[:i])
			}
		}
		names = append(names, path)
		if c := path[0:min(1, len(path))]; c >= "0" && c <= "9" {
			return
		}
	}
	if len(names) > 0 {
		w.and()
		w.b.text("(")
		s.eng.hasMember(w.b, ref, names)
		w.b.text(")")
	}
}
