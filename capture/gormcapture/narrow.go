package gormcapture

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/capture/conn"
)

// mostNarrow is the most rows, and mostValues the most key values, that a
// statement can be narrowed to: databases limit the parameters of a statement.
const (
	mostNarrow = 10_000
	mostValues = 30_000
)

// narrowed is a statement that is to run in place of GORM's own.
type narrowed struct {
	query string
	args  []any
}

// narrow makes the statement change the rows that were read and no others, where
// its condition might choose others when it is asked again: a sub-query, a LIMIT,
// a function. anew is set where the condition has to be asked again all the same.
func (s *statement) narrow(rows *capture.Rows, anew bool) error {
	rest := s.clausesAfter("WHERE")
	where, own := s.render(0, "WHERE")
	_, after := s.render(0, rest...)
	order := slices.DeleteFunc(slices.Clone(rest), func(name string) bool {
		return name == "RETURNING"
	})
	choice, _ := s.render(0, order...)
	reach := s.engine.syntax().Reach(where + choice)
	if reach == conn.OwnRow {
		return nil
	}
	if rows.Len() > mostNarrow || rows.Len()*len(s.reader.Table().Key) > mostValues {
		s.proven = reach == conn.Beyond
		return nil
	}
	stmt := s.db.Statement
	query, args := stmt.SQL.String(), stmt.Vars
	first := len(args) - own - after
	if first < 0 {
		return s.unreadable()
	}
	where, _ = s.render(first, "WHERE")
	tail, _ := s.render(first+own, rest...)
	head, ok := strings.CutSuffix(query, where+tail)
	if !ok || (where != "" && !strings.HasPrefix(where, " WHERE ")) {
		return s.unreadable()
	}
	kept := 0
	condition := ""
	if anew && where != "" {
		condition, kept = "("+strings.TrimPrefix(where, " WHERE ")+") AND ", own
	}
	keys, values, err := s.among(rows, first+kept+1)
	if err != nil {
		return err
	}
	tail, _ = s.render(first+kept+len(values), rest...)
	s.instead = &narrowed{
		query: head + " WHERE " + condition + keys + tail,
		args:  slices.Concat(args[:first+kept], values, args[first+own:]),
	}
	return nil
}

func (s *statement) unreadable() error {
	return &annals.Error{
		Op: "capture " + strings.ToLower(s.verb()) + " of", Subject: "table " + s.table.String(),
		Err: annals.ErrCapture,
		Remedy: "its condition reads differently each time that it is written; read the keys of " +
			"the rows first and change them by their keys",
	}
}

// among is the condition that a row is one of those, with its values. As with
// Reader.ByKeys, few different statements exist; the last key fills up.
func (s *statement) among(rows *capture.Rows, first int) (string, []any, error) {
	all, err := rows.All()
	if err != nil {
		return "", nil, err
	}
	if len(all) == 0 {
		return "1 = 0", nil, nil
	}
	size := 1
	for size < len(all) {
		size *= 10
	}
	key := s.reader.Table().Key
	if size*len(key) > mostValues {
		size = len(all)
	}
	values := make([]any, 0, size*len(key))
	for i := range size {
		values = append(values, all[min(i, len(all)-1)].Key...)
	}
	return capture.InOf(s.source.Dialect(), s.qualifier, key, size, first), values, nil
}

// clausesAfter are the clauses that the statement has after one.
func (s *statement) clausesAfter(name string) []string {
	all := s.db.Statement.BuildClauses
	return all[slices.Index(all, name)+1:]
}

// render writes clauses of the statement, each after a space, as they are written
// after n other values.
func (s *statement) render(n int, names ...string) (text string, values int) {
	sel := s.blank()
	sel.Vars = make([]any, n)
	for _, name := range names {
		s.write(sel, name)
	}
	return sel.SQL.String(), len(sel.Vars) - n
}

// blank is an empty statement about what the statement is about.
func (s *statement) blank() *gorm.Statement {
	stmt := s.db.Statement
	return &gorm.Statement{
		DB: s.db, ConnPool: s.tx, Schema: stmt.Schema, Table: stmt.Table,
		TableExpr: stmt.TableExpr, Model: stmt.Model, Context: stmt.Context,
		Unscoped: stmt.Unscoped, ReflectValue: stmt.ReflectValue,
		Clauses: map[string]clause.Clause{},
	}
}

// write adds a clause of the statement, if it has one, after a space.
func (s *statement) write(sel *gorm.Statement, name string) {
	c, ok := s.db.Statement.Clauses[name]
	if !ok || !slices.Contains(s.db.Statement.BuildClauses, name) {
		return
	}
	sel.Clauses[name] = c
	_ = sel.WriteByte(' ')
	sel.Build(name)
}

// lockInner makes the sub-queries of the pre-read see what those of the statement
// would see. again is set where they may not.
func (s *statement) lockInner(query string) (locked string, again bool) {
	lock := s.engine.lockInner()
	if lock == "" {
		return query, false
	}
	locked, all := s.engine.syntax().LockInner(query, lock)
	return locked, !all
}

// prove fails where the rows that a statement changed cannot be told to be the
// ones that were read.
func (s *statement) prove(rows *capture.Rows, seen int64) error {
	if !s.proven || (s.affected == int64(rows.Len()) && s.affected == seen) {
		return nil
	}
	return &annals.Error{
		Op: "capture " + strings.ToLower(s.verb()) + " of",
		Subject: fmt.Sprintf("%d rows of table %s, chosen by a sub-query or a limit",
			s.affected, s.table),
		Err: annals.ErrCapture,
		Remedy: fmt.Sprintf("change at most %d rows by such a statement, or read their keys first",
			mostNarrow),
	}
}
