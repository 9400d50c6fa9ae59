package capture

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/track"
)

func gathered(t *testing.T, n int) (*Rows, []Row) {
	t.Helper()
	g := &Rows{reader: &Reader{
		table: &track.Table{Live: &catalog.Table{Name: annals.Table{Name: "a"}}},
		names: []string{"id", "secret", "text"},
	}}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	at := time.Date(2026, 3, 31, 1, 2, 3, 4000, time.UTC)
	keys := []any{
		nil, int64(math.MinInt64), uint64(math.MaxUint64), math.Inf(-1), true, false,
		[]byte{0, 255},
		"ä\x00", at,
	}
	var want []Row
	for i := range n {
		row := Row{
			ID: fmt.Sprint(i), Key: []any{int64(i), keys[i%len(keys)]},
			Image: &annals.Image{
				Columns: g.reader.names,
				Values: []json.RawMessage{
					json.RawMessage(fmt.Sprint(i)), masked, json.RawMessage(`"\u2028ä"`),
				},
			},
		}
		if i%2 == 0 {
			row.Image.Digests = map[string][32]byte{"secret": {byte(i), 1}}
			row.Extra = []any{keys[(i+1)%len(keys)]}
		}
		if err := g.add(row); err != nil {
			t.Fatal(err)
		}
		want = append(want, row)
	}
	return g, want
}

// Rows come back as they went in, in order, however many there are, and as often
// as they are asked for.
func TestRows(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, n := range []int{0, 1, held, held + 1, 2*held + 7} {
		g, want := gathered(t, n)
		if g.Len() != n || g.Held() != (n <= held) {
			t.Errorf("%d rows: Len %d, Held %v", n, g.Len(), g.Held())
		}
		for range 2 {
			var got []Row
			for chunk, err := range g.Chunks(999) {
				if err != nil {
					t.Fatal(err)
				}
				if len(chunk) == 0 || len(chunk) > 999 {
					t.Fatalf("a chunk of %d rows", len(chunk))
				}
				got = append(got, chunk...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d rows came back as others", n)
			}
		}
		all, err := g.All()
		if err != nil || len(all) != n {
			t.Errorf("All: %d rows, %v", len(all), err)
		}
	}
}

// Nothing stays in the folder for temporary files, not even while rows wait.
func TestRowsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	g, _ := gathered(t, held+1)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// A folder that cannot be written to is an error, not a loss.
func TestRowsWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	g := &Rows{reader: &Reader{table: &track.Table{Live: &catalog.Table{}}}}
	row := Row{Image: &annals.Image{}}
	for range held {
		if err := g.add(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.add(row); err == nil {
		t.Error("no error")
	}
}
