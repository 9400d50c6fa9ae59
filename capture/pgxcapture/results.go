package pgxcapture

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-162b1470/annals/capture/claim"
)

// rows are those of a statement that is a transaction by itself, which ends with
// them.
type rows struct {
	pgx.Rows
	finish func(error) error
	ended  bool
	err    error
}

// Next advances to the next row.
func (r *rows) Next() bool {
	if !r.ended && r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close ends the rows and their transaction.
func (r *rows) Close() {
	r.Rows.Close()
	if !r.ended {
		r.ended = true
		r.err = r.finish(r.Rows.Err())
	}
}

// Err returns what went wrong, the commit included.
func (r *rows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// row is the first of rows, as pgx scans it.
type row struct{ rows pgx.Rows }

// Scan implements pgx.Row.
func (r row) Scan(dest ...any) error {
	defer r.rows.Close()
	if err := r.rows.Err(); err != nil {
		return err
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	_ = r.rows.Scan(dest...) // Err tells of it
	r.rows.Close()
	return r.rows.Err()
}

// batch is the results of a batch among whose queries the claim is.
type batch struct {
	pgx.BatchResults
	db   *DB
	said *claim.Transaction
	// own is how many results come before the claim's; negative once that is read.
	own int
	err error
	// begins: the batch begins a transaction, which ends the claim.
	begins, done bool
}

// skip reads past the claim's result.
func (b *batch) skip() {
	if b.own == 0 {
		_, b.err = b.BatchResults.Exec()
	}
	b.own--
}

// Exec reads the result of the next query.
func (b *batch) Exec() (pgconn.CommandTag, error) {
	if b.skip(); b.err != nil {
		return pgconn.CommandTag{}, b.err
	}
	return b.BatchResults.Exec()
}

// Query reads the rows of the next query.
func (b *batch) Query() (pgx.Rows, error) {
	if b.skip(); b.err != nil {
		return failed(b.err), b.err
	}
	return b.BatchResults.Query()
}

// QueryRow reads the row of the next query.
func (b *batch) QueryRow() pgx.Row {
	if b.skip(); b.err != nil {
		return row{failed(b.err)}
	}
	return b.BatchResults.QueryRow()
}

// Tx returns the transaction that the batch has begun.
func (b *batch) Tx() pgx.Tx {
	below := b.BatchResults.Tx()
	if below == nil {
		return nil
	}
	b.done = true // the transaction's from here on
	b.said.Wrote()
	return &tx{Tx: below, state: &state{db: b.db, said: b.said, bound: true}}
}

// Close reads what is left.
func (b *batch) Close() error {
	err := b.BatchResults.Close()
	if !b.done && (err != nil || !b.begins) {
		end(b.said, err, true)
	}
	b.done = b.done || !b.begins
	return err
}

// failedBatch is the results of a batch that was not sent.
type failedBatch struct{ err error }

// Exec implements pgx.BatchResults.
func (f failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }

// Query implements pgx.BatchResults.
func (f failedBatch) Query() (pgx.Rows, error) { return failed(f.err), f.err }

// QueryRow implements pgx.BatchResults.
func (f failedBatch) QueryRow() pgx.Row { return row{failed(f.err)} }

// Tx implements pgx.BatchResults.
func (f failedBatch) Tx() pgx.Tx { return nil }

// Close implements pgx.BatchResults.
func (f failedBatch) Close() error { return f.err }

// failed are rows of a statement that did not run.
func failed(err error) pgx.Rows { return failure{err} }

type failure struct{ err error }

// Close implements pgx.Rows, as the others do.
func (failure) Close() {}

// Err implements pgx.Rows.
func (f failure) Err() error { return f.err }

// CommandTag implements pgx.Rows.
func (failure) CommandTag() pgconn.CommandTag { return pgconn.CommandTag{} }

// FieldDescriptions implements pgx.Rows.
func (failure) FieldDescriptions() []pgconn.FieldDescription { return nil }

// Next implements pgx.Rows.
func (failure) Next() bool { return false }

// Scan implements pgx.Rows.
func (f failure) Scan(...any) error { return f.err }

// Values implements pgx.Rows.
func (f failure) Values() ([]any, error) { return nil, f.err }

// RawValues implements pgx.Rows.
func (failure) RawValues() [][]byte { return nil }

// Conn implements pgx.Rows.
func (failure) Conn() *pgx.Conn { return nil }

// TypeMap implements pgx.Rows.
func (failure) TypeMap() *pgtype.Map { return nil }
