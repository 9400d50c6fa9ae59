package capture

import (
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// pgTemporary reports whether a table, by its canonical name, is PostgreSQL's and
// of one session only.
func pgTemporary(d dialect.Dialect, t annals.Table) bool {
	return d.Name() == dialect.PostgresName && strings.HasPrefix(t.Schema, "pg_temp_")
}
