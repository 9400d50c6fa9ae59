package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Crash ends a server as a failing machine would, apart from what its operating
// system has already taken: nothing is flushed, nobody is told.
func (s *Server) Crash() error {
	if err := s.running.process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", s.Kind, err)
	}
	if err := <-s.running.ended; err == nil {
		return fmt.Errorf("kill %s: it has ended by itself", s.Kind)
	}
	return nil
}

// Restart starts a server that has crashed on its data, under the same DSN.
func (g *Group) Restart(ctx context.Context, s *Server) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		process, err := g.run(ctx, s.running.launch)
		if err == nil {
			s.running = process
			return nil
		}
		// What a dead server's children still hold is free as soon as they notice.
		if !strings.Contains(err.Error(), "shared memory block") {
			return fmt.Errorf("restart %s: %w", s.Kind, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
