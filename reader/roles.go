package reader

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/nearest"
)

// Allowing returns a reader of the same storages that asks allow instead of
// Config.Allow.
func (r *Reader) Allowing(allow AllowFunc) *Reader {
	other := *r
	other.cfg.Allow = allow
	return &other
}

// Entities lists what the caller may read, by name.
func (r *Reader) Entities(ctx context.Context) ([]EntityInfo, error) {
	seen, err := r.look(ctx)
	return seen.allowed, err
}

// view is what there is, and what of it the caller may read.
type view struct {
	allowed []EntityInfo
	// forbidden are the names of the others.
	forbidden map[string]bool
}

// look asks what there is and who may read it.
func (r *Reader) look(ctx context.Context) (view, error) {
	list, err := r.cfg.Entities(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{forbidden: map[string]bool{}}
	for _, e := range list {
		allowed := len(e.ViewRoles) == 0
		if !allowed && r.cfg.Allow != nil {
			if allowed, err = r.cfg.Allow(ctx, e); err != nil {
				return view{}, fmt.Errorf("ask who may read entity %s: %w", e.Name, err)
			}
		}
		if allowed {
			v.allowed = append(v.allowed, e)
		} else {
			v.forbidden[e.Name] = true
		}
	}
	slices.SortFunc(v.allowed, func(x, y EntityInfo) int { return strings.Compare(x.Name, y.Name) })
	return v, nil
}

// named returns the entities of these names, all where there is none.
func (v *view) named(names []string) ([]EntityInfo, error) {
	if len(names) == 0 {
		return slices.Clone(v.allowed), nil
	}
	out := make([]EntityInfo, 0, len(names))
	for _, name := range names {
		e, ok := v.find(name)
		switch {
		case ok:
			out = append(out, e)
		case v.forbidden[name]:
			return nil, &annals.Error{
				Op: "read", Subject: fmt.Sprintf("entity %q", name), Err: annals.ErrForbidden,
				Remedy: "ask for one of its view roles",
			}
		default:
			return nil, unknownEntity(name, v.allowed)
		}
	}
	return out, nil
}

func (v *view) find(name string) (EntityInfo, bool) {
	for _, e := range v.allowed {
		if e.Name == name {
			return e, true
		}
	}
	return EntityInfo{}, false
}

func (r *Reader) unknownStorage(name string) error {
	var names []string
	for _, s := range r.stores {
		names = append(names, s.Name)
	}
	return &annals.Error{
		Op: "find", Subject: fmt.Sprintf("storage %q", name),
		Err:    fmt.Errorf("no such storage: %w", annals.ErrConfig),
		Remedy: nearest.DidYouMean(name, names),
	}
}
