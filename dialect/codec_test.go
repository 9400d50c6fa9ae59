package dialect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// TestDecodeRefuses: what ReadExpr cannot have given is an error that names the
// column and does not show the value.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	secret := "5ec3e7"
	for _, c := range []struct {
		d    Dialect
		kind Kind
		v    any
	}{
		{Postgres(), KindInteger, secret + "x"},
		{Postgres(), KindBool, secret},
		{Postgres(), KindText, time.Now()},
		{Postgres(), KindFloat64, secret},
		{Postgres(), KindFloat64, "zz"},
		{Postgres(), KindBytes, "0"},
		{Postgres(), KindBytes, "#x#"},
		{Postgres(), KindArray, secret},
		{Postgres(), KindRange, secret},
		{Postgres(), KindSent, secret},
		{Postgres(), KindSent, "0000000100000017ffffffff"},
		{MySQL(false), KindInteger, secret + "x"},
		{MySQL(false), KindFloat32, secret + "x"},
		{MySQL(false), KindInstant, time.Now()},
		{MySQL(false), KindInstant, secret + "x"},
		{MySQL(false), KindText, 1.5},
		{SQLite(), KindDynamic, secret},
		{SQLite(), KindDynamic, time.Now()},
		{SQLite(), KindDynamic, true},
	} {
		got, err := c.d.Decode(Column{Name: "col", Type: "typ", Kind: c.kind}, c.v)
		if !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), `"col"`) ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%s, kind %d, %v: %s, %v", c.d.Name(), c.kind, c.v, got, err)
		}
	}
}

func TestDecodeNull(t *testing.T) {
	t.Parallel()
	for _, d := range []Dialect{Postgres(), MySQL(true), SQLite()} {
		for kind := KindText; kind <= kindOpaque; kind++ {
			if got, err := d.Decode(Column{Kind: kind}, nil); err != nil || string(got) != "null" {
				t.Errorf("%s, kind %d: %s, %v", d.Name(), kind, got, err)
			}
		}
	}
}

// TestDecodeUnreadable: a text that the server could not convert is no null, and
// bytes may be any.
func TestDecodeUnreadable(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]error{
		KindText: annals.ErrEntryTooLarge, KindJSON: annals.ErrEntryTooLarge, KindBytes: nil, KindBits: nil,
	} {
		if got, err := MySQL(true).Decode(Column{Kind: kind}, []byte{0xFF}); !errors.Is(err, want) {
			t.Errorf("kind %d: %s, %v", kind, got, err)
		}
	}
}

// TestDecodeKeepsNothing: the value may be overwritten after Decode.
func TestDecodeKeepsNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{KindText, KindBytes, KindJSON, KindDecimal, KindDate} {
		v := []byte(`"12345678901234567890"`)
		got, err := MySQL(false).Decode(Column{Kind: kind}, v)
		if err != nil {
			t.Fatal(err)
		}
		kept := string(got)
		clear(v)
		if string(got) != kept {
			t.Errorf("kind %d: %s became %s", kind, kept, got)
		}
	}
}

func TestAppendDecimal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"10.50": "10.5", "-0.00": "0", "0": "0", "00042.10": "42.1", "100": "100", ".5": "0.5",
		"-.50": "-0.5", "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "1.": "1",
		"-0010": "-10",
	} {
		if got := appendDecimal(nil, []byte(in)); string(got) != `"`+want+`"` {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestAppendTimestamp compares with package time where that can print it.
func TestAppendTimestamp(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2000, 2, 29, 12, 0, 0, 1000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		want := at.UTC().Format("2006-01-02T15:04:05.000000")
		if got := appendTimestamp(nil, 0, at.UnixMicro()); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := appendTimestamp(nil, postgresEpochDays, math.MaxInt64); string(got) != "+294277-01-09T04:00:54.775807" {
		t.Errorf("at the end of 64 bits: %s", got)
	}
}

func TestLongNumber(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("1", maxJSONDigits)
	for text, want := range map[string]bool{
		"[" + digits + "]": false, "[" + digits + "1]": true, "[" + digits + ".1]": true,
		`["` + digits + `1"]`: false, `{"a\"` + digits + `1":` + digits + `}`: false,
	} {
		if got := longNumber([]byte(text)); got != want {
			t.Errorf("%.20s… of %d bytes: %v", text, len(text), got)
		}
	}
}

// FuzzPostgresBinary: no bytes of a server make Decode panic, hang or give what
// is not canonical JSON.
func FuzzPostgresBinary(f *testing.F) {
	for _, seed := range []struct {
		kind, elem Kind
		hex        string
	}{
		{KindArray, KindInteger, "000000010000000100000019000000020000000100000001" + "31ffffffff"},
		{KindArray, KindFloat64, "0000000000000000000002bd"},
		{KindRange, KindDecimal, "06000000080000000000000000" + "0000000a00010000000000000001"},
		{KindMultirange, KindDate, "00000001000000110200000004000025540000000400002573"},
		{KindInterval, 0, "00000000000000010000000100000001"},
		{kindPath, 0, "01000000013ff00000000000003ff0000000000000"},
		{kindPolygon, 0, "7fffffff"},
		{KindArray, KindRange, "7fffffff"},
		{KindSent, KindComposite, "00000001000040000000001000000001000000170000000400000007"},
		{KindSent, KindArray, "00000001000040000000001400000001000000000000001700000001000000017fffffff"},
		{KindSent, kindCube, "0000000100004000000000140000000100000000000000008000000000000000"},
		{KindSent, kindAddress, "0000000100000365000000080220000401020304"},
		{KindSent, KindBits, "00000001000006190000000500000003a0"},
		{KindSent, kindUUID, "0000000100000b860000000101"},
	} {
		b, err := hex.DecodeString(seed.hex)
		if err != nil {
			b = []byte(seed.hex)
		}
		f.Add(int(seed.kind), int(seed.elem), b)
	}
	f.Fuzz(func(t *testing.T, kind, elem int, b []byte) {
		integer := Column{Kind: KindInteger}
		c := Column{Kind: Kind(kind), Elem: &Column{
			Kind: Kind(elem), Elem: &integer, Fields: []Column{integer},
		}}
		checkDecoded(t, Postgres(), c, hex.EncodeToString(b))
	})
}

// FuzzDecode: likewise for what the other databases read.
func FuzzDecode(f *testing.F) {
	f.Add(int(KindJSON), []byte(`{"a":1}`))
	f.Add(int(KindTimestamp), []byte("2026-01-02 03:04:05.1"))
	f.Add(int(KindInstant), []byte("1767323045.5"))
	f.Add(int(KindBits), []byte{1, 2})
	f.Fuzz(func(t *testing.T, kind int, b []byte) {
		switch Kind(kind) { // a server gives these in plain characters
		case KindDecimal, KindTime, KindTimestamp:
			if strings.Trim(string(b), "0123456789.:- ") != "" {
				return
			}
		}
		c := Column{Kind: Kind(kind)}
		checkDecoded(t, MySQL(true), c, b)
		checkDecoded(t, SQLite(), c, "t"+string(b))
		checkDecoded(t, SQLite(), c, b)
	})
}

func checkDecoded(t *testing.T, d Dialect, c Column, v any) {
	t.Helper()
	out, err := d.Decode(c, v)
	if err != nil {
		if !errors.Is(err, ErrValue) && !errors.Is(err, annals.ErrEntryTooLarge) {
			t.Fatal(err)
		}
		return
	}
	canon, err := canonical.Canonical(out)
	if err != nil || !bytes.Equal(canon, out) {
		t.Fatalf("%s, kind %d: %s is not canonical: %v", d.Name(), c.Kind, out, err)
	}
}

// FuzzFloat: the number that is written is exactly the float.
func FuzzFloat(f *testing.F) {
	f.Add(0.1, float32(0.1))
	f.Fuzz(func(t *testing.T, f64 float64, f32 float32) {
		if got := appendFloat(nil, f64, 64); !math.IsNaN(f64) && !math.IsInf(f64, 0) {
			back, err := strconv.ParseFloat(string(got), 64)
			if err != nil || back != f64 || bytes.ContainsAny(got, "eE") {
				t.Fatalf("%v: %s", f64, got)
			}
		}
		single := float64(f32)
		if got := appendFloat(nil, single, 32); !math.IsNaN(single) && !math.IsInf(single, 0) {
			back, err := strconv.ParseFloat(string(got), 32)
			if err != nil || float32(back) != f32 {
				t.Fatalf("%v: %s", f32, got)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	columns := []struct {
		c Column
		v any
	}{
		{Column{Kind: KindInteger}, int64(4711)},
		{Column{Kind: KindText}, "a text of some length, as titles are"},
		{Column{Kind: KindDecimal}, "1234.50"},
		{Column{Kind: KindInstant}, "0002ea6ab9e8b2c0"},
		{Column{Kind: KindJSON}, `{"b":1,"a":[1.0,2,3]}`},
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range columns {
			var out json.RawMessage
			if out, _ = Postgres().Decode(x.c, x.v); out == nil {
				b.Fatal("not decoded")
			}
		}
	}
}
