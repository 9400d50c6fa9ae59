// Package route decides which storages an entity's entries go to.
package route

import (
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

// Func chooses storages for an entity in Go. It returns nil to leave the choice
// to the configured routes.
type Func func(annals.Entity) []string

// Router decides by a Func, then by the first route that matches, then by there
// being one storage only. It is safe for concurrent use.
type Router struct {
	cfg  *config.Config
	pick Func
}

// Decision is where an entity's entries go, and why.
type Decision struct {
	Storages []string
	// Rule is the deciding rule in words: `routes[0] "billing.*"`, "only
	// storage", "Route function".
	Rule string
}

// New returns a router for a configuration; pick may be nil.
func New(cfg *config.Config, pick Func) *Router {
	return &Router{cfg: cfg, pick: pick}
}

// Route decides for one entity. An entity that no route matches, or one sent to
// a storage that does not exist, is an error that matches annals.ErrConfig.
func (r *Router) Route(e annals.Entity) (Decision, error) {
	if r.pick != nil {
		if names := r.pick(e); len(names) > 0 {
			for _, name := range names {
				if _, ok := r.cfg.Storages[name]; !ok {
					return Decision{}, &annals.Error{
						Op: "route", Subject: "entity " + e.Name,
						Err: fmt.Errorf("no storage %q: %w", name, annals.ErrConfig),
					}
				}
			}
			return Decision{Storages: names, Rule: "Route function"}, nil
		}
	}
	rule, ok := r.cfg.RouteFor(e.Name)
	if !ok {
		return Decision{}, &annals.Error{
			Op: "route", Subject: "entity " + e.Name, Err: annals.ErrConfig,
			Remedy: `no route matches it: add one, for instance {match: "*", storages: [default]}`,
		}
	}
	return Decision{Storages: rule.Storages, Rule: rule.String()}, nil
}
