package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// mysqlIndexable is how many characters a text may have that is indexed together
// with the order of pages: InnoDB's keys end at 3,072 bytes.
const mysqlIndexable = 600

const (
	// The engine's name and the format's are empty for a view.
	myEngines = `SELECT table_name, coalesce(engine, ''), coalesce(row_format, '')
FROM information_schema.tables WHERE table_schema = ? AND table_name IN `

	myTypes = `SELECT table_name, column_name, lower(data_type), column_type,
coalesce(character_maximum_length, -1), coalesce(character_set_name, ''),
coalesce(collation_name, ''), coalesce(datetime_precision, -1),
extra LIKE '%auto_increment%' FROM information_schema.columns
WHERE table_schema = ? AND table_name IN `
)

// readFit reads what tells whether tables fit.
func (f mysqlFlavour) readFit(
	ctx context.Context, q dialect.Queryer, w window, s *space,
) error {
	list, args := w.among(f.d)
	err := eachRow(ctx, q, myEngines+list, args, func(scan func(...any) error) error {
		var table, engine, format string
		err := scan(&table, &engine, &format)
		if r := s.relations[w.fold(table)]; r != nil {
			r.engine, r.rowFormat = engine, format
		}
		return err
	})
	if err != nil {
		return err
	}
	return eachRow(ctx, q, myTypes+list, args, func(scan func(...any) error) error {
		var table, column string
		var l liveColumn
		err := scan(&table, &column, &l.kind, &l.declared, &l.size, &l.charset, &l.collation,
			&l.digits, &l.auto)
		// utf8mb4_bin is not enough: it takes "a" and "a " for the same.
		l.exact = strings.HasSuffix(l.collation, "_nopad_bin") ||
			strings.HasSuffix(l.collation, "_0900_bin")
		l.sorted = l.exact
		if r := s.relations[w.fold(table)]; r != nil {
			r.types[strings.ToLower(column)] = l
		}
		return err
	})
}

func (f mysqlFlavour) tableFlaws(t annals.Table, live *relation) []flaw {
	remedy := "ALTER TABLE " + f.d.Table(t) + " ENGINE=InnoDB ROW_FORMAT=DYNAMIC"
	switch strings.ToLower(live.engine) {
	case "innodb":
	case "rocksdb", "tokudb":
		return nil
	default:
		return []flaw{{
			problem: "engine " + live.engine + " keeps rows that are rolled back",
			remedy:  remedy, cause: annals.ErrNotTransactional,
		}}
	}
	switch strings.ToLower(live.rowFormat) {
	case "compact", "redundant":
		return []flaw{{
			problem: "row format " + live.rowFormat + " has no room for the indexes", remedy: remedy,
		}}
	}
	return nil
}

func (f mysqlFlavour) columnFlaw(
	t annals.Table, c layout.Column, live liveColumn,
) (flaw, bool) {
	alter := "ALTER TABLE " + f.d.Table(t)
	modify := alter + " MODIFY " + f.d.Quote(c.Name) + " " + f.columnType(c)
	if c.Auto {
		switch {
		case !slices.Contains([]string{"int", "bigint"}, live.kind):
			return wrongType(c, live, "bigint", modify)
		case !live.auto:
			return numberless(c, modify)
		}
		return flaw{}, false
	}
	if c.Type == layout.Raw {
		if takes(f.d, c, live.myType()) || live.longFor(f.d, c) || f.isJSON(c, live) {
			return flaw{}, false
		}
		return wrongType(c, live, c.SQL, modify)
	}
	if !f.holds(c, live) {
		return wrongType(c, live, f.columnType(bare(c)), modify)
	}
	convert := alter + " CONVERT TO CHARACTER SET utf8mb4 COLLATE " + f.collation()
	switch {
	case live.charset != "" && live.charset != "utf8mb4":
		return flaw{
			problem: fmt.Sprintf("column %s has character set %s, which lacks characters", c.Name,
				live.charset),
			remedy: convert,
		}, true
	case c.Exact && !live.exact, c.Sorted && !live.sorted:
		return wrongCollation(c, live, convert)
	}
	return flaw{}, false
}

// holds reports whether a live column takes every value of c.
func (f mysqlFlavour) holds(c layout.Column, live liveColumn) bool {
	unsigned := strings.Contains(live.declared, "unsigned")
	switch c.Type {
	case layout.BigInt:
		return live.kind == "bigint" && !unsigned
	case layout.Integer:
		return live.kind == "int" || live.kind == "bigint"
	case layout.SmallInt:
		return slices.Contains([]string{"smallint", "mediumint", "int", "bigint"}, live.kind)
	case layout.Boolean:
		return slices.Contains([]string{"tinyint", "smallint", "int"}, live.kind)
	case layout.VarChar:
		if c.Exact {
			return live.kind == "varchar" && live.size >= c.Size && live.size <= mysqlIndexable
		}
		return live.kind == "varchar" && live.size >= c.Size || isLong(live)
	case layout.JSON:
		// MariaDB's JSON is another word for LONGTEXT.
		return live.kind == "json" || f.d.Features().MariaDB && live.kind == "longtext"
	case layout.Instant:
		return live.kind == "datetime" && live.digits == 6
	default:
		return isLong(live)
	}
}

// isLong: TEXT ends at 65,535 bytes, and cuts where the server is not strict.
func isLong(live liveColumn) bool {
	return live.kind == "mediumtext" || live.kind == "longtext"
}
