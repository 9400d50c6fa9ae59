package gormcapture

import (
	"reflect"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals/capture"
)

// Stamps are four columns that tell who made a row and who changed it last, to be
// embedded in a model in place of gorm.Model:
//
//	type Post struct {
//		ID    int64
//		Title string
//		gormcapture.Stamps[*int64]
//	}
//
// GORM keeps the times, as it does in every model; the plugin keeps the ids, from
// the actor that annals.WithActor put into the context, else from Config.Actor of
// the auditor. The table need not be audited, and annals.Off does not stop the
// stamps: it is entries that it switches off.
//
// ID is the type of people's keys: a string, an integer, a UUID type that can scan
// or unmarshal text. Where nobody is known a pointer or a sql.Null[…] becomes NULL,
// any other type its zero value. An actor whose ID does not fit fails the write
// with ErrActorID.
//
// docs/guides/stamps.md tells which statement stamps what.
type Stamps[ID any] struct {
	CreatedAt   time.Time `gorm:"column:created_at;annals:created_at"`
	CreatedByID ID        `gorm:"column:created_by_id;size:255;<-:create;annals:created_by"`
	UpdatedAt   time.Time `gorm:"column:updated_at;annals:updated_at"`
	UpdatedByID ID        `gorm:"column:updated_by_id;size:255;annals:updated_by"`
}

// stampTag is the GORM setting by which the fields of Stamps are known.
const stampTag = "ANNALS"

// stampFields are a model's stamps.
type stampFields struct {
	createdAt, createdBy, updatedAt, updatedBy *schema.Field
}

// stamper stamps the statements of one *gorm.DB.
type stamper struct {
	source *capture.Source
	// models are the *stampFields of the schemas that were met, nil for those
	// without.
	models sync.Map
}

// stamp takes part in the making of SQL. Callbacks of models would not do: some
// statements skip them, some have no model's value to set, and what GORM makes of
// a value is only known when it has made its clauses.
func (p *Plugin) stamp(db *gorm.DB) {
	s := &stamper{source: p.source}
	for name, change := range map[string]func(*stamping, clause.Expression) clause.Expression{
		"VALUES": (*stamping).values, "SET": (*stamping).set, "ON CONFLICT": (*stamping).conflict,
	} {
		next := db.ClauseBuilders[name]
		db.ClauseBuilders[name] = func(c clause.Clause, b clause.Builder) {
			if stmt, ok := b.(*gorm.Statement); ok {
				c.Expression = s.change(stmt, c.Expression, change)
			}
			if next != nil {
				next(c, b)
				return
			}
			c.Build(b)
		}
	}
}

// change stamps one clause of a statement. The statement's own clause stays as it
// is, for a program may use it again.
func (s *stamper) change(stmt *gorm.Statement, e clause.Expression,
	change func(*stamping, clause.Expression) clause.Expression,
) clause.Expression {
	fields := s.fields(stmt.Schema)
	if fields == nil || e == nil || stmt.Error != nil {
		return e
	}
	id, err := s.actorID(stmt)
	if err != nil {
		_ = stmt.AddError(err)
		return e
	}
	st := &stamping{
		stmt: stmt, fields: fields, id: id, now: stmt.DB.NowFunc(), excluded: excludedIn(s.source),
	}
	changed := change(st, e)
	if st.err != nil {
		_ = stmt.AddError(st.err)
		return e
	}
	return changed
}

// fields finds the stamps of a model, nil where it has none.
func (s *stamper) fields(model *schema.Schema) *stampFields {
	if model == nil {
		return nil
	}
	if known, ok := s.models.Load(model); ok {
		return known.(*stampFields)
	}
	var f stampFields
	for _, field := range model.Fields {
		if field.DBName == "" {
			continue
		}
		switch field.TagSettings[stampTag] {
		case "created_at":
			f.createdAt = field
		case "created_by":
			f.createdBy = field
		case "updated_at":
			f.updatedAt = field
		case "updated_by":
			f.updatedBy = field
		}
	}
	found := &f
	if f.createdAt == nil || f.createdBy == nil || f.updatedAt == nil || f.updatedBy == nil {
		found = nil
	}
	s.models.Store(model, found)
	return found
}

// actorID is the ID of who acts in a statement; "" where nobody is known.
func (s *stamper) actorID(stmt *gorm.Statement) (string, error) {
	var unit *capture.Unit
	if tx, ok := watched(stmt.ConnPool); ok {
		unit, _ = tx.Watcher().(*capture.Unit)
	}
	actor, err := s.source.Actor(stmt.Context, unit)
	return actor.ID, err
}

// stamping is the stamping of one statement.
type stamping struct {
	stmt   *gorm.Statement
	fields *stampFields
	id     string
	now    time.Time
	// excluded is a column of the row that an upsert would have inserted.
	excluded func(clause.Column) clause.Expression
	err      error
}

// excluder is an engine that writes such a column in its own way.
type excluder interface {
	excluded(c clause.Column) clause.Expression
}

func excludedIn(source *capture.Source) func(clause.Column) clause.Expression {
	if e, ok := engineOf(source.Dialect()).(excluder); ok {
		return e.excluded
	}
	return func(c clause.Column) clause.Expression { return clause.Expr{SQL: "?", Vars: []any{c}} }
}

// idFor is the actor's ID as the value of a field; its zero value where nobody is
// known.
func (s *stamping) idFor(f *schema.Field) any {
	if s.id == "" {
		return reflect.Zero(f.FieldType).Interface()
	}
	v, err := convertID(s.id, f.FieldType)
	if err != nil {
		if s.err == nil {
			s.err = actorIDError(s.stmt, s.id, f, err)
		}
		return nil
	}
	return v.Interface()
}

// keep writes a stamp into one of the program's own structs too, as GORM does with
// its times.
func (s *stamping) keep(row reflect.Value, f *schema.Field, value any) {
	if row.IsValid() && row.CanAddr() && s.err == nil {
		s.err = f.Set(s.stmt.Context, row, value)
	}
}

// rows are the structs that a statement is about, as far as they can be written.
func (s *stamping) rows() []reflect.Value {
	value := reflect.Indirect(s.stmt.ReflectValue)
	switch value.Kind() {
	case reflect.Struct:
		return []reflect.Value{s.row(value)}
	case reflect.Slice, reflect.Array:
		rows := make([]reflect.Value, value.Len())
		for i := range rows {
			rows[i] = s.row(value.Index(i))
		}
		return rows
	default:
		return nil // maps hold what the program wrote, and nothing else
	}
}

// row is a struct of the model, else no value.
func (s *stamping) row(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.Type() != s.stmt.Schema.ModelType {
		return reflect.Value{}
	}
	return v
}
