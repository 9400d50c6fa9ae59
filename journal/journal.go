package journal

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Config says what is recorded, and where it is written.
type Config struct {
	// Source is the source's name.
	Source string
	// DB is the source. Its account installs the triggers, and they run with its
	// rights.
	DB       *sql.DB
	Dialect  dialect.Dialect
	Registry *track.Registry
	// Storage is the name of the mirror storage.
	Storage string
	// StorageDB is the storage: the same database, server or file as DB, perhaps
	// through another account or with another schema of its own.
	StorageDB *sql.DB
	// CopyTable names the copy of a table; it has no schema where it is the
	// storage's own.
	CopyTable func(t *track.Table) annals.Table
	// LostRows reports whether TRUNCATE of an entity's table records its rows. Nil
	// means of none.
	LostRows func(entity string) bool
	// ContextRow: the context of a transaction is a row, not a setting.
	ContextRow bool
	// Now is the clock; nil means the system's.
	Now func() time.Time
}

// Journal generates and installs the triggers of one source that write into one
// storage. It is safe for concurrent use.
type Journal struct {
	cfg Config
	gen generator
}

// New returns the journal of a source and its storage; it asks no database yet.
func New(cfg Config) (*Journal, error) {
	var missing string
	switch {
	case cfg.DB == nil:
		missing = "DB"
	case cfg.Dialect == nil:
		missing = "Dialect"
	case cfg.Registry == nil:
		missing = "Registry"
	case cfg.StorageDB == nil:
		missing = "StorageDB"
	case cfg.CopyTable == nil:
		missing = "CopyTable"
	}
	if missing != "" {
		return nil, &annals.ConfigError{Faults: []annals.Fault{{
			Path: "journal.Config." + missing, Problem: "it is not set",
		}}}
	}
	if cfg.LostRows == nil {
		cfg.LostRows = func(string) bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	j := &Journal{cfg: cfg}
	j.gen = generatorFor(j)
	return j, nil
}

// Source returns the name of the source, Storage that of the storage.
func (j *Journal) Source() string { return j.cfg.Source }

// Storage returns the name of the mirror storage.
func (j *Journal) Storage() string { return j.cfg.Storage }

// Schema returns where the routines are by which a context is bound: a schema of
// PostgreSQL, a database of MySQL, nothing on SQLite.
func (j *Journal) Schema(ctx context.Context) (string, error) {
	return j.gen.home(ctx, j.cfg.StorageDB)
}

// queryers are what a run reads through.
type queryers struct {
	source, storage dialect.Queryer
}

// open are the queryers outside of a run that holds a connection.
func (j *Journal) open() queryers { return queryers{j.cfg.DB, j.cfg.StorageDB} }

// on are the queryers of a run that works on conn: a pool of one may have no
// other connection to give.
func (j *Journal) on(conn *sql.Conn) queryers {
	if j.cfg.StorageDB == j.cfg.DB {
		return queryers{conn, conn}
	}
	return queryers{conn, j.cfg.StorageDB}
}

// scan runs a query and calls f for each row.
func scan(
	ctx context.Context, q dialect.Queryer, query string, args []any,
	f func(scan func(...any) error) error,
) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
