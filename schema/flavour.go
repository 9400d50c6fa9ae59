package schema

import (
	"context"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// flavour is the SQL of one database: what annals' tables look like in it, and
// how it tells what is there.
type flavour interface {
	// createSchema makes a schema; ok is false where SQL cannot.
	createSchema(name string) (sql string, ok bool)
	createSequence(name annals.Table) string
	// columnType is a column's definition after its name, without a default.
	columnType(c layout.Column) string
	// zero is a literal for rows that are older than a column.
	zero(c layout.Column) string
	// tableOptions ends a CREATE TABLE.
	tableOptions() string
	// keyType is columnType of the only column of a primary key; inline tells that it
	// makes the column the key.
	keyType(c layout.Column) (sql string, inline bool)
	// column folds the name of a column.
	column(name string) string
	copier
	// createIndex; live means that the table may have rows and writers.
	createIndex(t annals.Table, i layout.Index, live bool) Statement
	// mendIndex makes an invalid index valid.
	mendIndex(t annals.Table, name string) Statement
	// implied are the names, of those that tables have too, that a new table brings
	// with it; isThere tells which are given already.
	implied(t layout.Table, isThere func(name string) bool) []string
	// literal quotes a text value.
	literal(s string) string
	// begin starts a transaction for schema work; empty where there is none.
	begin() []string
	grantor
	reader
	judge
}

// reader reads the database's catalogue.
type reader interface {
	// home names the schema of names without one; "" where there is none.
	home(ctx context.Context, q dialect.Queryer) (string, error)
	// folding returns what makes names of tables comparable.
	folding(ctx context.Context, q dialect.Queryer) (func(string) string, error)
	// read reads one schema: all names, and the named tables in full.
	read(ctx context.Context, q dialect.Queryer, w window) (*space, error)
	// readFit adds what tells whether the named tables fit.
	readFit(ctx context.Context, q dialect.Queryer, w window, s *space) error
}

// window is what to read of a schema.
type window struct {
	schema string
	tables []string
	// own are those of the tables that are annals' own.
	own  []string
	fold func(string) string
}

// flavourFor is the only place that asks for the database.
func flavourFor(d dialect.Dialect) flavour {
	switch d.Name() {
	case dialect.MySQLName:
		return mysqlFlavour{d}
	case dialect.SQLiteName:
		return sqliteFlavour{d}
	}
	return postgresFlavour{d}
}

// Literal quotes a text as a value, where none can be bound: in scripts.
func Literal(d dialect.Dialect, text string) string { return flavourFor(d).literal(text) }

// space is a live schema.
type space struct {
	exists bool
	// relations by folded name.
	relations map[string]*relation
	// taken are the folded names that a new index of the schema cannot have. Nil
	// where indexes have their names per table.
	taken map[string]bool
	// implied are the folded names that the plan so far brings with it: of a table or
	// an index "", of what comes with a table that table.
	implied map[string]string
}

func newSpace() *space {
	return &space{relations: map[string]*relation{}, implied: map[string]string{}}
}

// isThere reports whether the name is live, or will be when the plan so far has run.
func (s *space) isThere(name string) bool {
	_, planned := s.implied[name]
	return planned || s.relations[name] != nil
}

// created notes that the plan makes something of that name, with a table or by
// itself.
func (s *space) created(name, with string) {
	s.implied[name] = with
	if s.taken != nil {
		s.taken[name] = true
	}
}

// relation is something live with a table's name.
type relation struct {
	kind relationKind
	// partitioned: an index of it cannot be built beside its writers.
	partitioned bool
	columns     map[string]bool
	// unbounded columns are too long for an index (MySQL: text, blob and json).
	unbounded map[string]bool
	// types of the columns, for annals' own tables.
	types map[string]liveColumn
	// engine and rowFormat are MySQL's.
	engine, rowFormat string
	indexes           []*liveIndex
}

func newRelation(kind relationKind) *relation {
	return &relation{
		kind: kind, columns: map[string]bool{}, unbounded: map[string]bool{},
		types: map[string]liveColumn{},
	}
}

// index returns the index of that name, which it adds where there is none.
func (r *relation) index(name string) *liveIndex {
	for _, i := range r.indexes {
		if i.name == name {
			return i
		}
	}
	i := &liveIndex{name: name}
	r.indexes = append(r.indexes, i)
	return i
}

type relationKind string

const (
	isTable    relationKind = "table"
	isView     relationKind = "view"
	isSequence relationKind = "sequence"
	isOther    relationKind = "index or type"
)

// liveIndex is an index as it is there.
type liveIndex struct {
	name    string
	columns []string
	unique  bool
	// opaque: over expressions, in another order than that of the values both ways,
	// or of another method. desc: a column is descending.
	opaque, desc bool
	// cut tells for each column whether only its beginning is indexed; nil for none.
	cut []bool
	// predicate of a partial index, as the database or the user wrote it.
	predicate string
	invalid   bool
}

// serves reports whether the live index does what the wanted one is for.
func (l *liveIndex) serves(w layout.Index) bool {
	if l.opaque || len(l.columns) != len(w.Columns) || (w.Unique && !l.unique) {
		return false
	}
	// Where the last column is to be read downwards, after the others were found by
	// their values, every direction serves: an index can be read backwards.
	if l.desc && !w.LastDesc {
		return false
	}
	if l.invalid && l.unique && !w.Unique {
		return false // it broke off over rows that are alike, and would again
	}
	for i, c := range w.Columns {
		if l.columns[i] != c || l.isCut(i) && (i >= len(w.Prefix) || w.Prefix[i] == 0) {
			return false
		}
	}
	return l.predicate == "" || (w.NotNull != "" && isNotNull(l.predicate, w.NotNull))
}

func (l *liveIndex) isCut(i int) bool { return i < len(l.cut) && l.cut[i] }

// isNotNull recognises the predicate "column IS NOT NULL" in the forms that the
// databases give it.
func isNotNull(predicate, column string) bool {
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune("()\"`", r) {
			return -1
		}
		return r
	}, predicate)
	return strings.EqualFold(strings.Join(strings.Fields(text), " "), column+" IS NOT NULL")
}

// quoteAll quotes and joins names.
func quoteAll(d dialect.Dialect, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// indexSQL is what CREATE INDEX looks like everywhere; verb stands between
// CREATE and the name.
func indexSQL(d dialect.Dialect, verb, name, on string, i layout.Index) string {
	columns := make([]string, len(i.Columns))
	for n, c := range i.Columns {
		columns[n] = d.Quote(c)
		if n < len(i.Prefix) && i.Prefix[n] > 0 {
			columns[n] += "(" + strconv.Itoa(i.Prefix[n]) + ")"
		}
	}
	list := strings.Join(columns, ", ")
	if i.LastDesc {
		list += " DESC"
	}
	return "CREATE " + verb + " " + name + " ON " + on + " (" + list + ")"
}

// indexVerb is INDEX or UNIQUE INDEX.
func indexVerb(i layout.Index) string {
	if i.Unique {
		return "UNIQUE INDEX"
	}
	return "INDEX"
}

// eachRow runs a query and calls scan for each row.
func eachRow(
	ctx context.Context, q dialect.Queryer, query string, args []any,
	scan func(scan func(...any) error) error,
) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads a single value.
func one(ctx context.Context, q dialect.Queryer, query string, into any) error {
	return eachRow(ctx, q, query, nil, func(scan func(...any) error) error { return scan(into) })
}

// among is an IN list for the tables of w, and the arguments of a query whose
// first parameter is the schema.
func (w window) among(d dialect.Dialect) (list string, args []any) {
	args = append(args, w.schema)
	marks := make([]string, len(w.tables))
	for i, t := range w.tables {
		marks[i] = d.Placeholder(i + 2)
		args = append(args, t)
	}
	return "(" + strings.Join(marks, ", ") + ")", args
}
