package gorm_test

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Gadget's values differ from what the program holds: serialized, made by SQL,
// generated, allowed at creation only.
type Gadget struct {
	ID      uint
	Name    Loud           `gorm:"size:50"`
	Options map[string]int `gorm:"serializer:json;type:text"`
	Blob    []string       `gorm:"serializer:gob;type:bytes"`
	Size    int
	Twice   int    `gorm:"->;type:integer GENERATED ALWAYS AS (size * 2) STORED"`
	Serial  string `gorm:"<-:create"`
	Shown   string `gorm:"column:shown_as"`
	Version int
	Changes int
}

// Loud is stored in capitals, by an expression.
type Loud string

// GormValue implements gorm.Valuer.
func (l Loud) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "UPPER(?)", Vars: []any{string(l)}}
}

// Flagged, Stamped and Mixed are deleted softly in other ways than GORM's own: by
// a flag, by milliseconds, and by a flag with an instant beside it.
type Flagged struct {
	ID   uint
	Name string
	Gone Flag
}

type Stamped struct {
	ID   uint
	Name string
	Gone Milli
}

type Mixed struct {
	ID        uint
	Name      string
	DeletedAt *time.Time
	Gone      FlagAndTime `gorm:"default:0"`
}

type (
	Flag        uint8
	Milli       int64
	FlagAndTime uint8
)

// DeleteClauses implements schema.DeleteClausesInterface.
func (Flag) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{softly{set(f.DBName, 1)}}
}

// QueryClauses implements schema.QueryClausesInterface.
func (Flag) QueryClauses(f *schema.Field) []clause.Interface { return present(f) }

// UpdateClauses implements schema.UpdateClausesInterface.
func (Flag) UpdateClauses(f *schema.Field) []clause.Interface { return present(f) }

// DeleteClauses implements schema.DeleteClausesInterface.
func (Milli) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{softly{set(f.DBName, time.Now().UnixMilli())}}
}

// QueryClauses implements schema.QueryClausesInterface.
func (Milli) QueryClauses(f *schema.Field) []clause.Interface { return present(f) }

// DeleteClauses implements schema.DeleteClausesInterface.
func (FlagAndTime) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{
		softly{append(set(f.DBName, 1), set("deleted_at", time.Now().UTC())...)},
	}
}

// QueryClauses implements schema.QueryClausesInterface.
func (FlagAndTime) QueryClauses(f *schema.Field) []clause.Interface { return present(f) }

func set(column string, value any) clause.Set {
	return clause.Set{{Column: clause.Column{Name: column}, Value: value}}
}

// present is the condition that a row is not deleted.
func present(f *schema.Field) []clause.Interface {
	return []clause.Interface{undeleted{f}}
}

type undeleted struct{ field *schema.Field }

func (undeleted) Name() string               { return "" }
func (undeleted) Build(clause.Builder)       {}
func (undeleted) MergeClause(*clause.Clause) {}

// ModifyStatement implements gorm.StatementModifier.
func (u undeleted) ModifyStatement(stmt *gorm.Statement) {
	if _, done := stmt.Clauses["undeleted"]; !done && !stmt.Unscoped {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{
			Column: clause.Column{Table: clause.CurrentTable, Name: u.field.DBName}, Value: 0,
		}}})
		stmt.Clauses["undeleted"] = clause.Clause{}
	}
}

// softly makes an UPDATE of a DELETE.
type softly struct{ set clause.Set }

func (softly) Name() string               { return "" }
func (softly) Build(clause.Builder)       {}
func (softly) MergeClause(*clause.Clause) {}

// ModifyStatement implements gorm.StatementModifier.
func (s softly) ModifyStatement(stmt *gorm.Statement) {
	if stmt.SQL.Len() > 0 || stmt.Unscoped {
		return
	}
	stmt.AddClause(s.set)
	if stmt.Schema != nil {
		_, keys := schema.GetIdentityFieldValuesMap(stmt.Context, stmt.ReflectValue,
			stmt.Schema.PrimaryFields)
		column, values := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, keys)
		if len(values) > 0 {
			stmt.AddClause(clause.Where{Exprs: []clause.Expression{
				clause.IN{Column: column, Values: values},
			}})
		}
	}
	undeleted{stmt.Schema.LookUpField("Gone")}.ModifyStatement(stmt)
	stmt.AddClauseIfNotExists(clause.Update{})
	stmt.Build(stmt.DB.Callback().Update().Clauses...)
}

// Member and Club are joined by a table with a column of its own, which the
// program set up.
type Member struct {
	ID    uint
	Name  string
	Clubs []Club `gorm:"many2many:memberships"`
}

type Club struct {
	ID   uint
	Name string
}

type Membership struct {
	MemberID uint `gorm:"primaryKey"`
	ClubID   uint `gorm:"primaryKey"`
	Since    int  `gorm:"default:2020"`
}

func specialModels() []any {
	return []any{
		&Gadget{}, &Flagged{}, &Stamped{}, &Mixed{}, &Member{}, &Club{}, &Membership{},
	}
}

func specialTables() []string {
	return []string{
		"gadgets", "flaggeds", "stampeds", "mixeds", "memberships", "members", "clubs",
	}
}
