package conn_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func watched(t *testing.T, db *testdb.DB) (*harness, *wire.Flights) {
	t.Helper()
	h := newHarness(t, db)
	cfg, err := pgx.ParseConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	flights := wire.Watch(cfg)
	h.db = wrapped(t, stdlib.GetConnector(*cfg, stdlib.OptionShouldPing(
		func(context.Context, stdlib.ShouldPingParams) bool { return false })), db)
	if err := h.db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	flights.Take()
	return h, flights
}

// The context of a transaction costs PostgreSQL no round trip: it travels with BEGIN.
func TestContextTravelsWithBegin(t *testing.T) {
	h, flights := watched(t, testdb.New(t, dialect.PostgresName))
	count := func(who string) int {
		t.Helper()
		ctx := h.Context()
		if who != "" {
			ctx = h.as(who)
		}
		tx := h.begin(ctx)
		h.must(ctx, tx, "INSERT INTO post (title) VALUES ('"+who+"')")
		h.commit(tx)
		lines := flights.Take()
		if who != "" && !strings.HasPrefix(lines[0], "Q:BEGIN; SELECT pg_catalog.set_config(") {
			t.Errorf("first flight: %s", lines[0])
		}
		return len(lines)
	}
	if without, with := count(""), count("ann"); with != without {
		t.Errorf("%d flights with an actor, %d without", with, without)
	}
	h.want(":", "ann:ann")
}

// What is only read is not bound; a write by itself takes the two flights of a
// transaction.
func TestStatementsByThemselves(t *testing.T) {
	h, flights := watched(t, testdb.New(t, dialect.PostgresName))
	h.must(h.as("ann"), h.db, "SELECT 1 FROM post")
	if got := flights.Take(); !slices.Equal(got, []string{"Q:SELECT 1 FROM post"}) {
		t.Errorf("a read: %q", got)
	}
	h.must(h.as("ann"), h.db, "INSERT INTO post (title) VALUES ('a')")
	if got := flights.Take(); len(got) != 3 || got[2] != "Q:commit" {
		t.Errorf("a write: %q", got)
	}
	h.must(h.Context(), h.db, "INSERT INTO post (title) VALUES ('b')")
	if got := flights.Take(); len(got) != 1 {
		t.Errorf("a write of nobody: %q", got)
	}
	h.want("a:ann", "b:")
}

// Isolation and read-only are as they were asked for.
func TestOptionsAreKept(t *testing.T) {
	h, flights := watched(t, testdb.New(t, dialect.PostgresName))
	for _, c := range []struct {
		opts            sql.TxOptions
		level, readOnly string
		flights         int
	}{
		{sql.TxOptions{}, "read committed", "off", 1},
		{sql.TxOptions{Isolation: sql.LevelReadUncommitted}, "read uncommitted", "off", 1},
		{sql.TxOptions{Isolation: sql.LevelReadCommitted}, "read committed", "off", 1},
		{sql.TxOptions{Isolation: sql.LevelRepeatableRead}, "repeatable read", "off", 1},
		{sql.TxOptions{Isolation: sql.LevelSnapshot}, "repeatable read", "off", 1},
		{sql.TxOptions{Isolation: sql.LevelSerializable}, "serializable", "off", 1},
		{sql.TxOptions{ReadOnly: true}, "read committed", "on", 1},
		{sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}, "serializable", "on", 1},
	} {
		tx, err := h.db.BeginTx(h.as("ann"), &c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := flights.Take(); len(got) != c.flights {
			t.Errorf("%+v: begun by %q", c.opts, got)
		}
		var level, readOnly string
		if err := tx.QueryRowContext(h.Context(), "SELECT current_setting('transaction_isolation'), "+
			"current_setting('transaction_read_only')").Scan(&level, &readOnly); err != nil {
			t.Fatal(err)
		}
		if level != c.level || readOnly != c.readOnly {
			t.Errorf("%+v: %s, %s", c.opts, level, readOnly)
		}
		h.commit(tx)
		flights.Take()
	}
	if _, err := h.db.BeginTx(h.as("ann"), &sql.TxOptions{Isolation: sql.LevelLinearizable}); err == nil ||
		!strings.Contains(err.Error(), "unsupported isolation") {
		t.Errorf("an isolation that the driver does not know: %v", err)
	}
}

// The commit of a transaction that failed says what the driver says of it.
func TestCommitOfFailed(t *testing.T) {
	h, _ := watched(t, testdb.New(t, dialect.PostgresName))
	commit := func(db *sql.DB) string {
		tx, err := db.BeginTx(h.as("ann"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(h.Context(), "SELECT 1/0"); err == nil {
			t.Fatal("no error")
		}
		err = tx.Commit()
		if err == nil {
			t.Fatal("committed")
		}
		return err.Error()
	}
	if with, without := commit(h.db), commit(h.plain.DB); with != without {
		t.Errorf("%q, without annals %q", with, without)
	}
}

// statements are those of a recorder, in short.
func statements(r *wire.Recorder) (all []string) {
	for _, s := range r.Take() {
		short, _, _ := strings.Cut(s.SQL, " = ")
		short, _, _ = strings.Cut(short, " (")
		all = append(all, short)
	}
	return all
}

// MySQL takes one statement before the first write of a transaction, which also
// overwrites what the last one left; what nobody is bound to takes that back first.
func TestStatementsOfVariables(t *testing.T) {
	db := testdb.New(t, "mariadb")
	h := newHarness(t, db)
	c, recorder := wire.Connector(db)
	h.db = wrapped(t, c, db)
	const insert = "INSERT INTO post (title) VALUES ('%')"
	write := func(title string) string { return strings.ReplaceAll(insert, "%", title) }
	for range 2 {
		tx := h.begin(h.as("ann"))
		h.must(h.Context(), tx, "SELECT 1")
		h.must(h.Context(), tx, write(""))
		h.must(h.Context(), tx, "DELETE FROM post")
		h.commit(tx)
		want := []string{"BEGIN", "SELECT 1", "SET @annals_tx", "INSERT INTO post", "DELETE FROM post", "COMMIT"}
		got := statements(recorder)
		if i := slices.Index(got, "SELECT 1"); i > 0 && got[i-1] == "SET @annals_tx" {
			got = slices.Delete(got, i-1, i) // the second time
		}
		if !slices.Equal(got, want) {
			t.Errorf("a transaction: %q", got)
		}
	}
	h.must(h.as("cy"), h.db, write("1"))
	h.must(h.as("dan"), h.db, write("2"))
	if got := statements(recorder); !slices.Equal(got, []string{
		"SET @annals_tx", "INSERT INTO post", "SET @annals_tx", "INSERT INTO post",
	}) {
		t.Errorf("by themselves: %q", got)
	}
	h.must(h.Context(), h.db, write("3"))
	h.must(h.Context(), h.db, write("4"))
	if got := statements(recorder); !slices.Equal(got, []string{
		"SET @annals_tx", "INSERT INTO post", "INSERT INTO post",
	}) {
		t.Errorf("of nobody: %q", got)
	}
}
