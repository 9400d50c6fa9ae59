package conn_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/pgxcapture"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func native(t *testing.T) (*harness, *pgxcapture.DB, *pgxpool.Pool, *wire.Flights) {
	t.Helper()
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	cfg, err := pgxpool.ParseConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 1
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	flights := wire.Watch(cfg.ConnConfig)
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return h, pgxcapture.Wrap(pool, pgxcapture.Options{}), pool, flights
}

const pgxInsert = "INSERT INTO post (title) VALUES ($1)"

// What pgx runs is bound to its transaction and to no other, and takes as many round
// trips as without; two more where a COPY, or an option of pgx that no batch takes,
// needs a transaction of its own.
func TestPgx(t *testing.T) {
	h, db, pool, flights := native(t)
	count := func(play pgxPlay, on pgxcapture.Queryer, ctx context.Context, title string) int {
		t.Helper()
		flights.Take()
		if err := play.run(ctx, on, title); err != nil {
			t.Fatalf("%s: %v", play.name, err)
		}
		n := len(flights.Take())
		h.must(h.Context(), h.plain, "DELETE FROM post")
		return n
	}
	for _, play := range pgxPlays() {
		for range 2 { // statements are prepared the first time
			count(play, pool, h.Context(), play.name)
			count(play, db, h.as("ann"), play.name)
			h.seen()
		}
		without := count(play, pool, h.Context(), play.name)
		h.want(play.name+":", play.name+":")
		if with := count(play, db, h.as("ann"), play.name); with != without+play.more {
			t.Errorf("%s: %d flights, %d without", play.name, with, without)
		}
		h.want(play.name+":ann", play.name+":")
		if nobody := count(play, db, h.Context(), play.name); nobody != without {
			t.Errorf("%s: %d flights for nobody, %d without", play.name, nobody, without)
		}
		h.want(play.name+":", play.name+":")
	}
}

// pgxPlay writes one post.
type pgxPlay struct {
	name string
	run  func(ctx context.Context, db pgxcapture.Queryer, title string) error
	// more are the round trips that binding costs.
	more int
}

func pgxPlays() []pgxPlay {
	type queryer = pgxcapture.Queryer
	return []pgxPlay{
		{name: "exec", run: func(ctx context.Context, db queryer, title string) error {
			_, err := db.Exec(ctx, pgxInsert, title)
			return err
		}},
		{name: "row", run: func(ctx context.Context, db queryer, title string) error {
			var got string
			err := db.QueryRow(ctx, pgxInsert+" RETURNING title", title).Scan(&got)
			if err == nil && got != title {
				err = errors.New("returned " + got)
			}
			return err
		}},
		{name: "rows", run: func(ctx context.Context, db queryer, title string) error {
			rows, err := db.Query(ctx, pgxInsert+" RETURNING title", title)
			if err != nil {
				return err
			}
			all, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err == nil && (len(all) != 1 || all[0] != title) {
				err = fmt.Errorf("returned %q", all)
			}
			return err
		}},
		{name: "transaction", run: func(ctx context.Context, db queryer, title string) error {
			tx, err := db.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err = tx.Exec(ctx, pgxInsert, title); err != nil {
				return errors.Join(err, tx.Rollback(ctx))
			}
			return tx.Commit(ctx)
		}},
		{name: "batch", run: func(ctx context.Context, db queryer, title string) error {
			b := &pgx.Batch{}
			var got string
			b.Queue("SELECT 'x'").QueryRow(func(row pgx.Row) error { return row.Scan(&got) })
			b.Queue(pgxInsert, title)
			err := db.SendBatch(ctx, b).Close()
			if err == nil && got != "x" {
				err = errors.New("callback got " + got)
			}
			return err
		}},
		{name: "batch that begins", run: func(ctx context.Context, db queryer, title string) error {
			b := &pgx.Batch{}
			b.BeginTx(pgx.TxOptions{IsoLevel: pgx.Serializable})
			b.Queue("SHOW transaction_isolation")
			b.Queue(pgxInsert, title)
			results := db.SendBatch(ctx, b)
			tx := results.Tx()
			_, err := results.Exec()
			var level string
			err = errors.Join(err, results.QueryRow().Scan(&level))
			_, third := results.Exec()
			err = errors.Join(err, third, results.Close())
			if err == nil && level != "serializable" {
				err = errors.New("isolation " + level)
			}
			if err != nil {
				return errors.Join(err, tx.Rollback(ctx))
			}
			return tx.Commit(ctx)
		}},
		{name: "option", more: 2, run: func(ctx context.Context, db queryer, title string) error {
			_, err := db.Exec(ctx, pgxInsert, pgx.QueryExecModeExec, title)
			return err
		}},
		{name: "copy", more: 2, run: func(ctx context.Context, db queryer, title string) error {
			n, err := db.CopyFrom(ctx, pgx.Identifier{"post"}, []string{"title"},
				pgx.CopyFromRows([][]any{{title}}))
			if err == nil && n != 1 {
				err = fmt.Errorf("copied %d", n)
			}
			return err
		}},
	}
}

// Errors are pgx's own, and leave nobody bound.
func TestPgxErrors(t *testing.T) {
	h, db, pool, _ := native(t)
	ctx := annals.WithComment(h.as("ann"), "once")
	for _, query := range []string{
		"INSERT INTO post (nothing) VALUES ($1)", "INSERT INTO post (title) SELECT 1/0 WHERE $1 = 'a'",
	} {
		_, with := db.Exec(ctx, query, "a")
		_, without := pool.Exec(h.Context(), query, "a")
		if with == nil || with.Error() != without.Error() {
			t.Errorf("%v, without annals %v", with, without)
		}
		var text string
		err := db.QueryRow(ctx, query+" RETURNING title", "a").Scan(&text)
		without = pool.QueryRow(h.Context(), query+" RETURNING title", "a").Scan(&text)
		if err == nil || err.Error() != without.Error() {
			t.Errorf("%v, without annals %v", err, without)
		}
	}
	var text string
	if err := db.QueryRow(ctx, "DELETE FROM post RETURNING title").Scan(&text); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no rows: %v", err)
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, pgxInsert, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	tx, err = db.Begin(h.Context())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := tx.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inner.Exec(h.as("ann"), pgxInsert, "undone"); err != nil {
		t.Fatal(err)
	}
	if err := inner.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(h.Context(), pgxInsert, "late"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(ctx, "CALL nothing()"); err == nil {
		t.Error("no error")
	}
	if _, err := db.Exec(ctx, pgxInsert, "commented"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(ctx, pgxInsert, "not again"); err != nil {
		t.Fatal(err)
	}
	h.want("late:ann", "commented:ann:once", "not again:ann")
	var coded *pgconn.PgError
	if _, err := db.Exec(ctx, pgxInsert, "late"); !errors.As(err, &coded) || coded.Code != "23505" {
		t.Errorf("duplicate: %v", err)
	}
}

// A program that begins its transactions itself takes the options alone.
func TestPgxOptions(t *testing.T) {
	h, _, pool, _ := native(t)
	o, err := pgxcapture.TxOptions(h.as("ann"), pgx.TxOptions{
		IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite, DeferrableMode: pgx.NotDeferrable,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginTxFunc(h.Context(), pool, o, func(tx pgx.Tx) error {
		_, err := tx.Exec(h.Context(), pgxInsert, "o1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.want("o1:ann")
}
