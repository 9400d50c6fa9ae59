// Package gormcapture audits what a program writes through GORM.
//
//	aud, err := auditor.New(auditor.Config{ … })
//	err = db.Use(gormcapture.New(aud))
//
// From then on every create, update and delete of an audited table leaves an
// entry that commits with the change or not at all. Rows are read from the
// database under lock, in the transaction that changes them; entries are written
// once per transaction, in one batch before its commit. docs/internals.md tells
// how, and the README what GORM's hooks cannot see.
package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/config"
)

// Plugin is a gorm.Plugin. One may serve several *gorm.DB of the same database.
type Plugin struct {
	auditor *auditor.Auditor
	// name is that of the source; empty means the only one.
	name   string
	source *capture.Source
	learnt *learnt
	// binding is set where triggers capture.
	binding *binding
	// partitioned remembers which tables are, on PostgreSQL.
	partitioned sync.Map
	// rules remembers what tables do with rows that are in the way, on SQLite.
	rules sync.Map
	err   error
}

var _ gorm.Plugin = (*Plugin)(nil)

// Option sets a plugin up.
type Option func(*Plugin) error

// Source names the source that the *gorm.DB is, where the auditor has several.
func Source(name string) Option {
	return func(p *Plugin) error {
		p.name = name
		return nil
	}
}

// Models tells the plugin of models whose relations it should know from the
// start. It learns others when it first sees them used.
func Models(models ...any) Option {
	return func(p *Plugin) error {
		p.learnt.models = append(p.learnt.models, models...)
		return nil
	}
}

// New returns the plugin for db.Use. What is wrong with its options is the error
// of db.Use.
func New(aud *auditor.Auditor, options ...Option) *Plugin {
	p := &Plugin{auditor: aud, learnt: &learnt{}}
	for _, option := range options {
		p.err = errors.Join(p.err, option(p))
	}
	return p
}

// Name implements gorm.Plugin.
func (p *Plugin) Name() string { return "annals" }

// Initialize implements gorm.Plugin: it wraps the connection pool and registers
// callbacks round the statements that change rows. Where triggers capture, it binds
// instead.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.err != nil {
		return p.err
	}
	captured, err := p.auditor.CaptureOf(p.name)
	if err != nil {
		return err
	}
	if captured.Capture == config.CaptureTrigger {
		return p.bindTriggers(db, captured)
	}
	if p.source, err = p.auditor.Capture(p.name); err != nil {
		return err
	}
	if err := p.learnModels(db); err != nil {
		return err
	}
	if err := p.wrapPool(db); err != nil {
		return err
	}
	p.auditor.Reader().Map(&mapper{plugin: p, db: db})
	p.stamp(db)
	return p.register(db)
}

// wrapPool puts the watching pool under the prepared statements, where GORM
// keeps such, else in place of the pool.
func (p *Plugin) wrapPool(db *gorm.DB) error {
	if prepared, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
		prepared.ConnPool = p.newPool(prepared.ConnPool)
		return nil
	}
	if db.ConnPool == nil {
		return fmt.Errorf("audit GORM: %w", gorm.ErrInvalidDB)
	}
	if _, isTx := db.ConnPool.(gorm.TxCommitter); isTx {
		return nil // opened on a transaction: its statements are recorded one by one
	}
	db.ConnPool = p.newPool(db.ConnPool)
	db.Statement.ConnPool = db.ConnPool
	return nil
}

// register places the capture right round the callbacks that run SQL, inside
// the transaction that GORM opens.
func (p *Plugin) register(db *gorm.DB) error {
	c := db.Callback()
	return errors.Join(
		c.Create().Before("gorm:create").Register("annals:before_create", p.before),
		c.Create().After("gorm:create").Before("gorm:save_after_associations").
			Register("annals:after_create", p.after),
		c.Update().Before("gorm:update").Register("annals:before_update", p.before),
		c.Update().After("gorm:update").Before("gorm:save_after_associations").
			Register("annals:after_update", p.after),
		c.Delete().Before("gorm:delete").Register("annals:before_delete", p.before),
		c.Delete().After("gorm:delete").Before("gorm:after_delete").
			Register("annals:after_delete", p.after),
		c.Query().Before("gorm:query").Register("annals:learn", p.learn),
		c.Query().Before("gorm:query").Register("annals:before_query", p.beforeRaw),
		c.Query().After("gorm:query").Before("gorm:preload").
			Register("annals:after_query", p.afterRaw),
		c.Row().Before("gorm:row").Register("annals:before_row", p.beforeRaw),
		c.Row().After("gorm:row").Register("annals:after_row", p.afterRaw),
		c.Raw().Before("gorm:raw").Register("annals:before_raw", p.beforeRaw),
		c.Raw().After("gorm:raw").Register("annals:after_raw", p.afterRaw),
	)
}

// pool begins watched transactions.
type pool struct {
	gorm.ConnPool
	source *capture.Source
	// watcher is that of a transaction that begins under a context.
	watcher func(context.Context) conn.Watcher
}

func (p *Plugin) newPool(below gorm.ConnPool) *pool {
	own := &pool{ConnPool: below, source: p.source}
	own.watcher = func(ctx context.Context) conn.Watcher {
		if p.binding != nil {
			return p.binding.begun(ctx)
		}
		return p.source.Unit()
	}
	return own
}

var (
	_ gorm.ConnPoolBeginner = (*pool)(nil)
	_ gorm.GetDBConnector   = (*pool)(nil)
	_ gorm.Tx               = (*conn.Tx)(nil)
)

// BeginTx implements gorm.ConnPoolBeginner.
func (p *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	raw, err := begin(ctx, p.ConnPool, opts)
	if err != nil {
		return nil, err
	}
	db, err := p.GetDBConn()
	if err != nil {
		db = nil // a pool that is no *sql.DB; only asked for by db.DB()
	}
	return p.watch(ctx, raw, db), nil
}

func (p *pool) watch(ctx context.Context, raw conn.Raw, db *sql.DB) *conn.Tx {
	tx := conn.NewTx(ctx, raw, db, p.watcher(ctx), syntaxOf(p.source.Dialect()))
	tx.Lost(func(ctx context.Context, raw conn.Raw, err error) bool {
		d := p.source.Dialect()
		return engineOf(d).ended(ctx, raw, d.Classify(err), err)
	})
	return tx
}

func begin(ctx context.Context, from gorm.ConnPool, opts *sql.TxOptions) (conn.Raw, error) {
	switch b := from.(type) {
	case gorm.TxBeginner:
		return b.BeginTx(ctx, opts)
	case gorm.ConnPoolBeginner:
		tx, err := b.BeginTx(ctx, opts)
		if err != nil {
			return nil, err
		}
		if raw, ok := tx.(gorm.Tx); ok {
			return raw, nil
		}
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn implements gorm.GetDBConnector, for db.DB().
func (p *pool) GetDBConn() (*sql.DB, error) {
	if db, ok := p.ConnPool.(*sql.DB); ok {
		return db, nil
	}
	if c, ok := p.ConnPool.(gorm.GetDBConnector); ok && c != nil {
		return c.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Ping checks the connection, as *sql.DB does.
func (p *pool) Ping() error {
	if pinger, ok := p.ConnPool.(interface{ Ping() error }); ok {
		return pinger.Ping()
	}
	return nil
}

// schemaOf is the parsed model of a statement, nil where it has none.
func schemaOf(db *gorm.DB) *schema.Schema { return db.Statement.Schema }
