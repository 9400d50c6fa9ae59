package reader_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals/reader"
)

func TestAlike(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"null": `[null]`, `"null"`: `["\"null\"" "null"]`, "": `[""]`, "a b": `["a b"]`,
		"12.50": `["12.5" "12.50" 12.5]`, "1e2": `["100" "1e2" 100]`, "-0.0": `["-0.0" "0" 0]`,
		"+7": `["+7" "7" 7]`, "007": `["007"]`, "true": `["true" true]`,
		"12345678901234567890.10":   `["12345678901234567890.1" "12345678901234567890.10" 12345678901234567890.1]`,
		`{"b":1, "a":2.0}`:          `["{\"b\":1, \"a\":2.0}" {"a":2,"b":1}]`,
		"2026-01-02":                `["2026-01-02"]`,
		"2026-01-02 03:04":          `["2026-01-02 03:04" "2026-01-02T03:04:00.000000"]`,
		"2026-01-02T03:04:05.5Z":    `["2026-01-02T03:04:05.500000Z" "2026-01-02T03:04:05.5Z"]`,
		"2026-01-02T03:04:05+02:00": `["2026-01-02T01:04:05.000000Z" "2026-01-02T03:04:05+02:00"]`,
		"03:04:05":                  `["03:04:05" "03:04:05.000000"]`,
		"\xff":                      "[\"\uFFFD\"]",
	} {
		if got := fmt.Sprintf("%s", reader.Alike(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzAlike(f *testing.F) {
	for _, s := range []string{"null", "1e999", "2026-01-02T03:04:05Z", "\x00", "+", "-", "{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := reader.Alike(text)
		for _, v := range found {
			if !json.Valid(v) {
				t.Fatalf("%q gives %q", text, v)
			}
		}
		if len(found) == 0 {
			t.Fatalf("%q gives nothing", text)
		}
	})
}
