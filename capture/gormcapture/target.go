package gormcapture

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// tablesOf are those that a statement names as what it changes: one, or several
// joined ones by db.Table("a JOIN b ON …"). A sub-query is none.
func tablesOf(stmt *gorm.Statement, syntax conn.Syntax) []conn.Ref {
	if stmt.TableExpr != nil {
		text := &gorm.Statement{DB: stmt.DB, Clauses: map[string]clause.Clause{}}
		stmt.TableExpr.Build(text)
		return syntax.Tables(text.SQL.String())
	}
	name := stmt.Table
	if name == "" && stmt.Schema != nil {
		name = stmt.Schema.Table
	}
	if name == "" {
		return nil
	}
	return []conn.Ref{{Table: annals.ParseTable(name)}}
}

// tableOf names the first of them, zero where there is none.
func tableOf(stmt *gorm.Statement) annals.Table {
	for _, ref := range tablesOf(stmt, conn.Syntax{}) {
		return ref.Table
	}
	return annals.Table{}
}

// joined reports whether the statement names several tables.
func (s *statement) joined() bool { return len(s.refs) > 1 }

// concerned reports whether the statement can give entries. A table that does
// not exist is left to the database to complain of.
func (s *statement) concerned(ctx context.Context) (bool, error) {
	for _, ref := range s.refs {
		concerned, err := s.source.Concerns(ctx, s.outer, ref.Table)
		if err != nil && !s.absent(ctx, err, ref.Table) {
			return false, s.failed("read", err)
		}
		if err == nil && concerned {
			return true, nil
		}
	}
	return false, nil
}

// aim finds the one table of several joined ones that the statement changes: that
// whose columns it sets, or that it names between DELETE and FROM. ok is false where changes of it give no entries.
func (s *statement) aim(ctx context.Context) (ok bool, err error) {
	readers := make([]*capture.Reader, len(s.refs))
	for i, ref := range s.refs {
		if readers[i], err = s.source.Reader(ctx, s.raw, ref.Table); err != nil {
			return false, s.failed("read", err)
		}
	}
	aims := s.emptied()
	set, _ := s.db.Statement.Clauses["SET"].Expression.(clause.Set)
	for _, a := range set {
		for i := range s.refs {
			if owns(s.refs[i], readers[i], a.Column) && !slices.Contains(aims, i) {
				aims = append(aims, i)
			}
		}
	}
	concerned := false
	for _, i := range aims {
		audited, err := s.source.Concerns(ctx, s.raw, s.refs[i].Table)
		if err != nil {
			return false, s.failed("read", err)
		}
		concerned = concerned || audited
	}
	if !concerned {
		return false, nil
	}
	if len(aims) != 1 {
		return false, &annals.Error{
			Op:      "capture " + strings.ToLower(s.verb()) + " of",
			Subject: fmt.Sprintf("%d joined tables", len(aims)), Err: annals.ErrCapture,
			Remedy: "change one table by one statement; name it with each column that is set",
		}
	}
	d := s.source.Dialect()
	ref := s.refs[aims[0]]
	s.reader, s.table, s.qualifier = readers[aims[0]], ref.Table, d.Table(ref.Table)
	if ref.Alias != "" {
		s.qualifier = d.Quote(ref.Alias)
	}
	return true, nil
}

// emptied are the tables that a DELETE of several names as those whose rows go.
func (s *statement) emptied() (aims []int) {
	if s.verb() != "DELETE" {
		return nil
	}
	del, _ := s.db.Statement.Clauses["DELETE"].Expression.(clause.Delete)
	for name := range strings.SplitSeq(del.Modifier, ",") {
		words := strings.Fields(name) // QUICK and the like may stand before
		if len(words) == 0 {
			continue
		}
		named := annals.ParseTable(strings.TrimSuffix(
			strings.ReplaceAll(words[len(words)-1], "`", ""), ".*")).Name
		for i, ref := range s.refs {
			called := ref.Alias
			if called == "" {
				called = ref.Table.Name
			}
			if strings.EqualFold(called, named) {
				aims = append(aims, i)
			}
		}
	}
	return aims
}

// owns reports whether a column that is set can be of a table.
func owns(ref conn.Ref, r *capture.Reader, column clause.Column) bool {
	owner, name := column.Table, column.Name
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		owner, name = name[:dot], name[dot+1:]
	}
	if owner != "" {
		owner = owner[strings.LastIndexByte(owner, '.')+1:]
		called := ref.Alias
		if called == "" {
			called = ref.Table.Name
		}
		return strings.EqualFold(owner, called)
	}
	return slices.ContainsFunc(r.Table().Live.Columns, func(c dialect.Column) bool {
		return strings.EqualFold(c.Name, name)
	})
}

// columnName is the name of a column that is set, without its table.
func columnName(c clause.Column) string {
	return c.Name[strings.LastIndexByte(c.Name, '.')+1:]
}
