package gormcapture

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/track"
)

// learnt remembers which models are known.
type learnt struct {
	models []any
	// done has models that were learnt to the end; mu is held on the way there, so
	// that nobody writes by half of the rules.
	done sync.Map
	mu   sync.Mutex
}

// written is a model that was written to another table than its own.
type written struct {
	table annals.Table
	model *schema.Schema
}

// learn learns a statement's model, once. What is wrong with its tags is said
// when a table of it is written.
func (p *Plugin) learn(db *gorm.DB) {
	if s := schemaOf(db); s != nil {
		_ = p.learnSchema(s)
	}
}

// learnWritten learns the model of a statement that changes rows: its tags hold
// for the statement's table too, where that is another, as by db.Table.
func (p *Plugin) learnWritten(db *gorm.DB) {
	p.learn(db)
	s, table := schemaOf(db), tableOf(db.Statement)
	if s == nil || table.IsZero() || table == annals.ParseTable(s.Table) {
		return
	}
	known := written{table, s}
	if _, done := p.learnt.done.Load(known); done {
		return
	}
	p.source.Learn(table, rulesOfModel(s))
	p.learnt.done.Store(known, true)
}

// rulesOfModel is what a model says of its columns.
func rulesOfModel(s *schema.Schema) track.Learnt {
	told := tagsOf(s)
	told.SoftDelete = softDelete(s)
	return told
}

func (p *Plugin) learnModels(db *gorm.DB) error {
	for _, model := range p.learnt.models {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return fmt.Errorf("read model %T: %w", model, err)
		}
		if err := p.learnSchema(stmt.Schema); err != nil {
			return err
		}
	}
	return nil
}

// learnSchema learns from a model and from those that it is related to: a child
// need not be met through its parent. The error is a fault in the tags of audited
// models, once.
func (p *Plugin) learnSchema(s *schema.Schema) error {
	if _, done := p.learnt.done.Load(s); done {
		return nil
	}
	p.learnt.mu.Lock()
	defer p.learnt.mu.Unlock()
	seen := map[*schema.Schema]bool{}
	err := p.learnFrom(s, seen)
	for model := range seen {
		p.learnt.done.Store(model, true)
	}
	return err
}

func (p *Plugin) learnFrom(s *schema.Schema, seen map[*schema.Schema]bool) error {
	if _, done := p.learnt.done.Load(s); done || seen[s] {
		return nil
	}
	seen[s] = true
	var faults []error
	table := annals.ParseTable(s.Table)
	owner := p.source.Registry().EntityOf(table)
	var relations []annals.Relation
	for _, rel := range relationsOf(s) {
		if rel.FieldSchema != nil {
			faults = append(faults, p.learnFrom(rel.FieldSchema, seen))
		}
		if owner == nil || rel.Schema != s {
			continue // GORM lists a parent's relation at its children too
		}
		if hidden(rel) {
			continue
		}
		if r, ok := p.relation(owner.Name, rel); ok {
			relations = append(relations, r)
		}
	}
	// A table that has no entity by this name may have one by another spelling.
	told := rulesOfModel(s)
	p.source.Learn(table, told)
	if owner == nil {
		return errors.Join(faults...)
	}
	p.source.Relate(relations...)
	return errors.Join(append(faults, told.Fault)...)
}

// relationsOf copies the relations of a schema, to which GORM adds when it parses
// another. Of two on the same columns, the one to many objects comes first.
func relationsOf(s *schema.Schema) []*schema.Relationship {
	s.Relationships.Mux.RLock()
	defer s.Relationships.Mux.RUnlock()
	relations := make([]*schema.Relationship, 0, len(s.Relationships.Relations))
	for _, rel := range s.Relationships.Relations {
		relations = append(relations, rel)
	}
	slices.SortFunc(relations, func(a, b *schema.Relationship) int {
		if one := a.Type == schema.HasOne; one != (b.Type == schema.HasOne) {
			if one {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	})
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
	if rel.FieldSchema == nil {
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
		if ok && rel.Polymorphic != nil {
			r.TypeColumn = rel.Polymorphic.PolymorphicType.DBName
			r.TypeValue = rel.Polymorphic.Value
		}
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
