package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// DefaultMaxEntrySize is the most bytes that an entry's diffs and extra data may
// have together, unless Config says otherwise: 8 MiB, half of what MariaDB takes
// in a packet by default.
const DefaultMaxEntrySize = 8 << 20

// Config says where entries are kept.
type Config struct {
	// Name is the storage's, for messages and Entry.Storage.
	Name string
	// DB and Dialect are the database. Close does not close DB.
	DB      *sql.DB
	Dialect dialect.Dialect
	// AuditTable tells in which table an entity's entries are. Its errors are
	// passed on.
	AuditTable func(ctx context.Context, entity string) (annals.Table, error)
	// MaxEntrySize is the most bytes of an entry's diffs and extra data together:
	// 0 means DefaultMaxEntrySize, -1 no limit.
	MaxEntrySize int
	// Now is the clock for what comes without a time; nil means time.Now.
	Now func() time.Time
}

// Store keeps entries in a SQL database. It is safe for concurrent use.
type Store struct {
	cfg Config
	eng engine
	// rev and entries are the shapes of annals_revision and of audit tables.
	rev, entries layout.Table
}

var (
	_ storage.Store      = (*Store)(nil)
	_ storage.Direct     = (*Store)(nil)
	_ storage.HashFinder = (*Store)(nil)
)

// New returns a store. What Config lacks gives an error that matches
// annals.ErrConfig. The database is not asked.
func New(cfg Config) (*Store, error) {
	var problem string
	switch {
	case cfg.DB == nil:
		problem = "has no database"
	case cfg.Dialect == nil:
		problem = "has no dialect"
	case cfg.AuditTable == nil:
		problem = "does not know its audit tables"
	}
	if problem != "" {
		return nil, &annals.Error{
			Op: "open", Subject: "storage " + cfg.Name,
			Err: fmt.Errorf("%s: %w", problem, annals.ErrConfig),
		}
	}
	if cfg.MaxEntrySize == 0 {
		cfg.MaxEntrySize = DefaultMaxEntrySize
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	limits := cfg.Dialect.Limits()
	return &Store{
		cfg: cfg, eng: newEngine(cfg.Dialect), rev: layout.Revision(limits),
		entries: layout.Entries(annals.Table{}, layout.Lean, limits),
	}, nil
}

// Close implements storage.Store. It leaves Config.DB open: the store did not
// open it.
func (s *Store) Close() error { return nil }

// audit returns the shape of an entity's audit table.
func (s *Store) audit(ctx context.Context, entity string) (layout.Table, error) {
	name, err := s.cfg.AuditTable(ctx, entity)
	if err != nil {
		return layout.Table{}, err
	}
	table := s.entries
	table.Name = name
	return table, nil
}
