package journal_test

import (
	"reflect"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
)

func TestCodec(t *testing.T) {
	t.Parallel()
	c := dialect.Column{
		Name: "the reading", Type: "reading", Base: "bytea", Kind: dialect.KindSent, Nullable: true,
		Elem: &dialect.Column{
			Kind: dialect.KindComposite, Nullable: true,
			Fields: []dialect.Column{
				{Type: "double precision", Kind: dialect.KindFloat64, Nullable: true},
				{Kind: dialect.KindArray, Nullable: true, Elem: &dialect.Column{Kind: dialect.KindDate, Nullable: true}},
			},
		},
	}
	const want = `{"name":"the reading","type":"reading","base":"bytea","kind":"sent","elem":{"kind":"composite",` +
		`"fields":[{"type":"double precision","kind":"float64"},{"kind":"array","elem":{"kind":"date"}}]}}`
	text := journal.MarshalCodec(c)
	if text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
	back, err := journal.UnmarshalCodec(text)
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if !journal.NeedsCodec(c) || journal.NeedsCodec(*c.Elem) {
		t.Error("columns of binary forms, and no others, need a codec")
	}
	for _, text := range []string{"", "[]", `{"kind":"what"}`, `{"kind":1}`} {
		if _, err := journal.UnmarshalCodec(text); err == nil {
			t.Errorf("%q is a codec", text)
		}
	}
}
