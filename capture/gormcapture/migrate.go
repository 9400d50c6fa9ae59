package gormcapture

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/schema"
)

// AutoMigrate brings the tables of models and then annals' own tables up to
// date, so that both come with one call: GORM's AutoMigrate, then what
// "annals schema update --force" does. db must have been given the plugin, by
// db.Use. Another run that holds the schema lock gives annals.ErrLocked.
func AutoMigrate(ctx context.Context, db *gorm.DB, models ...any) error {
	p, ok := db.Plugins["annals"].(*Plugin)
	if !ok {
		return &annals.Error{
			Op: "migrate", Subject: "audit tables", Err: annals.ErrConfig,
			Remedy: "call db.Use(gormcapture.New(aud)) first",
		}
	}
	if err := db.WithContext(ctx).AutoMigrate(models...); err != nil {
		return fmt.Errorf("migrate models: %w", err)
	}
	if p.binding == nil { // triggers go by the configuration alone
		p.learnt.models = append(p.learnt.models, models...)
		if err := p.learnModels(db); err != nil {
			return err
		}
	}
	p.auditor.Refresh()
	manager, err := p.auditor.Schema(ctx, func(schema.Progress) {})
	if err != nil {
		return err
	}
	if _, err := manager.Update(ctx); err != nil {
		return fmt.Errorf("migrate audit tables: %w", err)
	}
	return nil
}
