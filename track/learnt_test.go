package track_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

func table(e annals.Entity, columns ...string) *track.Table {
	live := &catalog.Table{Name: annals.Table{Name: "t"}, Key: []string{"id"}, Transactional: true}
	for _, c := range columns {
		live.Columns = append(live.Columns, dialect.Column{Name: c})
	}
	e.Name = "thing"
	return &track.Table{Live: live, Entity: &e, Key: live.Key}
}

func image(pairs ...string) *annals.Image {
	i := &annals.Image{}
	for n := 0; n < len(pairs); n += 2 {
		i.Columns = append(i.Columns, pairs[n])
		i.Values = append(i.Values, json.RawMessage(pairs[n+1]))
	}
	return i
}

// Rules hold for images too that were taken before them.
func TestYoungRulesOnOldImages(t *testing.T) {
	before, after := image("id", "1", "a", `"x"`, "b", `"y"`), image("id", "1", "a", `"z"`, "b", `"y"`)
	for _, c := range []struct {
		name   string
		entity annals.Entity
		want   []string
	}{
		{"none", annals.Entity{}, []string{`{"changes":{"a":{"new":"z","old":"x"}}}`}},
		{"only", annals.Entity{Only: []string{"id", "b"}}, nil},
		{"ignore", annals.Entity{Ignore: []string{"a"}}, nil},
		{"operations", annals.Entity{Operations: []annals.EntryType{annals.Insert}}, nil},
		{
			"mask",
			annals.Entity{Mask: []string{"a", "b"}},
			[]string{`{"changes":{"a":{"new":{"masked":true},"old":{"masked":true}}}}`},
		},
		{
			"mask with digest",
			annals.Entity{Mask: []string{"b"}, Only: []string{"id", "b"}, MaskKey: "k"},
			nil,
		},
	} {
		m := annals.Mutation{Operation: annals.OpUpdate, Before: before, After: after, Seq: 1}
		entries, err := track.Entries(table(c.entity, "id", "a", "b"), &m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, string(e.Diffs))
		}
		if !slices.Equal(c.want, got) {
			t.Errorf("%s: diffs %v, want %v", c.name, got, c.want)
		}
	}
}

// Numbers of entries do not depend on which of them the rules keep.
func TestPartsWithoutOperations(t *testing.T) {
	child := table(annals.Entity{}, "id", "parent")
	child.Links = []track.Link{{
		Name:   "parent.children",
		Owner:  track.End{Entity: "parent", Field: "children", Key: []string{"id"}, Columns: []string{"parent"}, Audited: true},
		Target: track.End{Entity: "thing", Key: []string{"id"}, Columns: []string{"id"}, Audited: true},
	}}
	parts := func() (all []int) {
		m := annals.Mutation{
			Operation: annals.OpUpdate, Seq: 1,
			Before: image("id", "1", "parent", "7"), After: image("id", "1", "parent", "8"),
		}
		entries, err := track.Entries(child, &m)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Part)
		}
		return all
	}
	if got := parts(); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("parts = %v", got)
	}
	child.Links[0].Owner.Operations = []annals.EntryType{annals.Associate}
	if got := parts(); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("parts with associate alone = %v", got)
	}
	child.Links[0].TypeColumn, child.Links[0].TypeValue = "kind", "x"
	if got := parts(); !slices.Equal(got, []int{0}) {
		t.Errorf("parts of a row of another type = %v", got)
	}
}

// Check refuses rules that hide what entries need.
func TestCheckHidden(t *testing.T) {
	for name, e := range map[string]annals.Entity{
		"key":           {Only: []string{"a"}},
		"label":         {Label: "a", Mask: []string{"a"}},
		"soft delete":   {SoftDelete: "a", Ignore: []string{"a"}},
		"discriminator": {Discriminator: "b", Only: []string{"id", "a"}},
		"unknown":       {Only: []string{"id", "c"}},
	} {
		tab := table(e, "id", "a", "b")
		if err := track.Check(*tab.Entity, tab.Live, "entities.thing"); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	tab := table(annals.Entity{Only: []string{"id", "a"}, Label: "a"}, "id", "a", "b")
	if err := track.Check(*tab.Entity, tab.Live, "entities.thing"); err != nil {
		t.Error(err)
	}
}
