package capture

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-162b1470/annals"
)

// Switch turns capture off and on while the program runs: as a whole, and entity
// by entity. Statements ask it once, when they are captured. The zero value is
// on. It is safe for concurrent use.
type Switch struct {
	mu    sync.Mutex
	state atomic.Pointer[switches]
}

// switches are never changed, only replaced.
type switches struct {
	all      bool
	entities map[string]bool
}

func (s *Switch) load() *switches {
	if s != nil {
		if state := s.state.Load(); state != nil {
			return state
		}
	}
	return &switches{}
}

func (s *Switch) change(f func(*switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.load()
	next := &switches{all: old.all, entities: maps.Clone(old.entities)}
	if next.entities == nil {
		next.entities = map[string]bool{}
	}
	f(next)
	s.state.Store(next)
}

// SetActive turns all capture on or off. Entities that were turned off one by
// one stay so.
func (s *Switch) SetActive(on bool) { s.change(func(n *switches) { n.all = !on }) }

// Active reports whether capture as a whole is on.
func (s *Switch) Active() bool { return !s.load().all }

// Set turns entities on or off.
func (s *Switch) Set(on bool, entities ...string) {
	s.change(func(n *switches) {
		for _, e := range entities {
			if on {
				delete(n.entities, e)
			} else {
				n.entities[e] = true
			}
		}
	})
}

// Allows reports whether changes of an entity are captured now.
func (s *Switch) Allows(entity string) bool { return s.load().allows(entity) }

func (s *switches) allows(entity string) bool { return !s.all && !s.entities[entity] }

// filter drops the entries of what is off.
func (s *switches) filter(entries []annals.Entry) []annals.Entry {
	if !s.all && len(s.entities) == 0 {
		return entries
	}
	return slices.DeleteFunc(entries, func(e annals.Entry) bool { return !s.allows(e.Entity) })
}
