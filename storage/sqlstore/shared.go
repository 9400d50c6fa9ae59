package sqlstore

import (
	"context"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

// RevisionsByID returns revisions by their numbers; those that are not there are
// missing.
func (s *Store) RevisionsByID(
	ctx context.Context, ids []int64,
) (map[int64]*annals.Revision, error) {
	out := map[int64]*annals.Revision{}
	if len(ids) == 0 {
		return out, nil
	}
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT 1")
	s.columns(b, "r.", s.rev)
	b.text(" FROM ")
	b.table(s.rev.Name)
	b.text(" AS r WHERE ")
	s.eng.ids(b, "r.id", ids)
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var one int
		var r annals.Revision
		var extra, at string
		if err := scan(append([]any{&one}, revisionFields(&r, &extra, &at)...)...); err != nil {
			return err
		}
		out[r.ID] = &r
		return finishRevision(&r, extra, at)
	})
	if err != nil {
		return nil, s.failRead("read", "revisions", err)
	}
	return out, nil
}

// RevisionsSaying returns the numbers of revisions whose text a condition is about, where
// these are few; ok is false where they are not, or where the condition is about
// something else.
func (s *Store) RevisionsSaying(
	ctx context.Context, c *storage.Condition,
) (ids []int64, ok bool, err error) {
	column := revisionColumn(c.On)
	if column == "" || c.Not {
		return nil, false, nil
	}
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT r.id FROM ")
	b.table(s.rev.Name)
	b.text(" AS r WHERE ")
	s.says(b, "r."+b.d.Quote(column), c)
	b.text(" LIMIT ")
	b.number(maxHashes + 1)
	if ids, err = readIDs(ctx, s.cfg.DB, b); err != nil {
		return nil, false, s.failRead("find revisions by", string(c.On), err)
	}
	return ids, len(ids) <= maxHashes, nil
}

// Running names the transactions that have written and may still commit; ok is
// false where the account may not know.
func (s *Store) Running(ctx context.Context) (names map[string]bool, ok bool, err error) {
	if names, ok, err = s.eng.running(ctx, s.cfg.DB); err != nil {
		err = s.failRead("follow", "running transactions", err)
	}
	return names, ok, err
}

// FailRead is a database's error while reading, with its family and remedy.
func (s *Store) FailRead(op, subject string, err error) error { return s.failRead(op, subject, err) }

// FailWrite is a database's error while writing, with its family and remedy.
func (s *Store) FailWrite(op, subject string, err error) error {
	return s.fail(op, subject, nil, err)
}

// MarkOn is storage.Cleaning's Mark through the connection of a run.
func (s *Store) MarkOn(ctx context.Context, conn storage.Conn, m storage.Mark) error {
	return (&cleanRun{store: s, eng: s.eng, conn: conn, turns: s.Turns(conn)}).Mark(ctx, m)
}

// Syntax is the SQL that stores of other layouts share with this one.
type Syntax struct{ eng engine }

// SyntaxOf returns the SQL of a database.
func SyntaxOf(d dialect.Dialect) Syntax { return Syntax{newEngine(d)} }

// Instant is an expression for a column of layout.Instant as text, which
// ParseInstant reads.
func (s Syntax) Instant(ref string) string { return s.eng.instant(ref) }

// ParseInstant reads what Instant gives.
func (Syntax) ParseInstant(text string) (time.Time, error) { return parseInstant(text) }

// BindInstant is what is bound for the first instant that a column can hold at or
// after t.
func (s Syntax) BindInstant(t time.Time) string {
	return s.eng.bindInstant(formatInstant(ceil(t)))
}

// Term is what stands around one statement with ORDER BY and LIMIT in a union.
func (s Syntax) Term() (open, shut string) { return s.eng.term() }

// Literal is a text as it stands in a script.
func (s Syntax) Literal(text string) string { return s.eng.literal(text) }
