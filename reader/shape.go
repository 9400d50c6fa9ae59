package reader

import (
	"context"
	"fmt"
)

// Shape is what is known of an entity's table.
type Shape struct {
	// Key names the key's columns in order. None means that it is not known.
	Key []string
	// Columns are all that the source's table has now; none means that they are not
	// known.
	Columns []string
}

// Shape tells the shape of an entity that the caller may read: the key as the
// configuration has it, else, like the columns, as the source has it now. What is
// no longer audited has none.
func (r *Reader) Shape(ctx context.Context, entity string) (Shape, error) {
	seen, err := r.look(ctx)
	if err != nil {
		return Shape{}, err
	}
	infos, err := seen.named([]string{entity})
	if err != nil {
		return Shape{}, err
	}
	return r.shape(ctx, infos[0])
}

func (r *Reader) shape(ctx context.Context, info EntityInfo) (s Shape, err error) {
	if r.cfg.Shape != nil && info.Audited {
		if s, err = r.cfg.Shape(ctx, info.Name); err != nil {
			return s, fmt.Errorf("ask for the columns of entity %s: %w", info.Name, err)
		}
	}
	if len(info.Key) > 0 {
		s.Key = info.Key
	}
	return s, nil
}
