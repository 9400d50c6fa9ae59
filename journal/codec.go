package journal

import (
	"encoding/json"
	"fmt"

	"github.com/seed-162b1470/annals/dialect"
)

// codecText is a dialect.Column as annals_target_column.codec keeps it.
type codecText struct {
	Name   string       `json:"name,omitempty"`
	Type   string       `json:"type,omitempty"`
	Base   string       `json:"base,omitempty"`
	Kind   dialect.Kind `json:"kind"`
	Elem   *codecText   `json:"elem,omitempty"`
	Fields []codecText  `json:"fields,omitempty"`
	Bits   int          `json:"bits,omitempty"`
}

// NeedsCodec reports whether the type of a column's copy does not tell how its
// values are decoded, so that annals_target_column.codec has to: the copy holds the
// bytes of their binary form.
func NeedsCodec(c dialect.Column) bool { return c.Kind == dialect.KindSent }

// MarshalCodec returns what decoding the copies of a column needs, as JSON, the same
// for the same column.
func MarshalCodec(c dialect.Column) string {
	text, err := json.Marshal(writeCodec(c))
	if err != nil {
		panic(fmt.Sprintf("journal: a column is no JSON: %v", err)) // it is made of texts and known kinds
	}
	return string(text)
}

// UnmarshalCodec reads what MarshalCodec wrote.
func UnmarshalCodec(text string) (dialect.Column, error) {
	var c codecText
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return dialect.Column{}, fmt.Errorf("read codec: %w", err)
	}
	return readCodec(c), nil
}

func writeCodec(c dialect.Column) codecText {
	out := codecText{Name: c.Name, Type: c.Type, Base: c.Base, Kind: c.Kind, Bits: c.Bits}
	if c.Elem != nil {
		elem := writeCodec(*c.Elem)
		out.Elem = &elem
	}
	for _, f := range c.Fields {
		out.Fields = append(out.Fields, writeCodec(f))
	}
	return out
}

func readCodec(c codecText) dialect.Column {
	out := dialect.Column{
		Name: c.Name, Type: c.Type, Base: c.Base, Kind: c.Kind, Bits: c.Bits, Nullable: true,
	}
	if c.Elem != nil {
		elem := readCodec(*c.Elem)
		out.Elem = &elem
	}
	for _, f := range c.Fields {
		out.Fields = append(out.Fields, readCodec(f))
	}
	return out
}
