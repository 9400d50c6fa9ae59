package annalscmd

import (
	"context"
	"strings"

	"github.com/seed-162b1470/annals/config"
)

// routeRow is the way of one entity.
type routeRow struct {
	Entity   string   `json:"entity"`
	Source   string   `json:"source"`
	Capture  string   `json:"capture"`
	Delivery string   `json:"delivery"`
	Storages []string `json:"storages"`
	Layouts  []string `json:"layouts"`
	Rule     string   `json:"rule"`
}

// showRoutes prints where each entity goes, and why.
func (a *app) showRoutes(ctx context.Context, c *config.Config) error {
	rows, err := a.routeRows(ctx, c)
	if err != nil {
		return err
	}
	if a.json {
		for _, r := range rows {
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	}
	t := a.table("entity", "source", "capture", "delivery", "storage", "layout", "rule")
	for _, r := range rows {
		t.row(r.Entity, r.Source, r.Capture, r.Delivery, strings.Join(r.Storages, ", "),
			strings.Join(r.Layouts, ", "), r.Rule)
	}
	return t.print()
}

// routeRows asks the databases only where "*" stands for their tables.
func (a *app) routeRows(ctx context.Context, c *config.Config) ([]routeRow, error) {
	if _, all := c.Entities[config.Wildcard]; all {
		return a.liveRoutes(ctx, c)
	}
	var rows []routeRow
	for _, name := range keys(c.Entities) {
		rule, _ := c.RouteFor(name)
		source := c.Entities[name].Source
		r := routeRow{
			Entity: name, Source: source, Capture: c.Sources[source].Capture,
			Delivery: c.Sources[source].Delivery, Storages: rule.Storages, Rule: rule.String(),
		}
		for _, s := range rule.Storages {
			r.Layouts = append(r.Layouts, c.Storages[s].Layout)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (a *app) liveRoutes(ctx context.Context, c *config.Config) ([]routeRow, error) {
	aud, err := a.open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	routes, err := aud.Routes(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]routeRow, 0, len(routes))
	for _, r := range routes {
		rows = append(rows, routeRow{
			Entity: r.Entity.Name, Source: r.Entity.Source, Capture: r.Capture,
			Delivery: r.Delivery, Storages: r.Storages, Layouts: r.Layouts, Rule: r.Rule,
		})
	}
	return rows, nil
}
