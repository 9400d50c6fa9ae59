package schema_test

import (
	"errors"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/schema"
)

func TestCheckSource(t *testing.T) {
	table := func(change func(*catalog.Table)) *catalog.Table {
		live := &catalog.Table{
			Name:          annals.Table{Name: "posts"},
			Columns:       []dialect.Column{{Name: "id"}, {Name: "slug"}, {Name: "title"}},
			Key:           []string{"id"},
			Uniques:       [][]string{{"slug"}},
			Transactional: true,
		}
		change(live)
		return live
	}
	nothing := func(*catalog.Table) {}
	keyless := func(t *catalog.Table) { t.Key = nil }
	tests := map[string]struct {
		table *catalog.Table
		key   []string
		want  error
	}{
		"fine":              {table(nothing), nil, nil},
		"primary key named": {table(nothing), []string{"id"}, nil},
		"unique key named":  {table(keyless), []string{"slug"}, nil},
		"wider than a key":  {table(nothing), []string{"title", "slug"}, nil},
		"no key":            {table(keyless), nil, annals.ErrNoKey},
		"not unique":        {table(nothing), []string{"title"}, annals.ErrNoKey},
		"no such column":    {table(nothing), []string{"number"}, annals.ErrConfig},
		"view":              {table(func(t *catalog.Table) { t.View = true }), nil, annals.ErrConfig},
		"MyISAM": {
			table(func(t *catalog.Table) { t.Engine, t.Transactional = "MyISAM", false }),
			nil, annals.ErrNotTransactional,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := annals.Entity{Name: "post", Table: annals.Table{Name: "posts"}, Key: tt.key}
			err := schema.CheckSource(e, tt.table)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			var fault *annals.Error
			if err != nil && (!errors.As(err, &fault) || fault.Remedy == "") {
				t.Errorf("no remedy in %v", err)
			}
		})
	}
}
