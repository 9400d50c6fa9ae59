package gormcapture

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
)

// learnt remembers whose relations are known.
type learnt struct {
	models  []any
	schemas sync.Map
}

// learn declares the relations of a statement's model, once.
func (p *Plugin) learn(db *gorm.DB) {
	if s := schemaOf(db); s != nil {
		p.learnSchema(s)
	}
}

func (p *Plugin) learnModels(db *gorm.DB) error {
	for _, model := range p.learnt.models {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return fmt.Errorf("read model %T: %w", model, err)
		}
		p.learnSchema(stmt.Schema)
	}
	return nil
}

// learnSchema learns from a model and from those that it is related to: a child
// need not be met through its parent.
func (p *Plugin) learnSchema(s *schema.Schema) {
	if _, known := p.learnt.schemas.LoadOrStore(s, true); known {
		return
	}
	table := annals.ParseTable(s.Table)
	owner := p.source.Registry().EntityOf(table)
	var relations []annals.Relation
	for _, rel := range relationsOf(s) {
		if rel.FieldSchema != nil {
			p.learnSchema(rel.FieldSchema)
		}
		if owner == nil || rel.Schema != s {
			continue // GORM lists a parent's relation at its children too
		}
		if r, ok := p.relation(owner.Name, rel); ok {
			relations = append(relations, r)
		}
	}
	if owner == nil {
		return
	}
	p.source.Relate(relations...)
	if column := softDelete(s); column != "" {
		p.source.SoftDelete(table, column)
	}
}

// relationsOf copies the relations of a schema, to which GORM adds when it parses
// another.
func relationsOf(s *schema.Schema) []*schema.Relationship {
	s.Relationships.Mux.RLock()
	defer s.Relationships.Mux.RUnlock()
	relations := make([]*schema.Relationship, 0, len(s.Relationships.Relations))
	for _, rel := range s.Relationships.Relations {
		relations = append(relations, rel)
	}
	return relations
}

// softDelete is the column by which a model's objects are deleted without their
// rows: that of gorm.DeletedAt, or of another type that rewrites a DELETE.
func softDelete(s *schema.Schema) string {
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		if _, ok := reflect.New(f.IndirectFieldType).Interface().(schema.DeleteClausesInterface); ok {
			return f.DBName
		}
	}
	return ""
}

// relation returns what GORM knows of a relation; ok is false for one that the
// tracker derives from a row's own columns (belongs to) or cannot tell.
func (p *Plugin) relation(owner string, rel *schema.Relationship) (annals.Relation, bool) {
	r := annals.Relation{Owner: owner, Field: fieldName(rel.Name)}
	if rel.Polymorphic != nil || rel.FieldSchema == nil {
		return r, false
	}
	target := p.source.Registry().EntityOf(annals.ParseTable(rel.FieldSchema.Table))
	r.Target = rel.FieldSchema.Table
	if target != nil {
		r.Target = target.Name
	}
	switch rel.Type {
	case schema.Many2Many:
		r.Through = annals.ParseTable(rel.JoinTable.Table)
		var ok bool
		if r.OwnerColumns, ok = joinColumns(rel, rel.Schema, true); !ok {
			return r, false
		}
		r.TargetColumns, ok = joinColumns(rel, rel.FieldSchema, false)
		return r, ok
	case schema.HasMany, schema.HasOne:
		if target == nil {
			return r, false
		}
		var ok bool
		r.Columns, ok = joinColumns(rel, rel.Schema, true)
		return r, ok
	}
	return r, false
}

// joinColumns returns the columns that hold the key of one end, in key order;
// ok is false where they lead to something else than its whole key.
func joinColumns(
	rel *schema.Relationship, end *schema.Schema, own bool,
) (columns []string, ok bool) {
	for _, key := range end.PrimaryFields {
		found := ""
		for _, ref := range rel.References {
			if ref.OwnPrimaryKey == own && ref.PrimaryKey != nil && ref.PrimaryKey.DBName == key.DBName {
				found = ref.ForeignKey.DBName
			}
		}
		if found == "" {
			return nil, false
		}
		columns = append(columns, found)
	}
	return columns, len(columns) > 0
}

// fieldName is a relation's name as configuration files write it.
func fieldName(goName string) string {
	return schema.NamingStrategy{}.ColumnName("", goName)
}

// firstIdentifier returns the table at the start of a FROM expression, with the
// quotes of any dialect turned into those of annals.ParseTable.
func firstIdentifier(expr string) string {
	expr = strings.TrimSpace(expr)
	var b strings.Builder
	var closing byte
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case closing != 0 && c == closing:
			closing = 0
			b.WriteByte('"')
		case closing != 0:
			b.WriteByte(c)
		case c == '"' || c == '`':
			closing = c
			b.WriteByte('"')
		case c == ' ' || c == '\t' || c == '\n' || c == ',':
			return b.String()
		case c == '(':
			return ""
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
