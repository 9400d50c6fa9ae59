package journal

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/track"
)

// Rules are the rules of a table as annals_rules keeps them: all that the Tracker
// needs to read a row of their time, whatever became of the configuration and the
// table. Secrets and roles are not among them: those of today count.
type Rules struct {
	// Table is annals.Table.String() of the audited table.
	Table string   `json:"table"`
	Key   []string `json:"key"`
	// Entity is absent where rows give no entry of their own.
	Entity *EntityRules `json:"entity,omitempty"`
	Links  []LinkRules  `json:"links,omitempty"`
}

// EntityRules are an entity's own.
type EntityRules struct {
	Name          string             `json:"name"`
	Label         string             `json:"label,omitempty"`
	Only          []string           `json:"only,omitempty"`
	Ignore        []string           `json:"ignore,omitempty"`
	Mask          []string           `json:"mask,omitempty"`
	Operations    []annals.EntryType `json:"operations,omitempty"`
	SoftDelete    string             `json:"soft_delete,omitempty"`
	Discriminator string             `json:"discriminator,omitempty"`
}

// LinkRules are a track.Link.
type LinkRules struct {
	Name       string   `json:"name"`
	Owner      EndRules `json:"owner"`
	Target     EndRules `json:"target"`
	JoinTable  string   `json:"join_table,omitempty"`
	TypeColumn string   `json:"type_column,omitempty"`
	TypeValue  string   `json:"type_value,omitempty"`
}

// EndRules are a track.End.
type EndRules struct {
	Entity     string             `json:"entity"`
	Table      string             `json:"table"`
	Field      string             `json:"field,omitempty"`
	Key        []string           `json:"key"`
	Columns    []string           `json:"columns"`
	Audited    bool               `json:"audited"`
	Operations []annals.EntryType `json:"operations,omitempty"`
}

// RulesOf returns the rules of a table.
func RulesOf(t *track.Table) Rules {
	r := Rules{Table: t.Live.Name.String(), Key: t.Key}
	if e := t.Entity; e != nil {
		r.Entity = &EntityRules{
			Name: e.Name, Label: e.Label, Only: e.Only, Ignore: e.Ignore, Mask: e.Mask,
			Operations: e.Operations, SoftDelete: e.SoftDelete, Discriminator: e.Discriminator,
		}
	}
	for i := range t.Links {
		l := &t.Links[i]
		r.Links = append(r.Links, LinkRules{
			Name: l.Name, Owner: endRules(&l.Owner), Target: endRules(&l.Target),
			JoinTable: l.JoinTable, TypeColumn: l.TypeColumn, TypeValue: l.TypeValue,
		})
	}
	return r
}

func endRules(e *track.End) EndRules {
	return EndRules{
		Entity: e.Entity, Table: e.Table.String(), Field: e.Field, Key: e.Key, Columns: e.Columns,
		Audited: e.Audited, Operations: e.Operations,
	}
}

// ParseRules reads what Text wrote.
func ParseRules(text []byte) (Rules, error) {
	var r Rules
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read rules: %w", err)
	}
	return r, nil
}

// Text is the rules as JSON, the same for the same rules.
func (r Rules) Text() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("journal: rules are no JSON: %v", err)) // they are texts and lists
	}
	return string(text)
}

// Tracked returns the table as the Tracker saw it when the rules were in force. live
// has the columns of that time. What today's rules ignore or mask is ignored or
// masked, however old the row is; today may be nil.
func (r Rules) Tracked(source string, live *catalog.Table, today *annals.Entity) *track.Table {
	t := &track.Table{Live: live, Key: r.Key}
	if e := r.Entity; e != nil {
		t.Entity = &annals.Entity{
			Name: e.Name, Source: source, Table: annals.ParseTable(r.Table), Key: r.Key,
			Label: e.Label, Only: e.Only, Ignore: e.Ignore, Mask: e.Mask,
			Operations: e.Operations, SoftDelete: e.SoftDelete, Discriminator: e.Discriminator,
		}
		if today != nil {
			t.Entity.MaskKey = today.MaskKey
			t.Entity.Mask = union(e.Mask, today.Mask)
			t.Entity.Only = without(e.Only, today.Ignore)
			t.Entity.Ignore = union(e.Ignore, today.Ignore)
		}
	}
	for _, l := range r.Links {
		t.Links = append(t.Links, track.Link{
			Name: l.Name, Owner: l.Owner.end(), Target: l.Target.end(),
			JoinTable: l.JoinTable, TypeColumn: l.TypeColumn, TypeValue: l.TypeValue,
		})
	}
	return t
}

func (e EndRules) end() track.End {
	return track.End{
		Entity: e.Entity, Table: annals.ParseTable(e.Table), Field: e.Field, Key: e.Key,
		Columns: e.Columns, Audited: e.Audited, Operations: e.Operations,
	}
}

// union keeps the order of a, then what only b has.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
