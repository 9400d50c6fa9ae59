package mirrorstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// Config says where the copies are.
type Config struct {
	// Name is the storage's, for messages and Entry.Storage.
	Name string
	// DB and Dialect are the database. Close does not close DB.
	DB      *sql.DB
	Dialect dialect.Dialect
	// Today returns the rules of an entity as they are now, nil where it is not
	// configured any more. What they ignore or mask is hidden, however old it is.
	// Without Today the rules of the time of each row stand alone.
	Today func(entity string) *annals.Entity
	// Now is the clock for what comes without a time; nil means time.Now.
	Now func() time.Time
}

// Store reads a storage of the mirror layout. It is safe for concurrent use.
type Store struct {
	cfg    Config
	eng    engine
	syntax sqlstore.Syntax
	// entries has the tables that both layouts share: revisions and marks.
	entries *sqlstore.Store

	mu sync.Mutex
	// read is the ledger as it was last read.
	read *journal.Ledger
}

var (
	_ storage.Store      = (*Store)(nil)
	_ storage.HashFinder = (*Store)(nil)
	_ storage.Counter    = (*Store)(nil)
	_ storage.Mover      = (*Store)(nil)
	_ storage.Bounded    = (*Store)(nil)
	_ storage.Follower   = (*Store)(nil)
	_ storage.Cleaner    = (*Store)(nil)
)

// ErrTypedRows means that entries were to be stored in a mirror, which takes typed
// rows from triggers alone.
var ErrTypedRows = errors.New("a mirror takes the rows of triggers, not entries")

// New returns a store. What Config lacks gives an error that matches
// annals.ErrConfig. The database is not asked.
func New(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	entries, err := sqlstore.New(sqlstore.Config{
		Name: cfg.Name, DB: cfg.DB, Dialect: cfg.Dialect, Now: cfg.Now,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{}, ErrTypedRows
		},
	})
	if err != nil {
		return nil, err
	}
	return &Store{
		cfg: cfg, eng: newEngine(cfg.Dialect), syntax: sqlstore.SyntaxOf(cfg.Dialect), entries: entries,
	}, nil
}

// Write implements storage.Store. It refuses every batch that has something in it,
// by an error that matches ErrTypedRows and annals.ErrConfig.
func (s *Store) Write(_ context.Context, b storage.Batch) error {
	if len(b.Entries)+len(b.Revisions) == 0 {
		return nil
	}
	return &annals.Error{
		Op: "store", Subject: "entries in storage " + s.cfg.Name,
		Err:    fmt.Errorf("%w: %w", ErrTypedRows, annals.ErrConfig),
		Remedy: "give the storage layout: entries, or let triggers fill it",
	}
}

// Close implements storage.Store. It leaves Config.DB open: the store did not open
// it.
func (s *Store) Close() error { return nil }

// Revision implements storage.Store.
func (s *Store) Revision(ctx context.Context, hash string) (annals.Revision, error) {
	return s.entries.Revision(ctx, hash) //nolint:wrapcheck // its errors say all
}

// Hashes implements storage.HashFinder.
func (s *Store) Hashes(ctx context.Context, prefix string, limit int) ([]string, error) {
	return s.entries.Hashes(ctx, prefix, limit) //nolint:wrapcheck // its errors say all
}

// Marks implements storage.Marked.
func (s *Store) Marks(ctx context.Context, entities ...string) ([]storage.Mark, error) {
	return s.entries.Marks(ctx, entities...) //nolint:wrapcheck // its errors say all
}

// Registered lists the entities that the storage has rows of, also those that are
// no longer configured, by name; each with its copy.
func (s *Store) Registered(ctx context.Context) ([]sqlstore.Registered, error) {
	l, err := s.fresh(ctx)
	if err != nil {
		return nil, err
	}
	var out []sqlstore.Registered
	for _, sheet := range slices.Concat(l.Sheets(), l.Idle()) {
		if name := sheet.EntityName(); name != "" {
			out = append(out, sqlstore.Registered{Entity: name, Source: sheet.Source, Table: sheet.Copy})
		}
	}
	slices.SortFunc(out, func(x, y sqlstore.Registered) int { return strings.Compare(x.Entity, y.Entity) })
	return out, nil
}

// Ledger returns what the storage says of its copies, as it is now.
func (s *Store) Ledger(ctx context.Context) (*journal.Ledger, error) { return s.fresh(ctx) }

// ledger is what was last read, which may be old; whoever reads rows by it asks
// isCurrent afterwards.
func (s *Store) ledger(ctx context.Context) (*journal.Ledger, error) {
	s.mu.Lock()
	l := s.read
	s.mu.Unlock()
	if l == nil {
		return s.load(ctx)
	}
	return s.keep(l.Rebind(s.cfg.Today)), nil
}

// fresh is the ledger as it is now.
func (s *Store) fresh(ctx context.Context) (*journal.Ledger, error) {
	l, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	current, err := s.isCurrent(ctx, l)
	if err != nil || current {
		return l, err
	}
	return s.load(ctx)
}

func (s *Store) isCurrent(ctx context.Context, l *journal.Ledger) (bool, error) {
	state, err := journal.LedgerState(ctx, s.cfg.DB, s.cfg.Dialect)
	if err != nil {
		return false, s.entries.FailRead("read", "the registry of copies", err)
	}
	return state == l.State, nil
}

func (s *Store) load(ctx context.Context) (*journal.Ledger, error) {
	l, err := journal.ReadLedger(ctx, s.cfg.DB, s.cfg.Dialect, s.cfg.Today)
	var known *annals.Error
	if errors.As(err, &known) {
		return nil, err
	}
	if err != nil {
		return nil, s.entries.FailRead("read", "the registry of copies", err)
	}
	return s.keep(l), nil
}

func (s *Store) keep(l *journal.Ledger) *journal.Ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = l
	return l
}

// current runs read by a ledger until that was current behind it. Rules change when
// triggers are made anew, so that it runs once as a rule.
func (s *Store) current(ctx context.Context, read func(l *journal.Ledger) error) error {
	l, err := s.ledger(ctx)
	for reloaded := false; err == nil; {
		err = read(l)
		same, asked := s.isCurrent(ctx, l)
		// A copy that got another name has no other state.
		renamed := errors.Is(err, annals.ErrSchema) && !reloaded
		switch {
		case asked != nil:
			return errors.Join(err, asked)
		case same && !renamed:
			return err
		}
		reloaded = reloaded || renamed
		l, err = s.load(ctx)
	}
	return err
}
