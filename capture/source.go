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
	// generation counts changes of the rules: a reader that was made meanwhile is
	// not kept.
	generation int
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

// Listens reports whether the application looks at entries before they are
// stored.
func (s *Source) Listens() bool { return s.cfg.Listener != nil }

// Unit returns the unit of a new transaction.
func (s *Source) Unit() *Unit { return NewUnit(s.cfg) }

// Forget drops what is known of live tables, after a schema change.
func (s *Source) Forget() {
	s.registry.Forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
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
	s.generation++
	clear(s.readers)
	clear(s.concerns)
}

// Learn tells what the program says of a table.
func (s *Source) Learn(table annals.Table, l track.Learnt) {
	if l.IsZero() {
		return
	}
	s.registry.Learn(table, l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	clear(s.readers)
}

// Reader implements Readers.
func (s *Source) Reader(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*Reader, error) {
	name, err := s.registry.Canonical(ctx, q, name)
	if err != nil {
		return nil, err
	}
	for {
		s.mu.Lock()
		r, generation := s.readers[name], s.generation
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
		if r, ok := s.keep(name, NewReader(s.Dialect(), t), generation); ok {
			return r, nil
		}
	}
}

// keep remembers a reader; ok is false where the rules have changed since the
// generation that it was made in.
func (s *Source) keep(name annals.Table, r *Reader, generation int) (kept *Reader, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != generation {
		return nil, false
	}
	if s.readers[name] == nil {
		s.readers[name] = r
	}
	return s.readers[name], true
}

// Knows reports whether what a table is, by that spelling, needs no more asking.
func (s *Source) Knows(name annals.Table) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, met := s.concerns[name]
	return met || s.readers[name] != nil
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
	if !s.cfg.Switch.Active() {
		return false, nil
	}
	name, err := s.registry.Canonical(ctx, q, name)
	if err != nil || s.temporary(name) {
		return false, err
	}
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

// temporary reports whether a table is of one session only: "*" does not mean it.
// (MySQL's are not in the catalogue.)
func (s *Source) temporary(name annals.Table) bool {
	return pgTemporary(s.Dialect(), name) || sqliteTemporary(s.Dialect(), name)
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
