package storage_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// BenchmarkWrite compares Write, with its revisions, receipts and the search for
// what is there already, with a bare INSERT of the same rows into the same table
// in turn. It reports both, per entry, and their ratio.
func BenchmarkWrite(b *testing.B) {
	for _, kind := range testdb.Kinds() {
		b.Run(kind, func(b *testing.B) {
			db := testdb.New(b, kind)
			d := dialectOf(b, db)
			install(b, db.DB, d, "post")
			s := open(b, db.DB, d)
			const size = 1000
			var ours, bare time.Duration
			n := 0
			for b.Loop() {
				batch := finished(n, size)
				begun := time.Now()
				if err := s.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				ours += time.Since(begun)
				rows := finished(n+1, size).Entries
				begun = time.Now()
				insertBare(b, db.DB, d, rows)
				bare += time.Since(begun)
				n += 2
			}
			b.ReportMetric(float64(ours.Microseconds())/float64(n/2*size), "µs/entry")
			b.ReportMetric(float64(bare.Microseconds())/float64(n/2*size), "bare-µs/entry")
			b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare-speed")
		})
	}
}

// finished is the n-th batch of entries, four to a revision.
func finished(n, size int) storage.Batch {
	list := changes(size, "post")
	out := storage.Batch{Entries: list}
	for i := range list {
		e := &list[i]
		e.Source, e.Seq = "app", int64(n*size+i+1)
		e.TransactionHash = hash(n*size + i/4)
		e.CreatedAt = revision(1).CreatedAt.Add(time.Duration(e.Seq) * time.Millisecond)
		e.Diffs = []byte(fmt.Sprintf(`{"changes":{"price":{"new":"%d.5","old":"%d.25"},`+
			`"title":{"new":"%s","old":"%s"}},"label":"Post %d"}`,
			i, i, strings.Repeat("n", 80), strings.Repeat("o", 80), i))
		if i%4 == 0 {
			rev := revision(n*size + i/4)
			out.Revisions = append(out.Revisions, rev)
		}
	}
	return out
}

// insertBare is the fastest plain way: one statement, one value each.
func insertBare(b *testing.B, db *sql.DB, d dialect.Dialect, rows []annals.Entry) {
	b.Helper()
	audit, _ := auditTable(b.Context(), "post")
	shape := layout.Entries(audit, layout.Lean, d.Limits())
	columns := shape.ColumnNames()
	var text strings.Builder
	text.WriteString("INSERT INTO " + d.Table(audit) + " (" + strings.Join(columns, ", ") + ") VALUES ")
	var args []any
	for i, e := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString("(")
		at := e.CreatedAt.Format("2006-01-02 15:04:05.000000")
		for j, v := range []any{
			string(e.Type), e.ObjectID, nil, nil, e.TransactionHash, e.Source, e.Seq, e.Part,
			string(e.Diffs), nil, e.Blame.ID, nil, nil, nil, nil, at, 1,
		} {
			if j > 0 {
				text.WriteString(", ")
			}
			args = append(args, v)
			text.WriteString(d.Placeholder(len(args)))
		}
		text.WriteString(")")
	}
	if _, err := db.ExecContext(b.Context(), text.String(), args...); err != nil {
		b.Fatal(err)
	}
}
