package gormcapture

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// values stamps the rows of an INSERT. A known actor is written whatever the
// program says; where nobody is known, what the program says stands, as an import
// may have it. The times are GORM's, but GORM leaves them out of maps.
func (s *stamping) values(e clause.Expression) clause.Expression {
	v, ok := e.(clause.Values)
	if !ok {
		return e
	}
	v = cloneValues(v)
	rows := s.rows()
	if len(v.Values) == 0 && len(rows) == 0 {
		v.Values = [][]any{{}} // a map without a key is a row too
	}
	chosen, _ := s.stmt.SelectAndOmitColumns(true, false)
	for _, f := range []*schema.Field{s.fields.createdBy, s.fields.updatedBy} {
		if omitted(chosen, f) {
			continue
		}
		value, at := s.idFor(f), column(&v, f)
		for i := range v.Values {
			if s.id == "" && !empty(v.Values[i][at]) {
				continue
			}
			v.Values[i][at] = value
			if i < len(rows) {
				s.keep(rows[i], f, value)
			}
		}
	}
	for _, f := range []*schema.Field{s.fields.createdAt, s.fields.updatedAt} {
		if omitted(chosen, f) {
			continue
		}
		at := column(&v, f)
		for i := range v.Values {
			if v.Values[i][at] == nil {
				v.Values[i][at] = s.now
			}
		}
	}
	return v
}

// set stamps an UPDATE, that of a soft delete included. Who changed it is never
// taken from the program, which may only hold who changed it before; where nobody
// is known, it is nobody.
func (s *stamping) set(e clause.Expression) clause.Expression {
	set, ok := e.(clause.Set)
	if !ok || len(set) == 0 {
		return e
	}
	set = s.withoutCreated(set)
	chosen, _ := s.stmt.SelectAndOmitColumns(false, true)
	if f := s.fields.updatedAt; !omitted(chosen, f) && !assigns(set, f) {
		set = append(set, assign(f, s.now))
		s.keepAll(f, s.now)
	}
	if f := s.fields.updatedBy; !omitted(chosen, f) {
		value := s.idFor(f)
		set = append(without(set, f), assign(f, value))
		s.keepAll(f, value)
	}
	return set
}

// associationsKey is where GORM remembers, in the settings of a statement, that it
// saves what belongs to something else.
const associationsKey = "gorm:saved_association_map"

// conflict stamps the rows that an upsert meets: as an UPDATE, but for children
// that are saved along with their parent. GORM writes the parent's key into them
// whether it is there already or not; they are stamped where it is not.
func (s *stamping) conflict(e clause.Expression) clause.Expression {
	oc, ok := e.(clause.OnConflict)
	if !ok || oc.DoNothing || len(oc.DoUpdates) == 0 {
		return e
	}
	chosen, _ := s.stmt.SelectAndOmitColumns(true, false)
	set := s.withoutCreated(oc.DoUpdates)
	var same clause.Expression
	if _, nested := s.stmt.Settings.Load(associationsKey); nested && !oc.UpdateAll {
		same = s.unchanged(set)
	}
	var stamps clause.Set
	if f := s.fields.updatedAt; !omitted(chosen, f) && !assigns(set, f) {
		stamps = append(stamps, s.unless(same, f, s.now))
	}
	if f := s.fields.updatedBy; !omitted(chosen, f) {
		set = without(set, f)
		stamps = append(stamps, s.unless(same, f, s.idFor(f)))
	}
	// First, because MySQL assigns from left to right: a condition that came later
	// would see what was just assigned.
	oc.DoUpdates = slices.Concat(stamps, set)
	return oc
}

// unless assigns a value, but keeps the old one where the condition holds.
func (s *stamping) unless(same clause.Expression, f *schema.Field, value any) clause.Assignment {
	if same == nil {
		return assign(f, value)
	}
	return assign(f, clause.Expr{
		SQL:  "CASE WHEN ? THEN ? ELSE ? END",
		Vars: []any{same, clause.Column{Table: clause.CurrentTable, Name: f.DBName}, value},
	})
}

// unchanged is the condition that an upsert assigns what is there; nil where its
// assignments do not come from the row that was to be inserted.
func (s *stamping) unchanged(set clause.Set) clause.Expression {
	var all []string
	var vars []any
	for _, a := range set {
		from, ok := a.Value.(clause.Column)
		if !ok || from.Table != "excluded" {
			return nil
		}
		all = append(all, "? = ?")
		vars = append(vars, clause.Column{Table: clause.CurrentTable, Name: a.Column.Name},
			s.excluded(from))
	}
	return clause.Expr{SQL: strings.Join(all, " AND "), Vars: vars}
}

// withoutCreated drops what no update may change: who made the row, and when it
// was made where the program has no time to say.
func (s *stamping) withoutCreated(set clause.Set) clause.Set {
	set = without(set, s.fields.createdBy)
	return slices.DeleteFunc(set, func(a clause.Assignment) bool {
		at, ok := a.Value.(time.Time)
		return ok && at.IsZero() && isColumn(a, s.fields.createdAt)
	})
}

// keepAll writes a stamp into every struct of the statement.
func (s *stamping) keepAll(f *schema.Field, value any) {
	for _, row := range s.rows() {
		s.keep(row, f, value)
	}
}

func cloneValues(v clause.Values) clause.Values {
	v.Columns = slices.Clone(v.Columns)
	rows := make([][]any, len(v.Values))
	for i := range rows {
		rows[i] = slices.Clone(v.Values[i])
	}
	v.Values = rows
	return v
}

// column returns the place of a field's column, which it adds where it is missing.
func column(v *clause.Values, f *schema.Field) int {
	at := slices.IndexFunc(v.Columns, func(c clause.Column) bool {
		return strings.EqualFold(c.Name, f.DBName)
	})
	if at >= 0 {
		return at
	}
	v.Columns = append(v.Columns, clause.Column{Name: f.DBName})
	for i := range v.Values {
		v.Values[i] = append(v.Values[i], nil)
	}
	return len(v.Columns) - 1
}

// omitted reports whether the program left a column out by name.
func omitted(chosen map[string]bool, f *schema.Field) bool {
	is, named := chosen[f.DBName]
	return named && !is
}

func empty(value any) bool {
	return value == nil || reflect.ValueOf(value).IsZero()
}

func assign(f *schema.Field, value any) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: f.DBName}, Value: value}
}

func isColumn(a clause.Assignment, f *schema.Field) bool {
	return strings.EqualFold(a.Column.Name, f.DBName)
}

func assigns(set clause.Set, f *schema.Field) bool {
	return slices.ContainsFunc(set, func(a clause.Assignment) bool { return isColumn(a, f) })
}

// without returns a copy of the assignments without those of a field.
func without(set clause.Set, f *schema.Field) clause.Set {
	return slices.DeleteFunc(slices.Clone(set), func(a clause.Assignment) bool {
		return isColumn(a, f)
	})
}
