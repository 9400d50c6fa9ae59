package capture

import (
	"slices"

	"github.com/seed-162b1470/annals"
)

// stored is what a unit was before it stored what it had.
type stored struct {
	pending       []captured
	size, base    int
	written       *written
	marks         []mark
	binding       *binding
	flushed, told int
}

// store returns what Undone goes back to, before the unit stores what it has.
func (u *Unit) store() *stored {
	s := &stored{
		pending: u.pending, size: u.size, base: u.base, written: u.written,
		marks: u.marks, binding: u.binding, flushed: len(u.flushed), told: len(u.told),
	}
	if u.cfg.Listener != nil { // which may change entries, and is going to be asked again
		s.pending = slices.Clone(s.pending)
		for i := range s.pending {
			s.pending[i].entries = slices.Clone(s.pending[i].entries)
		}
	}
	return s
}

// Pending implements conn.Watcher.
func (u *Unit) Pending() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.pending) > 0 || u.written != nil || u.standing || len(u.failures) > 0
}

// Undone implements conn.Watcher: all waits for the commit again.
func (u *Unit) Undone() {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stored
	if s == nil {
		return
	}
	u.stored = nil
	u.pending, u.size, u.base, u.written = s.pending, s.size, s.base, s.written
	u.marks, u.binding = s.marks, s.binding
	u.flushed = u.flushed[:min(s.flushed, len(u.flushed))]
	u.told = u.told[:min(s.told, len(u.told))]
	u.contexts = nil
}

// Stands implements conn.Watcher: the transaction goes on with what is stored. What
// it captures from now on is another revision.
func (u *Unit) Stands() {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stored
	if s == nil {
		return
	}
	u.stored, u.standing = nil, true
	for _, m := range s.marks {
		u.marks = append(u.marks, mark{
			name: m.name, failures: m.failures, told: m.told, sealed: m.sealed || m.n > 0,
		})
	}
}

// lostSavepoint is the failure of a rollback that leaves changes without entries.
func lostSavepoint(name, remedy string) error {
	return &annals.Error{
		Op: "roll back to", Subject: "savepoint " + name, Err: annals.ErrCapture, Remedy: remedy,
	}
}
