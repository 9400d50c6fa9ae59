package gormcapture

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
)

// text unmarshals, as UUID and ULID types do.
type text struct{ s string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *text) UnmarshalText(b []byte) error {
	if len(b) != 3 {
		return errors.New("three letters")
	}
	v.s = string(b)
	return nil
}

type name string

func TestConvertID(t *testing.T) {
	for _, c := range []struct {
		id   string
		to   reflect.Type
		want string // "" is an error
	}{
		{"42", reflect.TypeFor[int64](), "42"},
		{"-42", reflect.TypeFor[int](), "-42"},
		{"42", reflect.TypeFor[uint8](), "42"},
		{"256", reflect.TypeFor[uint8](), ""},
		{"-1", reflect.TypeFor[uint](), ""},
		{"042", reflect.TypeFor[int64](), ""},
		{"+42", reflect.TypeFor[uint64](), ""},
		{" 42", reflect.TypeFor[int64](), ""},
		{"4.2", reflect.TypeFor[int64](), ""},
		{"42", reflect.TypeFor[float64](), ""},
		{"ann", reflect.TypeFor[string](), "ann"},
		{"ann", reflect.TypeFor[name](), "ann"},
		{"ann", reflect.TypeFor[text](), "{ann}"},
		{"anna", reflect.TypeFor[text](), ""},
		{"42", reflect.TypeFor[sql.NullInt64](), "{42 true}"},
		{"042", reflect.TypeFor[sql.NullInt64](), ""},
		{"42", reflect.TypeFor[sql.Null[uint32]](), "{42 true}"},
		{"ann", reflect.TypeFor[sql.Null[string]](), "{ann true}"},
		{"ann", reflect.TypeFor[sql.NullInt32](), ""},
		{"ann", reflect.TypeFor[[]byte](), ""},
	} {
		for _, to := range []reflect.Type{c.to, reflect.PointerTo(c.to)} {
			v, err := convertID(c.id, to)
			if c.want == "" {
				if err == nil {
					t.Errorf("%q as %s: %v", c.id, to, v)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q as %s: %v", c.id, to, err)
				continue
			}
			if got := fmt.Sprint(reflect.Indirect(v).Interface()); got != c.want || v.Type() != to {
				t.Errorf("%q as %s = %s %s, want %s", c.id, to, v.Type(), got, c.want)
			}
		}
	}
}

// A number is taken only where it reads as the ID that it came from.
func FuzzConvertID(f *testing.F) {
	for _, id := range []string{"", "0", "-0", "42", "042", "9223372036854775808", "1e3", "٤"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if v, err := convertID(id, reflect.TypeFor[int64]()); err == nil &&
			strconv.FormatInt(v.Int(), 10) != id {
			t.Errorf("%q became %d", id, v.Int())
		}
		if v, err := convertID(id, reflect.TypeFor[sql.NullInt64]()); err == nil {
			if n := v.Interface().(sql.NullInt64); !n.Valid || strconv.FormatInt(n.Int64, 10) != id {
				t.Errorf("%q became %+v", id, n)
			}
		}
		if v, err := convertID(id, reflect.TypeFor[*string]()); err != nil || v.Elem().String() != id {
			t.Errorf("%q: %v, %v", id, v, err)
		}
	})
}
