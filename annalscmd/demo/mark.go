package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// markTable is the first thing that a demonstration makes in a database, and only
// where there is neither a table of the shop's nor of annals' own: it proves that
// those which are there now came after it.
const (
	markTable  = "annals_demo"
	markColumn = "note"
	markNote   = "made by annals demo; annals demo --drop removes it"
)

// mark makes the table that tells a demonstration from somebody's own tables.
func mark(ctx context.Context, db *sql.DB, dia dialect.Dialect) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE "+dia.Quote(markTable)+" ("+
		dia.Quote(markColumn)+" VARCHAR(100) NOT NULL PRIMARY KEY)")
	if err != nil {
		return fmt.Errorf("mark the database: %w", err)
	}
	_, err = db.ExecContext(ctx, "INSERT INTO "+dia.Quote(markTable)+
		" VALUES ('"+markNote+"')")
	if err != nil {
		return fmt.Errorf("mark the database: %w", err)
	}
	return nil
}

// marked reports whether the mark says what a demonstration writes into it.
func marked(ctx context.Context, db *sql.DB, dia dialect.Dialect) (bool, error) {
	t, err := catalog.Load(ctx, db, dia, annals.Table{Name: markTable})
	if err != nil {
		return false, fmt.Errorf("look at the mark: %w", err)
	}
	if _, ok := t.Column(markColumn); !ok {
		return false, nil
	}
	var n int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+dia.Quote(markTable)+
		" WHERE "+dia.Quote(markColumn)+" = '"+markNote+"'").Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look at the mark: %w", err)
	}
	return n > 0, nil
}

// holding is what a database holds, seen by a demonstration.
type holding struct {
	marked bool
	// own are a demonstration's tables, if the database is marked; taken those which
	// stand in its way if not; foreign all others.
	own, taken, foreign []string
}

// holdings looks into the connection's own schema.
func holdings(ctx context.Context, db *sql.DB, dia dialect.Dialect) (*holding, error) {
	present, err := catalog.List(ctx, db, dia)
	if err != nil {
		return nil, fmt.Errorf("look into the database: %w", err)
	}
	known := slices.Concat(shopTables(), annalsTables(dia))
	has := &holding{}
	for _, t := range present {
		switch {
		case t.Name == markTable:
			if has.marked, err = marked(ctx, db, dia); err != nil {
				return nil, err
			}
		case slices.Contains(known, t.Name):
			has.own = append(has.own, t.Name)
		default:
			has.foreign = append(has.foreign, t.Name)
		}
		// Some databases ignore the case of names.
		name := strings.ToLower(t.Name)
		if strings.HasPrefix(name, "shop_") || strings.HasPrefix(name, "annals_") {
			has.taken = append(has.taken, t.Name)
		}
	}
	return has, nil
}

// shopTables are the shop's tables and their audit tables, in the order in which
// they can be dropped.
func shopTables() []string {
	var names []string
	for _, name := range tables() {
		names = append(names, name, name+config.DefaultSuffix)
	}
	return names
}

// annalsTables are the tables that annals makes for itself.
func annalsTables(dia dialect.Dialect) []string {
	names := []string{layout.LockTable, layout.SequenceName, contextTable}
	for _, t := range layout.MirrorOwn(dia.Limits()) {
		names = append(names, t.Name.Name)
	}
	return names
}

// contextTable is made by the triggers of SQLite.
const contextTable = "annals_context"

// dropTables drops a demonstration's tables. It drops nothing unless all of them
// are provably its own: the database is marked, annals audits nothing else in it,
// and the shop's tables have the shop's columns.
func dropTables(
	ctx context.Context, db *sql.DB, dia dialect.Dialect, has *holding, dsn string,
) error {
	refuse := func(why string) error {
		return &annals.Error{
			Op: "drop", Subject: "the demonstration", Err: errors.New(why),
			Remedy: "nothing was dropped; drop what you do not need by hand",
		}
	}
	foreign, err := foreignEntities(ctx, db, dia, has)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return refuse(fmt.Sprintf("annals audits %s in this database too",
			strings.Join(foreign, ", ")))
	}
	changed, err := changedTables(ctx, db, dia, has)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return refuse("other columns than the demonstration made: " + strings.Join(changed, ", "))
	}
	// The triggers' functions are no part of the tables that they are on.
	if err := dropTriggers(ctx, db, dia, dsn); err != nil {
		return err
	}
	var drops []string
	for _, name := range slices.Concat(shopTables(), annalsTables(dia)) {
		if slices.Contains(has.own, name) {
			drops = append(drops, "DROP TABLE "+dia.Quote(name))
		}
	}
	if dia.Features().Sequences {
		drops = append(drops, "DROP SEQUENCE IF EXISTS "+dia.Table(layout.Seq().Name))
	}
	// The mark goes last: a run that was cut short can be repeated.
	drops = append(drops, "DROP TABLE "+dia.Quote(markTable))
	for _, statement := range drops {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("drop the demonstration: %w", err)
		}
	}
	return nil
}

// dropTriggers does what "trigger drop" does.
func dropTriggers(ctx context.Context, db *sql.DB, dia dialect.Dialect, dsn string) error {
	file, err := config.Parse(configOf(dsn), os.LookupEnv)
	if err != nil {
		return err
	}
	aud, err := auditor.Open(ctx, file,
		func(context.Context, string) (*sql.DB, dialect.Dialect, error) { return db, dia, nil })
	if err != nil {
		return err
	}
	j, err := aud.Journal("")
	if err != nil {
		return err
	}
	return j.Drop(ctx, nil)
}

// foreignEntities lists what annals' registry has besides the shop.
func foreignEntities(
	ctx context.Context, db *sql.DB, dia dialect.Dialect, has *holding,
) ([]string, error) {
	if !slices.Contains(has.own, layout.AuditEntityTable) {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx, "SELECT "+dia.Quote(layout.ColName)+", "+
		dia.Quote(layout.ColTableName)+" FROM "+dia.Quote(layout.AuditEntityTable))
	if err != nil {
		return nil, fmt.Errorf("read what is audited: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var foreign []string
	for rows.Next() {
		var name, table string
		if err := rows.Scan(&name, &table); err != nil {
			return nil, fmt.Errorf("read what is audited: %w", err)
		}
		if !slices.Contains(shopTables(), table) {
			foreign = append(foreign, name)
		}
	}
	return foreign, rows.Err()
}

// changedTables lists the shop's tables whose columns are not the shop's.
func changedTables(
	ctx context.Context, db *sql.DB, dia dialect.Dialect, has *holding,
) ([]string, error) {
	wanted, err := shopColumns()
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, name := range has.own {
		columns, ok := wanted[name]
		if !ok {
			continue
		}
		t, err := catalog.Load(ctx, db, dia, annals.Table{Name: name})
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		var live []string
		for _, c := range t.Columns {
			live = append(live, c.Name)
		}
		slices.Sort(live)
		if !slices.Equal(live, columns) {
			changed = append(changed, name)
		}
	}
	return changed, nil
}

// shopColumns are the sorted columns of the shop's tables, as GORM makes them.
func shopColumns() (map[string][]string, error) {
	wanted := map[string][]string{}
	var cache sync.Map
	for _, model := range models() {
		s, err := schema.Parse(model, &cache, schema.NamingStrategy{})
		if err != nil {
			return nil, fmt.Errorf("read the shop's tables: %w", err)
		}
		wanted[s.Table] = slices.Sorted(slices.Values(s.DBNames))
		for _, r := range s.Relationships.Many2Many {
			wanted[r.JoinTable.Table] = slices.Sorted(slices.Values(r.JoinTable.DBNames))
		}
	}
	return wanted, nil
}
