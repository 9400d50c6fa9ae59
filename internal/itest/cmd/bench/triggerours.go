package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/layout"
)

// ours are annals' own variants: as a relay would read it, a copy has its key alone.
func ours() []variant {
	emptied := []string{audit, layout.RevisionEntityTable}
	return []variant{
		{title: theJournal, make: installBare, copied: audit, emptied: emptied, annals: true},
		{title: theMirror, make: install, copied: audit, emptied: emptied, annals: true},
	}
}

// triggerAuditor audits the table by triggers, beside it.
func triggerAuditor(db *sql.DB, e engine) (*auditor.Auditor, error) {
	return auditor.New(auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: db, Dialect: e.scheme(), Capture: config.CaptureTrigger},
		},
		Entities: map[string]config.Entity{entity: {Table: table, Label: "name"}},
	})
}

// install is what annals schema update and annals trigger create do.
func install(ctx context.Context, c *contender) error {
	_, err := c.install(ctx)
	return err
}

// installBare takes the readers' indexes of the copy away again.
func installBare(ctx context.Context, c *contender) error {
	shape, err := c.install(ctx)
	if err != nil {
		return err
	}
	for _, index := range shape.Indexes {
		if err := c.exec(ctx, c.engine.dropIndex(index.Name, audit)); err != nil {
			return err
		}
	}
	return nil
}

// install returns the shape of the copy.
func (c *contender) install(ctx context.Context) (shape layout.Table, err error) {
	aud, err := triggerAuditor(c.db, c.engine)
	if err != nil {
		return shape, err
	}
	defer func() { err = errors.Join(err, aud.Close()) }()
	m, err := aud.Schema(ctx, nil)
	if err != nil {
		return shape, err
	}
	if _, err := m.Update(ctx); err != nil {
		return shape, err
	}
	j, err := aud.Journal("app")
	if err != nil {
		return shape, err
	}
	shapes, err := j.Shapes(ctx)
	if err != nil {
		return shape, err
	}
	if len(shapes) != 1 || len(shapes[0].Shape.Indexes) == 0 {
		return shape, fmt.Errorf("%d copies, or no indexes", len(shapes)) //nolint:err113 // a fault of this command
	}
	return shapes[0].Shape, j.Create(ctx, nil)
}
