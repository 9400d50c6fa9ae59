package capture

import (
	"context"
	"sync"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Source is an audited database as a capture sees it. It is safe for concurrent
// use.
type Source struct {
	cfg      Config
	registry *track.Registry

	mu       sync.Mutex
	readers  map[annals.Table]*Reader
	concerns map[annals.Table]bool
}

var _ Readers = (*Source)(nil)

// NewSource returns the source whose rules registry resolves.
func NewSource(registry *track.Registry, cfg Config) *Source {
	s := &Source{cfg: cfg, registry: registry}
	s.Forget()
	return s
}

// Name returns the source's name.
func (s *Source) Name() string { return s.cfg.Source }

// Dialect returns the source's dialect.
func (s *Source) Dialect() dialect.Dialect { return s.registry.Dialect() }

// Registry returns the source's rules.
func (s *Source) Registry() *track.Registry { return s.registry }

// Unit returns the unit of a new transaction.
func (s *Source) Unit() *Unit { return NewUnit(s.cfg) }

// Forget drops what is known of live tables, after a schema change.
func (s *Source) Forget() {
	s.registry.Forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers = map[annals.Table]*Reader{}
	s.concerns = map[annals.Table]bool{}
}

// Relate adds relations that the program declares.
func (s *Source) Relate(relations ...annals.Relation) {
	if len(relations) == 0 {
		return
	}
	s.registry.Relate(relations...)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.readers)
	clear(s.concerns)
}

// SoftDelete tells the soft-delete column that the program has for a table.
func (s *Source) SoftDelete(table annals.Table, column string) {
	s.registry.SoftDelete(table, column)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, table)
}

// Reader implements Readers.
func (s *Source) Reader(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*Reader, error) {
	s.mu.Lock()
	r := s.readers[name]
	s.mu.Unlock()
	if r != nil {
		return r, nil
	}
	t, err := s.registry.Table(ctx, q, name)
	if err != nil {
		return nil, err
	}
	if t == nil {
		if t, err = s.registry.Bare(ctx, q, name); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers[name] == nil {
		s.readers[name] = NewReader(s.Dialect(), t)
	}
	return s.readers[name], nil
}

// References implements Readers.
func (s *Source) References(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) ([]track.Reference, error) {
	return s.registry.References(ctx, q, name)
}

// Concerns reports whether changes of a table's rows can give entries: its own,
// or those of rows that foreign keys change along with it.
func (s *Source) Concerns(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (bool, error) {
	if s.registry.Audited(name) {
		return true, nil
	}
	s.mu.Lock()
	known, ok := s.concerns[name]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	found, err := s.reaches(ctx, q, name, map[annals.Table]bool{})
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.concerns[name] = found
	return found, nil
}

// reaches follows acting foreign keys to an audited table.
func (s *Source) reaches(ctx context.Context, q dialect.Queryer, name annals.Table,
	seen map[annals.Table]bool,
) (bool, error) {
	if seen[name] {
		return false, nil
	}
	seen[name] = true
	refs, err := s.registry.References(ctx, q, name)
	if err != nil {
		return false, err
	}
	for _, ref := range refs {
		if !acts(ref.Key.OnDelete) && !acts(ref.Key.OnUpdate) {
			continue
		}
		if s.registry.Audited(ref.Table.Name) {
			return true, nil
		}
		if found, err := s.reaches(ctx, q, ref.Table.Name, seen); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// acts reports whether a foreign key's action changes the row that has the key.
func acts(action string) bool {
	switch action {
	case "CASCADE", "SET NULL", "SET DEFAULT":
		return true
	}
	return false
}
