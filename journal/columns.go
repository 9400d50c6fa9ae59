package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// TargetColumn is a row of annals_target_column: a column of a copy held a column
// of its table from the number FromSeq on, to UntilSeq (excluded) where it is set.
type TargetColumn struct {
	Entity, Column, Copy string
	// SourceType is the type of the copy's column, which is that of the source
	// without what belongs to its own objects.
	SourceType string
	// Codec is what decoding needs besides that type, as text; empty for nothing.
	Codec    string
	FromSeq  int64
	UntilSeq *int64
}

// Codec is the content of annals_target_column.codec.
type Codec struct {
	// Masked: the copy says whether the column was not null, or has changed.
	Masked bool `json:"masked,omitempty"`
	// Sent is the source's column where its copy holds the bytes of a record
	// (dialect.KindSent).
	Sent *dialect.Column `json:"sent,omitempty"`
}

// ParseCodec reads annals_target_column.codec; null is the empty text.
func ParseCodec(text string) (Codec, error) {
	var c Codec
	if text == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read codec: %w", err)
	}
	return c, nil
}

// Codec is the column's annals_target_column.codec, empty for null.
func (c *Column) Codec() (string, error) {
	var codec Codec
	switch {
	case c.Masked:
		codec.Masked = true
	case c.Kind == dialect.KindSent:
		sent := c.Column
		sent.Name, sent.Default = "", ""
		sent.Nullable, sent.Generated, sent.AutoIncrement = false, false, false
		codec.Sent = &sent
	default:
		return "", nil
	}
	text, err := json.Marshal(codec)
	if err != nil {
		return "", fmt.Errorf("write codec of column %s: %w", c.Name, err)
	}
	return string(text), nil
}

// Seed returns the rows of annals_target_column that say how the copy is filled,
// from the number from on.
func (t *Target) Seed(from int64) ([]TargetColumn, error) {
	rows := make([]TargetColumn, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		codec, err := c.Codec()
		if err != nil {
			return nil, err
		}
		rows[i] = TargetColumn{
			Entity: t.Name, Column: c.Name, Copy: c.Copy, SourceType: c.SQL, Codec: codec, FromSeq: from,
		}
	}
	return rows, nil
}

// ReadTargetColumns returns annals_target_column by entity, in order of id. A
// storage without the table has none.
func ReadTargetColumns(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, table annals.Table,
) (map[string][]TargetColumn, error) {
	columns := []string{
		layout.ColEntity, layout.ColColumnName, layout.ColCopyColumn, layout.ColSourceType,
		layout.ColCodec, layout.ColFromSeq, layout.ColUntilSeq,
	}
	for i, c := range columns {
		columns[i] = d.Quote(c)
	}
	rows := map[string][]TargetColumn{}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + d.Table(table) +
		" ORDER BY " + d.Quote(layout.ColID)
	err := scan(ctx, q, query, nil, func(scan func(...any) error) error {
		var c TargetColumn
		var codec sql.NullString
		var until sql.NullInt64
		err := scan(&c.Entity, &c.Column, &c.Copy, &c.SourceType, &codec, &c.FromSeq, &until)
		c.Codec = codec.String
		if until.Valid {
			c.UntilSeq = &until.Int64
		}
		rows[c.Entity] = append(rows[c.Entity], c)
		return err
	})
	if err != nil && d.Classify(err) == dialect.ClassMissingTable {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", layout.TargetColumnTable, err)
	}
	return rows, nil
}

// mapper chooses the columns of a copy.
type mapper struct {
	gen     generator
	dialect dialect.Dialect
	known   []TargetColumn // of the target
	taken   map[string]bool
}

func newMapper(d dialect.Dialect, gen generator, known []TargetColumn) *mapper {
	m := &mapper{dialect: d, gen: gen, known: known, taken: map[string]bool{}}
	for _, name := range []string{
		layout.ColCopyID, layout.ColCopyReceipt, layout.ColCopySeq, layout.ColCopyImage,
		layout.ColCopyOrdinal,
	} {
		m.taken[gen.fold(name)] = true
	}
	for _, k := range known {
		m.taken[gen.fold(k.Copy)] = true
	}
	return m
}

// fill gives each column its place in the copy: first those that have one, so that
// a new column does not take their names.
func (m *mapper) fill(columns []Column) {
	for i := range columns {
		c := &columns[i]
		c.SQL = m.gen.copyType(c)
		c.Copy = m.current(c)
	}
	for i := range columns {
		if c := &columns[i]; c.Copy == "" {
			c.Copy = m.free(wish(c))
		}
	}
}

// wish is the name that a column's copy has if nothing is in the way.
func wish(c *Column) string {
	if c.Masked {
		return layout.MaskedPrefix + c.Name
	}
	return c.Name
}

// current is the copy's column that holds the column now, if it can go on with it.
func (m *mapper) current(c *Column) string {
	i := slices.IndexFunc(m.known, func(k TargetColumn) bool {
		if k.UntilSeq != nil || k.Column != c.Name {
			return false
		}
		codec, err := c.Codec()
		if err != nil || codec != k.Codec {
			return false
		}
		return k.SourceType == c.SQL || dialect.Widens(m.dialect, k.SourceType, c.SQL)
	})
	if i < 0 {
		return ""
	}
	return m.known[i].Copy
}

func (m *mapper) free(name string) string {
	name = m.gen.fit(name, 0)
	for n := 2; m.taken[m.gen.fold(name)]; n++ {
		base := strings.TrimSuffix(name, "_"+strconv.Itoa(n-1))
		tail := "_" + strconv.Itoa(n)
		name = m.gen.fit(base, len(tail)) + tail
	}
	m.taken[m.gen.fold(name)] = true
	return name
}

// errNoColumns: rules that keep nothing leave nothing to record.
var errNoColumns = errors.New("no column is kept")
