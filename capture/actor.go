package capture

import (
	"context"

	"github.com/seed-162b1470/annals"
)

// Actor tells who acts in a statement: the actor of its context, else the one
// that is bound to its transaction, else what Config.Actor answers. unit is the
// statement's transaction, which is asked for once; nil where it has none.
func (s *Source) Actor(ctx context.Context, unit *Unit) (annals.Actor, error) {
	if actor, ok := annals.ActorFrom(ctx); ok {
		return actor, nil
	}
	if unit == nil {
		unit = s.Unit()
	}
	unit.mu.Lock()
	defer unit.mu.Unlock()
	if unit.binding != nil {
		return unit.binding.actor, nil
	}
	return unit.ask(ctx)
}
