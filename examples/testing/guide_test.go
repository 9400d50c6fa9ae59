package blog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The guide shows these very tests.
func TestGuideShowsTheseTests(t *testing.T) {
	source, err := os.ReadFile("blog_test.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(source), "// guide: begin\n\n")
	code, _, end := strings.Cut(rest, "\n// guide: end")
	if !ok || !end {
		t.Fatal("blog_test.go has lost its marks")
	}
	if !strings.Contains(string(guide), code) {
		t.Errorf("docs/guides/testing.md does not show this code; paste it there:\n%s", code)
	}
}
