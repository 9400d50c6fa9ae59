package scaffold

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seed-162b1470/annals/config"
)

// File is a configuration with what its comments say.
type File struct {
	*Result
	Source config.Source
	// StorageDSN is the address of the only storage, Layout that of its tables.
	StorageDSN, Layout string
	// Variables are the environment variables that the file refers to, because
	// their values hold a password.
	Variables []string
}

// Write returns the file as YAML.
func (f File) Write() ([]byte, error) {
	w := &writer{}
	w.comment("What annals audits. Every key: annals.example.yaml; check with: annals config check")
	if len(f.Variables) > 0 {
		w.comment("")
		w.comment("The addresses hold passwords, which have no place in this file. Set before use:")
		for _, name := range f.Variables {
			w.comment("  export %s=…", name)
		}
	}
	w.line("")
	w.section("sources", map[string]config.Source{"app": f.Source}, yaml.Style(0))
	w.section("storages", map[string]config.Storage{
		"default": {DSN: f.StorageDSN, Layout: f.Layout},
	}, yaml.Style(0))
	for _, n := range f.Notes {
		w.comment("%s: %s", n.Table, n.Text)
	}
	w.section("entities", f.Entities, yaml.FlowStyle)
	if len(f.Skipped) > 0 {
		w.comment("Not audited:")
		for _, n := range f.Skipped {
			w.comment("  %s: %s", n.Table, n.Text)
		}
		w.line("")
	}
	if len(f.Relations) > 0 {
		w.section("relations", f.Relations, yaml.FlowStyle)
	}
	if w.err != nil {
		return nil, fmt.Errorf("write configuration: %w", w.err)
	}
	return append(bytes.TrimRight(w.buf.Bytes(), "\n"), '\n'), nil
}

type writer struct {
	buf bytes.Buffer
	err error
}

func (w *writer) line(text string) { w.buf.WriteString(text + "\n") }

// comment writes a line that cannot end its comment early.
func (w *writer) comment(format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return '?'
		}
		return r
	}, fmt.Sprintf(format, args...))
	w.line(strings.TrimRight("# "+text, " "))
}

// section writes one top-level key; the values of its names have the style.
func (w *writer) section(key string, value any, style yaml.Style) {
	var node yaml.Node
	if err := node.Encode(map[string]any{key: value}); err != nil && w.err == nil {
		w.err = err
		return
	}
	names := node.Content[1]
	for i := 1; i < len(names.Content); i += 2 {
		names.Content[i].Style = style
		if style == yaml.FlowStyle {
			escape(names.Content[i])
		}
	}
	e := yaml.NewEncoder(&w.buf)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil && w.err == nil {
		w.err = err
	}
	w.line("")
}

// escape protects names of tables and columns, which never refer to the
// environment.
func escape(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Value = config.EscapeEnv(n.Value)
	}
	for _, c := range n.Content {
		escape(c)
	}
}
