package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// Marks implements storage.Marked. A storage whose schema is from before there
// were marks has none: retention removes nothing there.
func (s *Store) Marks(ctx context.Context, entities ...string) ([]storage.Mark, error) {
	out, err := s.marks(ctx, s.cfg.DB, entities)
	switch s.cfg.Dialect.Classify(err) {
	case dialect.ClassMissingTable:
		return []storage.Mark{}, nil
	default:
		return out, err
	}
}

func (s *Store) marks(
	ctx context.Context, q dialect.Queryer, entities []string,
) ([]storage.Mark, error) {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT ")
	b.names("", []string{layout.ColEntity})
	b.text(", ", s.eng.instant(b.d.Quote(layout.ColBefore)))
	b.text(", ", s.eng.instant(b.d.Quote(layout.ColTime)), ", ")
	b.name(layout.ColActor)
	b.text(" FROM ")
	b.table(annals.Table{Name: layout.CleanTable})
	if len(entities) > 0 {
		b.text(" WHERE ")
		b.in(b.d.Quote(layout.ColEntity), texts(entities))
	}
	b.text(" ORDER BY ")
	b.name(layout.ColID)
	out := []storage.Mark{}
	err := query(ctx, q, b, func(scan func(...any) error) error {
		var m storage.Mark
		var before, at string
		var actor sql.NullString
		err := scan(&m.Entity, &before, &at, &actor)
		if err == nil {
			m.Before, err = parseInstant(before)
		}
		if err == nil {
			m.At, err = parseInstant(at)
		}
		m.Actor = actor.String
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, s.failRead("read the marks of", "retention", err)
	}
	return out, nil
}

// Mark implements storage.Cleaning.
func (r *cleanRun) Mark(ctx context.Context, m storage.Mark) error {
	s := r.store
	marks, err := s.marks(ctx, r.conn, []string{m.Entity})
	if err != nil {
		return err
	}
	m.Before = ceil(m.Before)
	for _, set := range marks {
		if !set.Before.Before(m.Before) {
			return nil
		}
	}
	at := s.timeOf(m.At)
	_, err = r.turns.Take(ctx, time.Time{}, func(tx dialect.Execer) error {
		b := r.builder()
		t := layout.Clean(b.d.Limits())
		b.insertInto(t.Name, columnsOf(t))
		b.text(" VALUES (")
		b.binds([]any{
			clean(m.Entity), s.eng.bindInstant(formatInstant(m.Before)), s.eng.bindInstant(at),
			text(m.Actor, 255),
		})
		b.text(")")
		_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
		return err
	})
	if err != nil {
		return s.fail("mark", "entity "+m.Entity, nil, err)
	}
	return nil
}
