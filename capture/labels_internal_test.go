package capture

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/track"
)

// The labels of a transaction take bounded memory, whatever it changes.
func TestLabelsAreBounded(t *testing.T) {
	table := &track.Table{
		Live: &catalog.Table{}, Entity: &annals.Entity{Name: "post", Label: "title"},
		Key: []string{"id"},
	}
	row := func(n int, title string) *annals.Image {
		return &annals.Image{
			Columns: []string{"id", "title"},
			Values:  []json.RawMessage{json.RawMessage(strconv.Itoa(n)), json.RawMessage(title)},
		}
	}
	var l labels
	for n := range 3 * maxLabels {
		l.see(table, &annals.Mutation{After: row(n, `"a"`)})
		l.see(table, &annals.Mutation{Before: row(n, `"a"`), After: row(n, `"b"`)})
	}
	if len(l.known) != maxLabels || len(l.order) != maxLabels {
		t.Errorf("%d labels of %d objects", len(l.known), len(l.order))
	}
	if got := l.find("post", strconv.Itoa(3*maxLabels-1)); got == nil || *got != "b" {
		t.Errorf("the last label is %v", got)
	}
	if got := l.find("post", "0"); got != nil {
		t.Errorf("the first label is still %q", *got)
	}
	last := 3*maxLabels - 1
	l.see(table, &annals.Mutation{Before: row(last, `"b"`), After: row(-1, `"c"`)})
	if l.find("post", strconv.Itoa(last)) != nil || l.find("post", "-1") == nil {
		t.Error("a label stays with a key that was given up")
	}
	l.see(table, &annals.Mutation{Before: row(-1, `"c"`), After: row(-1, "null")})
	if l.find("post", "-1") != nil {
		t.Error("a label stays that is null")
	}
}
