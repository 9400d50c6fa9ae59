package verify

import (
	"context"

	"github.com/seed-162b1470/annals/dialect"
)

// sqlite looks at a source on SQLite.
type sqlite struct{ *looker }

func sqliteChecks(e *looker) []func(context.Context) error {
	s := sqlite{e}
	return []func(context.Context) error{s.context, s.limits}
}

// context: the row that binds a transaction exists only within it.
func (s sqlite) context(ctx context.Context) error {
	table := s.Dialect.Table(s.own("annals_context"))
	err := each(ctx, s.StorageDB, "contexts", "SELECT COUNT(*) FROM "+table, nil,
		func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			if err == nil && n > 0 {
				s.add(Error, "", KindContextLeft, "a context was committed: every change that follows bears its actor",
					"DELETE FROM "+table)
			}
			return err
		})
	if err != nil && s.Dialect.Classify(err) == dialect.ClassMissingTable {
		return nil // it comes with the triggers
	}
	return err
}

func (s sqlite) limits(context.Context) error {
	s.add(Note, "", KindReplace, "REPLACE removes rows without their triggers on connections whose "+
		"recursive_triggers is off, as it is unless they switch it on",
		"PRAGMA recursive_triggers = ON on every connection; connectors of capture/conn do it")
	s.add(Note, "", KindGrouping, "changes of programs that bind no context are a revision for each statement; "+
		"statements within one millisecond may share one", "let programs bind one: capture/conn, or annals_context")
	s.add(Note, "", KindSchemaChanges, followDDL,
		"after each schema change: annals schema update --force, then annals trigger create --force")
	return nil
}
