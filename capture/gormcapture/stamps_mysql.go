package gormcapture

import "gorm.io/gorm/clause"

var _ excluder = mysql{}

// excluded implements excluder.
func (mysql) excluded(c clause.Column) clause.Expression {
	c.Table = ""
	return clause.Expr{SQL: "VALUES(?)", Vars: []any{c}}
}
