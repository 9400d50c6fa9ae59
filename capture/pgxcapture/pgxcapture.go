// Package pgxcapture tells the triggers of annals, for programs that use pgx without
// database/sql, what the context of each transaction says: actor, origin, comment,
// extra data (package annals).
//
//	pool, err := pgxpool.New(ctx, dsn)
//	db := pgxcapture.Wrap(pool, pgxcapture.Options{})
//	tag, err := db.Exec(annals.WithActor(ctx, actor), "UPDATE post SET title = $1", title)
//
// The claim travels with BEGIN, or with the statement where that is a transaction by
// itself, so that it costs no round trip of its own. PostgreSQL forgets it when the
// transaction ends. Programs on database/sql use package capture/conn instead.
package pgxcapture

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
)

// Options say how claims are bound.
type Options struct {
	// Row binds by a row, for poolers that set connections aside once they have
	// settings; Schema is where annals_bind is, then.
	Row    bool
	Schema string
	// Actor is asked once a transaction, where its context has no actor. Nil asks
	// nobody.
	Actor func(context.Context) (annals.Actor, error)
}

// Queryer is the part of *pgxpool.Pool and *pgx.Conn that runs statements.
type Queryer interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

// DB runs statements as what is wrapped does, and binds those that write.
type DB struct {
	below   Queryer
	options Options
	syntax  conn.Syntax
}

var _ Queryer = (*DB)(nil)

// Wrap wraps a *pgxpool.Pool or a *pgx.Conn.
func Wrap(below Queryer, o Options) *DB {
	return &DB{below: below, options: o, syntax: conn.Postgres()}
}

// TxOptions returns options whose BEGIN carries what ctx says, for programs that
// begin transactions themselves. A comment in ctx is not used up by them: Wrap does
// that.
func TxOptions(ctx context.Context, o pgx.TxOptions) (pgx.TxOptions, error) {
	said := &claim.Transaction{}
	defer said.RolledBack()
	if _, err := said.Take(ctx); err != nil || said.Claim().IsZero() {
		return o, err
	}
	return withClaim(o, claim.PostgresSet(said.Claim())), nil
}

// withClaim has the claim travel with BEGIN.
func withClaim(o pgx.TxOptions, bind string) pgx.TxOptions {
	begin := o.BeginQuery
	if begin == "" {
		begin = "BEGIN"
		if o.IsoLevel != "" {
			begin += " ISOLATION LEVEL " + string(o.IsoLevel)
		}
		if o.AccessMode != "" {
			begin += " " + string(o.AccessMode)
		}
		if o.DeferrableMode != "" {
			begin += " " + string(o.DeferrableMode)
		}
	}
	o.BeginQuery = begin + "; " + bind
	return o
}

// Begin begins a bound transaction.
func (db *DB) Begin(ctx context.Context) (pgx.Tx, error) {
	return db.BeginTx(ctx, pgx.TxOptions{})
}

// BeginTx begins a bound transaction.
func (db *DB) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	said := db.claim()
	// A row is a write, which a transaction that only reads does without.
	if o.AccessMode != pgx.ReadOnly && !db.options.Row {
		if _, err := said.Take(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := db.begin(ctx, o, said)
	if err != nil {
		return nil, err
	}
	tx.state.ctx = ctx
	return tx, nil
}

func (db *DB) begin(ctx context.Context, o pgx.TxOptions, said *claim.Transaction) (*tx, error) {
	bound := !said.Claim().IsZero()
	if bound {
		o = withClaim(o, db.bindText(said.Claim()))
	}
	below, err := db.below.BeginTx(ctx, o)
	if err != nil {
		said.RolledBack()
		return nil, err
	}
	return &tx{Tx: below, state: &state{db: db, said: said, bound: bound}}, nil
}

func (db *DB) claim() *claim.Transaction { return &claim.Transaction{Ask: db.options.Actor} }

// bindText is the statement that binds, bindArgs the same with arguments.
func (db *DB) bindText(c claim.Claim) string {
	if db.options.Row {
		return claim.PostgresBind(db.options.Schema, c)
	}
	return claim.PostgresSet(c)
}

func (db *DB) bindArgs(c claim.Claim) (query string, args []any) {
	if db.options.Row {
		return claim.PostgresBindArgs(db.options.Schema, c)
	}
	return claim.PostgresSetArgs(c)
}

// alone returns the claim of a text that is a transaction by itself, nil where there
// is nothing to bind.
func (db *DB) alone(ctx context.Context, query string) (*claim.Transaction, error) {
	if !db.syntax.Changes(query) || db.syntax.Controlled(query) {
		return nil, nil
	}
	said := db.claim()
	_, err := said.Take(ctx)
	if err == nil && !said.Claim().IsZero() {
		return said, nil
	}
	said.RolledBack()
	return nil, err
}

// pipelined is a batch of the claim and a statement: one flight, one transaction.
func (db *DB) pipelined(
	ctx context.Context, said *claim.Transaction, query string, args []any,
) (pgx.BatchResults, error) {
	b := &pgx.Batch{}
	bind, values := db.bindArgs(said.Claim())
	b.Queue(bind, values...)
	b.Queue(query, args...)
	results := db.below.SendBatch(ctx, b)
	if _, err := results.Exec(); err != nil {
		_ = results.Close() // says the same
		said.RolledBack()
		return nil, plain(err)
	}
	return results, nil
}

// plain is the error that a statement would have met outside of a batch.
func plain(err error) error {
	var batch pgx.ErrPreprocessingBatch
	if errors.As(err, &batch) {
		return errors.Unwrap(batch)
	}
	return err
}

// optioned: the arguments begin with options of pgx that a batch does not take.
func optioned(args []any) bool {
	if len(args) == 0 {
		return false
	}
	switch args[0].(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return true
	}
	return false
}

// commitsItself: a procedure that commits cannot run behind another statement.
func commitsItself(err error) bool {
	var coded *pgconn.PgError
	return errors.As(err, &coded) && coded.Code == "2D000"
}

// Exec runs a statement.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	said, err := db.alone(ctx, query)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	if said == nil {
		return db.below.Exec(ctx, query, args...)
	}
	if optioned(args) {
		return db.execInTx(ctx, said, query, args)
	}
	results, err := db.pipelined(ctx, said, query, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	if commitsItself(err) {
		said.RolledBack()
		return db.below.Exec(ctx, query, args...)
	}
	end(said, err, !counted(tag) || tag.RowsAffected() > 0)
	return tag, plain(err)
}

// counted: the tag counts rows that were changed.
func counted(tag pgconn.CommandTag) bool {
	return tag.Insert() || tag.Update() || tag.Delete()
}

func end(said *claim.Transaction, err error, wrote bool) {
	if wrote {
		said.Wrote()
	}
	if err == nil {
		said.Committed()
	} else {
		said.RolledBack()
	}
}

func (db *DB) execInTx(
	ctx context.Context, said *claim.Transaction, query string, args []any,
) (pgconn.CommandTag, error) {
	tx, err := db.begin(ctx, pgx.TxOptions{}, said)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := tx.Exec(ctx, query, args...)
	if err != nil {
		_ = tx.Rollback(ctx) // the first error says more
		return tag, err
	}
	return tag, tx.Commit(ctx)
}

// Query runs a query.
func (db *DB) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	said, err := db.alone(ctx, query)
	if err != nil {
		return failed(err), err
	}
	if said == nil {
		return db.below.Query(ctx, query, args...)
	}
	if optioned(args) {
		return db.queryInTx(ctx, said, query, args)
	}
	results, err := db.pipelined(ctx, said, query, args)
	if err != nil {
		return failed(err), err
	}
	below, err := results.Query()
	if err != nil {
		_ = results.Close()
		said.RolledBack()
		err = plain(err)
		return failed(err), err
	}
	return &rows{Rows: below, finish: func(err error) error {
		if closed := results.Close(); err == nil {
			err = closed
		}
		tag := below.CommandTag()
		end(said, err, !counted(tag) || tag.RowsAffected() > 0)
		return plain(err)
	}}, nil
}

func (db *DB) queryInTx(
	ctx context.Context, said *claim.Transaction, query string, args []any,
) (pgx.Rows, error) {
	tx, err := db.begin(ctx, pgx.TxOptions{}, said)
	if err != nil {
		return failed(err), err
	}
	below, err := tx.Query(ctx, query, args...)
	if err != nil {
		_ = tx.Rollback(ctx)
		return failed(err), err
	}
	return &rows{Rows: below, finish: func(err error) error {
		if err != nil {
			_ = tx.Rollback(ctx)
			return err
		}
		return tx.Commit(ctx)
	}}, nil
}

// QueryRow runs a query for one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	found, _ := db.Query(ctx, query, args...) // the rows tell of the error
	return row{found}
}

// SendBatch sends a batch whose queries are one transaction, or that begins one. One
// that controls transactions otherwise is sent as it is.
func (db *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	at, writes := db.place(b)
	if !writes {
		return db.below.SendBatch(ctx, b)
	}
	said := db.claim()
	_, err := said.Take(ctx)
	if err != nil {
		return failedBatch{err}
	}
	if said.Claim().IsZero() {
		said.RolledBack()
		return db.below.SendBatch(ctx, b)
	}
	bind, values := db.bindArgs(said.Claim())
	own := &pgx.QueuedQuery{SQL: bind, Arguments: values}
	b.QueuedQueries = append(b.QueuedQueries[:at:at],
		append([]*pgx.QueuedQuery{own}, b.QueuedQueries[at:]...)...)
	return &batch{BatchResults: db.below.SendBatch(ctx, b), db: db, said: said, own: at, begins: at > 0}
}

// place is where a claim stands among the queries of a batch that writes.
func (db *DB) place(b *pgx.Batch) (at int, writes bool) {
	for i, q := range b.QueuedQueries {
		if db.syntax.Controlled(q.SQL) {
			if i > 0 || db.syntax.Parse(q.SQL).Action != conn.Begins {
				return 0, false
			}
			at = 1
		}
		writes = writes || db.syntax.Changes(q.SQL)
	}
	return at, writes || at == 1
}

// CopyFrom copies rows into a table, in a transaction of its own where there is
// something to bind.
func (db *DB) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	said := db.claim()
	if _, err := said.Take(ctx); err != nil {
		return 0, err
	}
	if said.Claim().IsZero() {
		said.RolledBack()
		return db.below.CopyFrom(ctx, table, columns, src)
	}
	tx, err := db.begin(ctx, pgx.TxOptions{}, said)
	if err != nil {
		return 0, err
	}
	n, err := tx.CopyFrom(ctx, table, columns, src)
	if err != nil {
		_ = tx.Rollback(ctx) // the first error says more
		return n, err
	}
	return n, tx.Commit(ctx)
}
