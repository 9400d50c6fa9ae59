package annalscmd

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// connect opens a database, or takes that of the program. Release gives it back.
func (a *app) connect(ctx context.Context, dsn string) (*sql.DB, dialect.Dialect, error) {
	if db, d, ok := a.borrow(dsn); ok {
		return db, d, nil
	}
	if a.opts.Open == nil {
		return nil, nil, errOpener
	}
	return a.opts.Open(ctx, dsn)
}

// open puts the parts of a configuration together.
func (a *app) open(ctx context.Context, c *config.Config) (*auditor.Auditor, error) {
	if a.opts.Auditor != nil {
		return a.auditor()
	}
	return auditor.Open(ctx, c, a.connect)
}
