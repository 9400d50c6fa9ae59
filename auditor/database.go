package auditor

import (
	"database/sql"

	"github.com/seed-162b1470/annals/dialect"
)

// Database returns the open database that stands under a DSN in Config, and which
// one it is; ok is false where there is none. It is the auditor's or the
// program's: whoever asks does not close it.
func (a *Auditor) Database(dsn string) (db *sql.DB, d dialect.Dialect, ok bool) {
	for _, s := range a.sources {
		if s.cfg.DSN == dsn {
			return s.db, s.dialect, true
		}
	}
	for _, s := range a.storages {
		if s.cfg.DSN == dsn {
			return s.db, s.dialect, true
		}
	}
	return nil, nil, false
}
