package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
)

// operation is what a program does to rows.
type operation string

const (
	opCreate operation = "create"
	opUpdate operation = "update"
	opDelete operation = "delete"
)

// work is one configuration: an operation of so many rows, ops times in a slice.
type work struct {
	op        operation
	rows, ops int
}

func (w work) String() string { return fmt.Sprintf("%s %d", w.op, w.rows) }

// batches is the number of statements in an operation.
func (w work) batches() int { return (w.rows + batchSize - 1) / batchSize }

func works(o options) []work {
	var all []work
	for _, op := range o.operations {
		all = append(all, work{op, 1, o.ops[0]}, work{op, 100, o.ops[1]}, work{op, o.rows, 1})
	}
	return all
}

// side is one of the two that are compared: a database with the table, and GORM
// on it, audited or not.
type side struct {
	*place
	audited bool
	gorm    *gorm.DB
	// made counts the rows made, turns the slices.
	made, turns int
}

// newSide makes the database, the tables and the rows that w changes.
func newSide(ctx context.Context, e engine, w work, audited bool) (*side, error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return nil, err
	}
	s := &side{place: p, audited: audited}
	if err := s.fill(ctx, w); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	return s, nil
}

func (s *side) fill(ctx context.Context, w work) error {
	var err error
	if s.gorm, err = s.attach(s.db); err != nil {
		return err
	}
	if s.audited {
		err = gormcapture.AutoMigrate(ctx, s.gorm, &item{})
	} else {
		err = s.gorm.WithContext(ctx).AutoMigrate(&item{})
	}
	if err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	// The ids are 1, 2, …
	s.made = max(w.rows*w.ops, 2*batchSize)
	items := newItems(0, s.made)
	off := s.gorm.WithContext(annals.Off(ctx))
	if err := off.CreateInBatches(&items, batchSize).Error; err != nil {
		return fmt.Errorf("fill table: %w", err)
	}
	if err := s.exec(ctx, "CREATE TABLE "+copied+" AS SELECT * FROM "+table); err != nil {
		return err
	}
	return s.exec(ctx, s.engine.settle(table, copied)...)
}

// attach puts GORM on a pool, audited or not.
func (s *side) attach(db *sql.DB) (*gorm.DB, error) {
	g, err := gorm.Open(s.engine.dialector(db), &gorm.Config{Logger: logger.Discard})
	if err != nil || !s.audited {
		return g, err
	}
	aud, err := newAuditor(db, s.engine)
	if err != nil {
		return nil, err
	}
	return g, g.Use(gormcapture.New(aud))
}

func newAuditor(db *sql.DB, e engine) (*auditor.Auditor, error) {
	return auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db, Dialect: e.scheme()}},
		Entities: map[string]config.Entity{entity: {Table: table, Label: "name"}},
	})
}

// ann acts.
var ann = annals.Actor{
	ID: "42", Name: "Ann Example", Email: "ann@example.org", Type: "User", Context: "api",
}

// slice prepares w.ops operations and returns what runs them.
func (s *side) slice(ctx context.Context, w work) func() error {
	ctx = annals.WithActor(ctx, ann)
	g := s.gorm.WithContext(ctx)
	s.turns++
	turn := s.turns
	var batches [][]item
	if w.op == opCreate {
		for range w.ops {
			batches = append(batches, newItems(s.made, w.rows))
			s.made += w.rows
		}
	}
	return func() error {
		for i := range w.ops {
			var err error
			switch w.op {
			case opCreate:
				err = create(g, batches[i])
			case opUpdate:
				err = ranges(g, w, i, func(g *gorm.DB, n int64) error {
					return changed(g.Model(&item{}).Updates(map[string]any{
						"quantity": turn, "price": fmt.Sprintf("%d.25", turn),
					}), n)
				})
			case opDelete:
				err = ranges(g, w, i, func(g *gorm.DB, n int64) error {
					return changed(g.Delete(&item{}), n)
				})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func create(g *gorm.DB, items []item) error {
	if len(items) == 1 {
		return g.Create(&items[0]).Error
	}
	return g.CreateInBatches(&items, batchSize).Error
}

// ranges calls f for the i-th operation's rows, a statement of at most batchSize
// rows each, in one transaction where there are several.
func ranges(g *gorm.DB, w work, i int, f func(g *gorm.DB, n int64) error) error {
	first := i*w.rows + 1
	if w.rows == 1 {
		return f(g.Where("id = ?", first), 1)
	}
	within := func(g *gorm.DB) error {
		for from := first; from < first+w.rows; from += batchSize {
			to := min(from+batchSize, first+w.rows) - 1
			if err := f(g.Where("id BETWEEN ? AND ?", from, to), int64(to-from+1)); err != nil {
				return err
			}
		}
		return nil
	}
	if w.batches() == 1 {
		return within(g)
	}
	return g.Transaction(within)
}

// changed makes sure that the work was done.
func changed(g *gorm.DB, want int64) error {
	if g.Error == nil && g.RowsAffected != want {
		return fmt.Errorf("%d rows affected, want %d", g.RowsAffected, want)
	}
	return g.Error
}

// restore brings deleted rows back and settles, both untimed.
func (s *side) restore(ctx context.Context, w work) error {
	if w.op == opDelete {
		err := s.exec(ctx, fmt.Sprintf(
			"INSERT INTO %s SELECT * FROM %s WHERE id <= %d", table, copied, w.rows*w.ops))
		if err != nil {
			return err
		}
	}
	if w.op == opCreate {
		return nil
	}
	return s.exec(ctx, s.engine.settle(table)...)
}
