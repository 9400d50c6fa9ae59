package capture

import (
	"bufio"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"time"

	"github.com/seed-162b1470/annals"
)

// held is how many rows a Rows keeps in memory.
const held = 10_000

// Rows are the rows that a statement is about to change, in the order in which
// they were read. What goes beyond some thousands waits in a temporary file that
// only this user can read and that goes with Close, so that a statement may
// change any number of rows. It is not safe for concurrent use.
type Rows struct {
	reader *Reader
	rows   []Row
	spill  *spill
	n      int
}

// Gather reads all rows of a query, as Scan does. distinct drops the repetitions
// that a join makes of one row. It closes rows.
func (r *Reader) Gather(rows *sql.Rows, extra int, distinct bool) (_ *Rows, err error) {
	g := &Rows{reader: r}
	seen := map[string]bool{}
	err = r.scan(rows, extra, func(row Row) error {
		if distinct {
			if seen[row.ID] {
				return nil
			}
			seen[row.ID] = true
		}
		return g.add(row)
	})
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Hold returns rows that are read already.
func (r *Reader) Hold(rows []Row) *Rows {
	return &Rows{reader: r, rows: rows, n: len(rows)}
}

// Len is the number of rows.
func (g *Rows) Len() int { return g.n }

// Held reports whether all rows are in memory.
func (g *Rows) Held() bool { return g.spill == nil }

// All returns all rows at once.
func (g *Rows) All() ([]Row, error) {
	if g.Held() {
		return g.rows, nil
	}
	all := make([]Row, 0, g.n)
	for chunk, err := range g.Chunks(held) {
		if err != nil {
			return nil, err
		}
		all = append(all, chunk...)
	}
	return all, nil
}

// Chunks gives the rows, at most size at a time. It can be ranged over again.
func (g *Rows) Chunks(size int) iter.Seq2[[]Row, error] {
	return func(yield func([]Row, error) bool) {
		for from := 0; from < len(g.rows); from += size {
			if !yield(g.rows[from:min(from+size, len(g.rows))], nil) {
				return
			}
		}
		if g.spill == nil {
			return
		}
		in, err := g.spill.read()
		for left := g.n - len(g.rows); left > 0 && err == nil; {
			chunk := make([]Row, 0, min(size, left))
			for len(chunk) < cap(chunk) && err == nil {
				var row Row
				if row, err = g.decode(in); err == nil {
					chunk = append(chunk, row)
				}
			}
			left -= len(chunk)
			if err == nil && !yield(chunk, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, fmt.Errorf("read rows of %s back: %w", g.reader.table.Live.Name, err))
		}
	}
}

// Close frees what waits in a file.
func (g *Rows) Close() error {
	if g == nil || g.spill == nil {
		return nil
	}
	s := g.spill
	g.spill, g.rows, g.n = nil, nil, 0
	return s.close()
}

func (g *Rows) add(row Row) error {
	g.n++
	if len(g.rows) < held {
		g.rows = append(g.rows, row)
		return nil
	}
	var err error
	if g.spill == nil {
		if g.spill, err = newSpill(); err != nil {
			return err
		}
	}
	if err = g.spill.write(&row); err != nil {
		return fmt.Errorf("put rows of %s aside in %s: %w", g.reader.table.Live.Name, os.TempDir(), err)
	}
	return nil
}

// spill is a temporary file of rows.
type spill struct {
	file *os.File
	out  *bufio.Writer
	buf  []byte
}

func newSpill() (*spill, error) {
	f, err := os.CreateTemp("", "annals-rows-*")
	if err != nil {
		return nil, fmt.Errorf("put rows aside: %w", err)
	}
	// Where the system allows, the name goes at once: nothing is left behind then,
	// whatever becomes of the process. Elsewhere close removes it.
	_ = os.Remove(f.Name())
	return &spill{file: f, out: bufio.NewWriterSize(f, 1<<16)}, nil
}

func (s *spill) close() error {
	err := s.file.Close()
	if again := os.Remove(s.file.Name()); again != nil && !errors.Is(again, os.ErrNotExist) {
		err = errors.Join(err, again)
	}
	return err
}

// The kinds of key values, as drivers give them.
const (
	kindNull = iota
	kindInt
	kindUint
	kindFloat
	kindBool
	kindBytes
	kindString
	kindTime
)

func (s *spill) write(row *Row) error {
	b := appendBytes(s.buf[:0], []byte(row.ID))
	var err error
	for _, list := range [][]any{row.Key, row.Extra} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, v := range list {
			if b, err = appendValue(b, v); err != nil {
				return err
			}
		}
	}
	for _, v := range row.Image.Values {
		b = appendBytes(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(row.Image.Digests)))
	for column, digest := range row.Image.Digests {
		b = append(appendBytes(b, []byte(column)), digest[:]...)
	}
	s.buf = b
	_, err = s.out.Write(b)
	return err
}

// read begins at the first row.
func (s *spill) read() (*bufio.Reader, error) {
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(io.NewSectionReader(s.file, 0, math.MaxInt64), 1<<16), nil
}

func (g *Rows) decode(in *bufio.Reader) (Row, error) {
	d := decoder{in: in}
	row := Row{ID: string(d.bytes())}
	for _, list := range []*[]any{&row.Key, &row.Extra} {
		for range d.count() {
			*list = append(*list, d.value())
		}
	}
	row.Image = &annals.Image{
		Columns: g.reader.names, Values: make([]json.RawMessage, len(g.reader.names)),
	}
	for i := range row.Image.Values {
		row.Image.Values[i] = d.bytes()
	}
	for range d.count() {
		if row.Image.Digests == nil {
			row.Image.Digests = map[string][32]byte{}
		}
		column := string(d.bytes())
		var digest [32]byte
		d.fill(digest[:])
		row.Image.Digests[column] = digest
	}
	return row, d.err
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, kindNull), nil
	case int64:
		return binary.AppendVarint(append(dst, kindInt), v), nil
	case uint64:
		return binary.AppendUvarint(append(dst, kindUint), v), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(dst, kindFloat), math.Float64bits(v)), nil
	case bool:
		if v {
			return append(dst, kindBool, 1), nil
		}
		return append(dst, kindBool, 0), nil
	case []byte:
		return appendBytes(append(dst, kindBytes), v), nil
	case string:
		return appendBytes(append(dst, kindString), []byte(v)), nil
	case time.Time:
		b, err := v.MarshalBinary()
		return appendBytes(append(dst, kindTime), b), err
	default:
		return nil, fmt.Errorf("a key value of type %T: %w", v, annals.ErrCapture)
	}
}

// decoder reads until the first error, which it keeps.
type decoder struct {
	in  *bufio.Reader
	err error
}

func (d *decoder) count() uint64 {
	if d.err != nil {
		return 0
	}
	var n uint64
	n, d.err = binary.ReadUvarint(d.in)
	return n
}

func (d *decoder) fill(b []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.in, b)
	}
}

func (d *decoder) bytes() []byte {
	b := make([]byte, d.count())
	d.fill(b)
	return b
}

func (d *decoder) value() any {
	var kind [1]byte
	d.fill(kind[:])
	switch kind[0] {
	case kindInt:
		var n int64
		if d.err == nil {
			n, d.err = binary.ReadVarint(d.in)
		}
		return n
	case kindUint:
		return d.count()
	case kindFloat:
		var b [8]byte
		d.fill(b[:])
		return math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
	case kindBool:
		var b [1]byte
		d.fill(b[:])
		return b[0] == 1
	case kindBytes:
		return d.bytes()
	case kindString:
		return string(d.bytes())
	case kindTime:
		var t time.Time
		if b := d.bytes(); d.err == nil {
			d.err = t.UnmarshalBinary(b)
		}
		return t
	}
	return nil
}
