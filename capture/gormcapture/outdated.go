package gormcapture

import (
	"context"
	"errors"
	"io"

	"github.com/seed-162b1470/annals/dialect"
)

// outdated reports whether a read failed on a column that is not there, and then
// forgets what is known of the tables: someone else may have changed them.
func (s *statement) outdated(err error) bool {
	if err == nil || s.source.Dialect().Classify(err) != dialect.ClassMissingColumn {
		return false
	}
	s.source.Forget()
	return true
}

// anew does what comes before the statement once more, with the tables as they are
// now. Where the first try made the database give up the transaction, or the
// program itself names what is not there, the first error stands.
func (s *statement) anew(ctx context.Context, first error) error {
	if c, ok := s.work.(io.Closer); ok {
		_ = c.Close() // it holds nothing that was read whole
	}
	s.instead, s.proven = nil, false
	if s.joined() {
		if ok, err := s.aim(ctx); err != nil || !ok {
			return first
		}
	} else if err := s.resolve(ctx, s.table); err != nil {
		return first
	}
	switch s.work.(type) {
	case *insert:
		s.work = newInsert(s)
	case *update:
		s.work = &update{}
	case *remove:
		s.work = &remove{}
	}
	if err := s.work.before(ctx, s); err != nil {
		if s.source.Dialect().Classify(err) == dialect.ClassMissingColumn ||
			errors.Is(err, first) {
			return first
		}
		return errors.Join(first, err)
	}
	return nil
}
