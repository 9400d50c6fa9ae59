package term_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

func TestSafe(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		"żółć 日本 👩\u200d💻":   "żółć 日本 👩\u200d💻",
		"\x1b[31mred\x1b[0m": `\x1b[31mred\x1b[0m`,
		"\x1b]0;title\x07":   `\x1b]0;title\x07`,
		"a\nb\r\tc":          `a\nb\r\tc`,
		"\u009b31m":          `\x9b31m`,
		"\u202egnp.exe":      `\u202egnp.exe`,
		"zero\u200bwidth":    `zero\u200bwidth`,
		"\xff\xfe":           `\xff\xfe`,
		"\x7f":               `\x7f`,
		"\u2028":             `\u2028`,
		"\U000e0041":         `\U000e0041`,
	} {
		if got := term.Safe(text); got != want {
			t.Errorf("Safe(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	if got := term.Cut("日本語", 2); got != "日本… (1 more)" {
		t.Errorf("Cut = %q", got)
	}
	if got := term.Cut("ab", 2); got != "ab" {
		t.Errorf("Cut = %q", got)
	}
}

func TestStyle(t *testing.T) {
	if got := (term.Style{}).Red("x"); got != "x" {
		t.Errorf("no colour: %q", got)
	}
	if got := (term.Style{Color: true}).Red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("colour: %q", got)
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("\x1b[2J\u202e\xff日本")
	f.Fuzz(func(t *testing.T, text string) {
		got := term.Safe(text)
		if !utf8.ValidString(got) || strings.IndexFunc(got, term.Hostile) >= 0 {
			t.Fatalf("Safe(%q) = %q", text, got)
		}
	})
}

func FuzzSafeJSON(f *testing.F) {
	f.Add("\x1b[2J\u202e日本\U000e0041")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		src, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		safe := term.SafeJSON(string(src))
		var back string
		if err := json.Unmarshal([]byte(safe), &back); err != nil || back != text {
			t.Fatalf("SafeJSON(%q) = %q, read %q, %v", src, safe, back, err)
		}
		if strings.IndexFunc(safe, term.Hostile) >= 0 {
			t.Fatalf("SafeJSON(%q) = %q", src, safe)
		}
	})
}
