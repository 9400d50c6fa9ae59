package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"spaces":             {" { \"a\" : [ 1 , 2 ] }\r\n\t", `{"a":[1,2]}`},
		"empty":              {`[{},[],"",{"":null}]`, `[{},[],"",{"":null}]`},
		"sorted keys":        {`{"b":1,"a":2,"aa":3,"B":4}`, `{"B":4,"a":2,"aa":3,"b":1}`},
		"sorted deep":        {`{"b":{"d":1,"c":2},"a":[{"y":1,"x":2}]}`, `{"a":[{"x":2,"y":1}],"b":{"c":2,"d":1}}`},
		"last key wins":      {`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		"equal after escape": {`{"a":1,"\u0061":2}`, `{"a":2}`},
		"keys by bytes":      {`{"é":1,"z":2,"\"":3,"\n":4,"!":5}`, `{"\n":4,"!":5,"\"":3,"z":2,"é":1}`},
		"keys by UTF-8":      {`{"😀":1,"\uffff":2}`, "{\"\uffff\":2,\"😀\":1}"},
		"prefix of escapes":  {`{"\n\n":1,"\n":2,"\u0001":3}`, `{"\u0001":3,"\n":2,"\n\n":1}`},
		"integer":            {`12345678901234567890123`, `12345678901234567890123`},
		"fraction zeros":     {`[1.0,1.50,0.10,-2.00]`, `[1,1.5,0.1,-2]`},
		"exponents":          {`[1e2,1E+2,12e-1,1.5e1,0.001e3,1e-3]`, `[100,100,1.2,15,1,0.001]`},
		"zero":               {`[0,-0,0.0,-0.00,0e999999999,-0e-5]`, `[0,0,0,0,0,0]`},
		"smallest float":     {`5e-324`, "0." + strings.Repeat("0", 323) + "5"},
		"many digits":        {"1" + strings.Repeat("0", 1000), "1" + strings.Repeat("0", 1000)},
		"escapes":            {`"\u0041\/\"\\\b\f\n\r\t\u001F\u007f\u2028<>&"`, "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\u007f\u2028<>&\""},
		"surrogates":         {`"\ud83d\ude00"`, `"😀"`},
		"words":              {`[null,true,false]`, `[null,true,false]`},
	} {
		got, err := Canonical([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: Canonical(%s) = %s, %v; want %s", name, c.in, got, err, c.want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"nothing":           {"", ErrSyntax},
		"two values":        {"1 2", ErrSyntax},
		"comma at the end":  {"[1,]", ErrSyntax},
		"comma first":       {"[,1]", ErrSyntax},
		"no colon":          {`{"a" 1}`, ErrSyntax},
		"key is no string":  {`{1:1}`, ErrSyntax},
		"open":              {`{"a":[1`, ErrSyntax},
		"open string":       {`"a`, ErrSyntax},
		"leading zero":      {"01", ErrSyntax},
		"plus":              {"+1", ErrSyntax},
		"no digits":         {"-", ErrSyntax},
		"no fraction":       {"1.", ErrSyntax},
		"no exponent":       {"1e+", ErrSyntax},
		"NaN":               {"NaN", ErrSyntax},
		"word":              {"nul", ErrSyntax},
		"control character": {"\"\x01\"", ErrSyntax},
		"escape":            {`"\x"`, ErrSyntax},
		"short escape":      {`"\u00"`, ErrSyntax},
		"bytes":             {"\"\xff\"", ErrUnicode},
		"surrogate bytes":   {"\"\xed\xa0\x80\"", ErrUnicode},
		"high surrogate":    {`"\ud800"`, ErrUnicode},
		"two high":          {`"\ud800\ud800"`, ErrUnicode},
		"low surrogate":     {`"\udc00x"`, ErrUnicode},
		"key":               {"{\"\xff\":1}", ErrUnicode},
		"huge":              {"1e999999", ErrNumber},
		"tiny":              {"[1e-999999]", ErrNumber},
		"overflow":          {"1e99999999999999999999999", ErrNumber},
		"deep":              {deep, ErrDepth},
	} {
		dst := []byte("kept")
		got, err := Append(dst, []byte(c.in))
		var where *Error
		if !errors.Is(err, c.want) || !errors.As(err, &where) || string(got) != "kept" {
			t.Errorf("%s: error %v and %q, want %v", name, err, got, c.want)
		}
		if where != nil && where.Offset > len(c.in) {
			t.Errorf("%s: offset %d of %d", name, where.Offset, len(c.in))
		}
	}
}

func TestAppendDepth(t *testing.T) {
	t.Parallel()
	for depth, text := range []string{`1`, `[1]`, `{"a":[1]}`} {
		if _, err := AppendDepth(nil, []byte(text), depth); err != nil {
			t.Errorf("depth %d: %v", depth, err)
		}
		if _, err := AppendDepth(nil, []byte(text), depth-1); depth > 0 && !errors.Is(err, ErrDepth) {
			t.Errorf("depth %d: error %v, want ErrDepth", depth-1, err)
		}
	}
}

func TestHasNUL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`"\u0000"`: true, `{"a\u0000":1}`: true, `"\\\u0000"`: true,
		`"\\u0000"`: false, `"\u0001"`: false, `"\\\\u0000"`: false, `""`: false,
	} {
		if got := HasNUL([]byte(text)); got != want {
			t.Errorf("HasNUL(%s) = %v", text, got)
		}
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                `""`,
		"a\"b\\c\x00\n":   `"a\"b\\c\u0000\n"`,
		"é😀\u2028<>&\x7f": "\"é😀\u2028<>&\x7f\"",
		"a\xffb":          "\"a\ufffdb\"",
	} {
		if got := AppendString(nil, in); string(got) != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzCanonical: what comes out says the same as what went in, and is canonical.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"b":1,"a":{"d":[1.50,-0,1e2],"c":"\u00e9\ud83d\ude00"},"b":null}`, `{"\"":1,"!":2,"\n":3}`,
		`[1e-400,1e400,0.0e9]`, `"\ud800"`, "\"\xff\"", `[[[[]]]]`, `{"a":1}x`, `-`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := Canonical(src)
		if err != nil {
			refusable := errors.Is(err, ErrUnicode) || errors.Is(err, ErrNumber) ||
				errors.Is(err, ErrDepth)
			if json.Valid(src) && !refusable {
				t.Fatalf("valid JSON refused: %v", err)
			}
			return
		}
		if !json.Valid(src) {
			t.Fatalf("invalid JSON accepted: %s", got)
		}
		again, err := Canonical(got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("not idempotent: %s, then %s, %v", got, again, err)
		}
		if !reflect.DeepEqual(view(t, src), view(t, got)) {
			t.Fatalf("%s is not the same as %s", got, src)
		}
	})
}

// FuzzAppendString: encoding/json reads back what was written.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\n\x00é😀\u2028\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want { // each faulty byte becomes U+FFFD
			t.Fatalf("got %q, want %q", got, want)
		}
		again, err := Canonical(AppendString(nil, s))
		if err != nil || !bytes.Equal(again, AppendString(nil, s)) {
			t.Fatalf("not canonical: %s, %v", again, err)
		}
	})
}

// view is the value as encoding/json has it, with exact numbers.
func view(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		mantissa, _, _ := strings.Cut(strings.ToLower(string(v)), "e")
		if strings.Trim(mantissa, "-0.") == "" {
			return "0" // big.Rat would work out ten to the exponent
		}
		r, ok := new(big.Rat).SetString(string(v))
		if !ok {
			return v
		}
		return r.String()
	case map[string]any:
		for k := range v {
			v[k] = exact(v[k])
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	}
	return v
}

func BenchmarkAppend(b *testing.B) {
	src := []byte(`{"title":"Second thoughts","id":4711,"price":12.50,"tags":["a","b"],` +
		`"nested":{"z":1,"a":null,"m":true},"body":"` + strings.Repeat("text and more ", 20) + `"}`)
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		dst, _ = Append(dst[:0], src)
	}
}
