package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README shows this very program: what is between its marks, without the
// indentation of the function.
func TestReadmeShowsThisProgram(t *testing.T) {
	source := read(t, "main.go")
	readme := read(t, filepath.Join("..", "..", "README.md"))
	_, rest, ok := strings.Cut(source, "// README: begin\n")
	code, _, end := strings.Cut(rest, "\t// README: end")
	if !ok || !end {
		t.Fatal("main.go has lost its marks")
	}
	var want strings.Builder
	for line := range strings.Lines(code) {
		want.WriteString(strings.TrimPrefix(line, "\t"))
	}
	if !strings.Contains(readme, want.String()) {
		t.Errorf("README.md does not show this code; paste it there:\n%s", want.String())
	}
}

func TestRun(t *testing.T) {
	if err := run(context.Background(), filepath.Join(t.TempDir(), "blog.db")); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
