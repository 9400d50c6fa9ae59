package diff_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// image makes an image of column, value, column, value …
func image(parts ...string) *annals.Image {
	i := &annals.Image{}
	for n := 0; n < len(parts); n += 2 {
		i.Columns = append(i.Columns, parts[n])
		i.Values = append(i.Values, json.RawMessage(parts[n+1]))
	}
	return i
}

func digest(i *annals.Image, column string, b byte) *annals.Image {
	i.Digests = map[string][32]byte{column: {b}}
	return i
}

func text(s string) *string { return &s }

func TestAppend(t *testing.T) {
	t.Parallel()
	row := image("b", "1", "a", `"x"`, "c", "null")
	masked := image("a", "1", "p", `{"masked":true}`)
	for name, c := range map[string]struct {
		d    diff.Diff
		want string
	}{
		"insert": {
			diff.Diff{Changes: diff.Inserted(row), Label: text("x\n")},
			`{"changes":{"a":{"new":"x","old":null},"b":{"new":1,"old":null}},"label":"x\n"}`,
		},
		"remove": {
			diff.Diff{Changes: diff.Removed(row), Flags: diff.Flags{Soft: true, Cascade: true}},
			`{"cascade":true,"changes":{"a":{"new":null,"old":"x"},"b":{"new":null,"old":1},` +
				`"c":{"new":null,"old":null}},"soft":true}`,
		},
		"epoch": {
			diff.Diff{Changes: diff.Baseline(row)},
			`{"changes":{"a":{"new":"x","old":null},"b":{"new":1,"old":null},` +
				`"c":{"new":null,"old":null}}}`,
		},
		"update": {
			diff.Diff{Changes: diff.Compute(row, image("b", "2", "a", `"x"`, "c", "0"))},
			`{"changes":{"b":{"new":2,"old":1},"c":{"new":0,"old":null}}}`,
		},
		"nothing": {
			diff.Diff{Changes: diff.Compute(row, image("b", "1", "a", `"x"`, "c", "null"))},
			`{"changes":{}}`,
		},
		"other columns": {
			diff.Diff{Changes: diff.Compute(row, image("a", `"x"`, "d", "1", "c", "2"))},
			`{"changes":{"b":{"new":null,"old":1},"c":{"new":2,"old":null},"d":{"new":1,"old":null}}}`,
		},
		"masked, another": {
			diff.Diff{Changes: diff.Compute(digest(masked, "p", 1), digest(
				image("a", "1", "p", `{"masked":true}`), "p", 2))},
			`{"changes":{"p":{"new":{"masked":true},"old":{"masked":true}}}}`,
		},
		"masked, the same": {
			diff.Diff{Changes: diff.Compute(digest(masked, "p", 1), digest(
				image("a", "1", "p", `{"masked":true}`), "p", 1))},
			`{"changes":{}}`,
		},
		"masked, set": {
			diff.Diff{Changes: diff.Compute(image("a", "1", "p", "null"), masked)},
			`{"changes":{"p":{"new":{"masked":true},"old":null}}}`,
		},
		"unsorted, key": {
			diff.Diff{
				Changes: []diff.Change{{Column: "é\"", Old: nil, New: json.RawMessage("1")}, {Column: "a"}},
				Key:     diff.Pairs([]string{"y", "x"}, []json.RawMessage{[]byte("1")}),
			},
			`{"changes":{"a":{"new":null,"old":null},"é\"":{"new":1,"old":null}},"key":{"x":null,"y":1}}`,
		},
		"association": {
			diff.Diff{Association: &diff.Association{
				Subject: diff.Subject{
					Entity: "post", Table: "posts", Field: "tags", Label: text("hello"),
					Key: diff.Pairs([]string{"id"}, []json.RawMessage{[]byte("1")}),
				},
				Target:       diff.Subject{Entity: "tag", Table: "tags"},
				IsOwningSide: true, JoinTable: "post_tag", Flags: diff.Flags{Cascade: true},
			}},
			`{"cascade":true,"is_owning_side":true,"join_table":"post_tag","subject":` +
				`{"entity":"post","field":"tags","key":{"id":1},"label":"hello","table":"posts"},` +
				`"target":{"entity":"tag","field":null,"key":{},"label":null,"table":"tags"}}`,
		},
	} {
		got := c.d.Append([]byte("x"))[1:]
		if string(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
		if canon, err := diff.Canonical(got); err != nil || !bytes.Equal(canon, got) {
			t.Errorf("%s: canonical form is %s, %v", name, canon, err)
		}
		parsed, err := diff.Parse([]byte(" " + c.want))
		if err != nil || string(parsed.Append(nil)) != c.want {
			t.Errorf("%s: parsed to %s, %v", name, parsed.Append(nil), err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	d, err := diff.Parse([]byte(`{"label": "l", "changes": {"b": {"old": 1.0, "new": {"y":1,"x":2}},
		"a": {"new": 12345678901234567890.10}}, "later": [], "soft": true}`))
	if err != nil {
		t.Fatal(err)
	}
	want := diff.Diff{
		Changes: []diff.Change{
			{Column: "a", Old: annals.Null, New: json.RawMessage("12345678901234567890.1")},
			{Column: "b", Old: json.RawMessage("1"), New: json.RawMessage(`{"x":2,"y":1}`)},
		},
		Flags: diff.Flags{Soft: true}, Label: text("l"),
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v\nwant %+v", d, want)
	}
	if c, ok := d.Change("b"); !ok || string(c.Old) != "1" {
		t.Errorf("Change: %v, %v", c, ok)
	}
	if _, ok := d.Change("z"); ok {
		t.Error("Change finds what is not there")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", "[]", "null", `{"label":"a"}`, `{"changes":1}`, `{"changes":{"a":1}}`, `{"changes":{},"soft":1}`,
		`{"changes":{},"label":{}}`, `{"subject":1}`, `{"subject":{"key":[]}}`,
	} {
		if d, err := diff.Parse([]byte(text)); !errors.Is(err, diff.ErrFormat) {
			t.Errorf("Parse(%s) = %+v, %v; want ErrFormat", text, d, err)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	before := digest(image("a", "1", "p", `{"masked":true}`), "p", 1)
	after := digest(image("a", "2", "p", `{"masked":true}`), "p", 2)
	d := diff.Diff{Changes: diff.Compute(before, after)}
	got, err := diff.Apply(before, d)
	if err != nil || !reflect.DeepEqual(got.Values, after.Values) || len(got.Digests) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if string(before.Values[0]) != "1" || len(before.Digests) != 1 {
		t.Errorf("before was changed: %+v", before)
	}
	if _, err := diff.Apply(after, d); !errors.Is(err, diff.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
	back, err := diff.Revert(after, d)
	if err != nil || !reflect.DeepEqual(back.Values, before.Values) {
		t.Errorf("reverted to %+v, %v", back, err)
	}
	first, err := diff.Apply(nil, diff.Diff{Changes: diff.Baseline(image("b", "null", "a", "1"))})
	if err != nil || !reflect.DeepEqual(first, image("a", "1", "b", "null")) {
		t.Errorf("baseline gives %+v, %v", first, err)
	}
}

// FuzzApply: applying the diff of two images to the first gives the second,
// also after a way through stored JSON, and reverting gives the first.
func FuzzApply(f *testing.F) {
	f.Add("a=1;b=2;c=null", "a=1;b=3;c=0")
	f.Add("a=1", "b=2")
	f.Add("", "a={\"masked\":true}")
	f.Add("é=\"x\";\"=[1]", "é=null;\"=[1]")
	f.Fuzz(func(t *testing.T, first, second string) {
		before, after := parseImage(first), parseImage(second)
		d, err := diff.Parse((&diff.Diff{Changes: diff.Compute(before, after)}).Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := diff.Apply(before, d)
		if err != nil {
			t.Fatal(err)
		}
		same(t, after, got)
		back, err := diff.Revert(got, d)
		if err != nil {
			t.Fatal(err)
		}
		same(t, before, back)
		for _, c := range d.Changes {
			if bytes.Equal(c.Old, c.New) {
				t.Fatalf("no change: %+v", c)
			}
		}
	})
}

// FuzzParse: no text panics, and what is read is written as it was.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"changes":{"a":{"old":1,"new":null}},"label":"x","soft":true}`))
	f.Add([]byte(`{"subject":{"key":{"a":1}},"target":{},"is_owning_side":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := diff.Parse(text)
		if err != nil {
			return
		}
		once := d.Append(nil)
		again, err := diff.Parse(once)
		if err != nil || !bytes.Equal(again.Append(nil), once) {
			t.Fatalf("%s, then %s, %v", once, again.Append(nil), err)
		}
	})
}

// parseImage reads "column=value;…", leaving out what is no JSON.
func parseImage(s string) *annals.Image {
	i := image()
	for part := range strings.SplitSeq(strings.ToValidUTF8(s, ""), ";") {
		column, value, _ := strings.Cut(part, "=")
		v, err := diff.Canonical([]byte(value))
		if _, exists := i.Value(column); err == nil && !exists {
			i.Columns = append(i.Columns, column)
			i.Values = append(i.Values, v)
		}
	}
	return i
}

// same compares images as maps: columns that one lacks are null there.
func same(t *testing.T, want, got *annals.Image) {
	t.Helper()
	for _, pair := range [][2]*annals.Image{{want, got}, {got, want}} {
		for n, c := range pair[0].Columns {
			v, ok := pair[1].Value(c)
			if !bytes.Equal(v, pair[0].Values[n]) && (ok || !annals.IsNull(pair[0].Values[n])) {
				t.Fatalf("column %q: %s and %s", c, pair[0].Values[n], v)
			}
		}
	}
}

func ExampleCompute() {
	before := image("id", "1", "title", `"Thoughts"`, "price", `"9.5"`)
	after := image("id", "1", "title", `"Second thoughts"`, "price", `"9.5"`)
	label := "Second thoughts"
	d := diff.Diff{Changes: diff.Compute(before, after), Label: &label}
	fmt.Println(string(d.Append(nil)))
	// Output: {"changes":{"title":{"new":"Second thoughts","old":"Thoughts"}},"label":"Second thoughts"}
}

func BenchmarkUpdate(b *testing.B) {
	var columns []string
	for i := range 12 {
		columns = append(columns, fmt.Sprintf("column_%d", i), `"value of the column"`)
	}
	before, after := image(columns...), image(columns...)
	after.Values[3] = json.RawMessage(`"another value"`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		d := diff.Diff{Changes: diff.Compute(before, after)}
		dst = d.Append(dst[:0])
	}
}

// TestDocumentedExamples: the JSON in docs/formats/diff.md is canonical and read
// as what it is.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/formats/diff.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "```json\n")[1:]
	if len(blocks) != 3 {
		t.Errorf("%d examples, want 3", len(blocks))
	}
	for _, block := range blocks {
		want, _, _ := strings.Cut(block, "\n```")
		d, err := diff.Parse([]byte(want))
		if err != nil || string(d.Append(nil)) != want {
			t.Errorf("%s is written %s, %v", want, d.Append(nil), err)
		}
	}
}
