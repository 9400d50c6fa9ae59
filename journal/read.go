package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

// Receipt is a row of annals_revision_entity in the mirror layout.
type Receipt struct {
	ID, Revision int64
	// Target is the name of what was changed, Type a name of layout.RevisionTypes.
	Target, Type string
	// Entries is the number of rows.
	Entries   int64
	CreatedAt time.Time
}

// Row is a copied row.
type Row struct {
	ID, Receipt, Seq int64
	// Ordinal pairs images; see layout.OrdinalOfConnection.
	Ordinal int64
	// After tells the image as the row became from that as it was.
	After bool
	// values are those of the sheet's cells.
	values []json.RawMessage
}

// Scan reads what Selection selects.
func (s *Sheet) Scan(scan func(...any) error) (Row, error) {
	r := Row{values: make([]json.RawMessage, len(s.cells))}
	image := ""
	raw := make([]any, len(s.cells))
	into := make([]any, 0, 5+len(raw))
	into = append(into, &r.ID, &r.Receipt, &r.Seq, &image, &r.Ordinal)
	for i := range raw {
		into = append(into, &raw[i])
	}
	if err := scan(into...); err != nil {
		return r, err
	}
	switch image {
	case layout.ImageAfter:
		r.After = true
	case layout.ImageBefore:
	default:
		return r, s.damaged(r.Seq, "its image is neither before nor after")
	}
	for i, v := range raw {
		value, err := s.dialect.Decode(s.cells[i].live, v)
		if err != nil {
			return r, fmt.Errorf("copy %s, number %d: %w", s.Copy, r.Seq, err)
		}
		r.values[i] = value
	}
	return r, nil
}

// Mutation makes a mutation of a receipt of this sheet and the images of one number,
// and returns the table by whose rules it is read. A truncate has no images.
func (s *Sheet) Mutation(r Receipt, rows ...Row) (*track.Table, annals.Mutation, error) {
	m := annals.Mutation{Source: s.Source, Seq: r.ID, At: r.CreatedAt}
	var before, after *Row
	for i := range rows {
		m.Seq = rows[i].Seq
		if rows[i].After {
			after = &rows[i]
		} else {
			before = &rows[i]
		}
	}
	e := s.editionAt(m.Seq)
	m.Table = e.table.Live.Name
	m.Operation = annals.Operation(r.Type)
	whole := false
	switch m.Operation {
	case annals.OpTruncate:
		return e.table, m, nil
	case annals.OpInsert, annals.OpEpoch:
		whole = before == nil && after != nil
	case annals.OpDelete:
		whole = before != nil && after == nil
	case annals.OpUpdate:
		whole = before != nil && after != nil
	}
	if !whole {
		return e.table, m, s.damaged(m.Seq, "it does not have the images of an "+r.Type)
	}
	if before != nil {
		m.Before = s.image(e, before)
	}
	if after != nil {
		m.After = s.image(e, after)
	}
	if before != nil && after != nil {
		s.pairMasked(e, &m, after)
	}
	return e.table, m, nil
}

// image makes an image of a row. The stand-in of a masked column tells whether it
// was null.
func (s *Sheet) image(e *edition, r *Row) *annals.Image {
	out := &annals.Image{Columns: e.columns, Values: make([]json.RawMessage, len(e.cells))}
	for i, n := range e.cells {
		out.Values[i] = r.values[n]
		if s.cells[n].masked {
			out.Values[i] = annals.Null
			if isTrue(r.values[n]) {
				out.Values[i] = diff.Masked
			}
		}
	}
	return out
}

// pairMasked reads the stand-ins of an update's after image: false where the value
// is as it was, true where it is another, null where it has become null.
func (s *Sheet) pairMasked(e *edition, m *annals.Mutation, after *Row) {
	for i, n := range e.cells {
		if !s.cells[n].masked {
			continue
		}
		column, told := e.columns[i], after.values[n]
		switch {
		case annals.IsNull(told):
			m.After.Values[i] = annals.Null
		case !isTrue(told):
			m.After.Values[i] = m.Before.Values[i]
		default:
			m.After.Values[i] = diff.Masked
			// Both are masked perhaps; that they differ is all that is known of them.
			if m.After.Digests == nil {
				m.After.Digests = map[string][32]byte{}
			}
			m.After.Digests[column] = [32]byte{1}
		}
	}
}

// isTrue reads a truth value of any database.
func isTrue(v json.RawMessage) bool { return string(v) == "true" || string(v) == "1" }

func (s *Sheet) damaged(seq int64, problem string) error {
	return &annals.Error{
		Op: "read", Subject: fmt.Sprintf("copy %s, number %d", s.Copy, seq),
		Err:    fmt.Errorf("%w: %s", annals.ErrCapture, problem),
		Remedy: "run `annals verify`: somebody wrote to annals' own tables",
	}
}

// Image is one row alone, as an insert or a delete shows it, and the table by whose
// rules it is read.
func (s *Sheet) Image(r Row) (*track.Table, *annals.Image) {
	e := s.editionAt(r.Seq)
	return e.table, s.image(e, &r)
}
