package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/layout"
)

// selectList writes the columns that scan reads: those of e, then those of r.
func (s *Store) selectList(b *builder) {
	b.text("e.n")
	s.columns(b, "e.", s.entries)
	s.columns(b, "r.", s.rev)
}

// columns writes every column of t in a form that all drivers read alike.
func (s *Store) columns(b *builder, prefix string, t layout.Table) {
	for _, c := range t.Columns {
		if c.Name == layout.ColXID {
			continue
		}
		ref := prefix + s.cfg.Dialect.Quote(c.Name)
		switch c.Type {
		case layout.Instant:
			ref = s.eng.instant(ref)
		case layout.JSON:
			ref = s.eng.jsonText(ref)
		default:
		}
		b.text(", ", ref)
	}
}

// null scans what may be null into dst and leaves dst alone then.
func null[T any](dst *T) sql.Scanner { return &nullable[T]{dst} }

type nullable[T any] struct{ dst *T }

// Scan implements sql.Scanner.
func (n *nullable[T]) Scan(v any) error {
	var got sql.Null[T]
	if err := got.Scan(v); err != nil {
		return err
	}
	if got.Valid {
		*n.dst = got.V
	}
	return nil
}

// revisionFields are the targets for columns of annals_revision; at is the text
// of created_at.
func revisionFields(r *annals.Revision, extra, at *string) []any {
	return []any{
		null(&r.ID), null(&r.Source), null(&r.Hash), null(&r.Managed), null(&r.Comment),
		null(&r.Actor.ID), null(&r.Actor.Name), null(&r.Actor.Email), null(&r.Actor.Type),
		null(&r.Actor.Context), null(&r.Origin.IP), null(&r.Origin.UserAgent),
		null(&r.Origin.RequestID), null(&r.DBUser), null(&r.Application), null(&r.ClientAddr),
		null(extra), null(at),
	}
}

// finishRevision turns texts into values.
func finishRevision(r *annals.Revision, extra, at string) error {
	var err error
	r.Extra = readJSON(extra)
	r.CreatedAt, err = parseInstant(at)
	return err
}

// scan reads entries with their revisions; entities are the names by ordinal.
// Entries of one revision share it.
func (s *Store) scan(
	ctx context.Context, b *builder, entities []string,
) ([]annals.Entry, error) {
	out := []annals.Entry{}
	revisions := map[string]*annals.Revision{}
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var e annals.Entry
		var r annals.Revision
		var n int
		var diffs, extra, at, revExtra, revAt string
		into := append([]any{
			&n, &e.ID, &e.Type, &e.ObjectID, null(&e.PreviousObjectID), null(&e.Discriminator),
			&e.TransactionHash, &e.Source, &e.Seq, &e.Part, &diffs, null(&extra),
			null(&e.Blame.ID), null(&e.Blame.User), null(&e.Blame.FQDN), null(&e.Blame.Firewall),
			null(&e.Blame.IP), &at, &e.SchemaVersion,
		}, revisionFields(&r, &revExtra, &revAt)...)
		if err := scan(into...); err != nil {
			return err
		}
		var err error
		if e.CreatedAt, err = parseInstant(at); err != nil {
			return fmt.Errorf("entry %d of entity %s: %w", e.ID, entities[n], err)
		}
		e.Entity, e.Storage = entities[n], s.cfg.Name
		e.Diffs, e.ExtraData = readJSON(diffs), readJSON(extra)
		if r.Hash != "" && revisions[r.Hash] == nil {
			if err := finishRevision(&r, revExtra, revAt); err != nil {
				return fmt.Errorf("revision %s: %w", r.Hash, err)
			}
			revisions[r.Hash] = &r
		}
		e.Revision = revisions[r.Hash]
		out = append(out, e)
		return nil
	})
	return out, err
}

// readJSON brings stored JSON back to canonical form: native JSON columns
// reorder. What has no such form is returned as it is.
func readJSON(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	out, err := canonical.Canonical([]byte(text))
	if err != nil {
		return json.RawMessage(text)
	}
	return out
}
