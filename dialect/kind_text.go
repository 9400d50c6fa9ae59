package dialect

import (
	"fmt"
	"slices"
)

// kindNames are the kinds by name, in the order of their numbers: stored formats
// have names, since numbers move when a kind is added.
func kindNames() []string {
	return []string{
		"text", "bool", "integer", "decimal", "float32", "float64", "date", "time", "timetz",
		"timestamp", "instant", "interval", "bytes", "bits", "json", "array", "range",
		"multirange", "composite", "sent", "dynamic",
		"object_id", "money", "padded_text", "address", "point", "line", "segment", "box", "path",
		"polygon", "circle", "cube", "uuid", "network", "hardware_address", "char", "log_position",
		"versioned", "opaque",
	}
}

// MarshalText implements encoding.TextMarshaler: the kind's name in stored formats.
func (k Kind) MarshalText() ([]byte, error) {
	names := kindNames()
	if k < 0 || int(k) >= len(names) {
		return nil, fmt.Errorf("kind %d has no name", int(k))
	}
	return []byte(names[k]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error {
	n := slices.Index(kindNames(), string(text))
	if n < 0 {
		return fmt.Errorf("no kind of values is called %q", text)
	}
	*k = Kind(n)
	return nil
}
