package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/nearest"
)

// decoder turns YAML nodes into the configuration's types and, unlike the
// library's own, goes on after a fault and knows its path.
type decoder struct {
	faults *faults
	env    func(string) (string, bool)
}

// into decodes n into the value that target points to.
func (d *decoder) into(n *yaml.Node, path string, target any) {
	d.value(n, path, reflect.ValueOf(target).Elem())
}

func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if path != "" {
		d.faults.lines[path] = n.Line
	}
	null := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch v.Kind() {
	case reflect.Struct:
		if !null {
			d.structure(n, path, v)
		}
	case reflect.Map:
		if !null {
			d.table(n, path, v)
		}
	case reflect.Slice:
		if !null {
			d.list(n, path, v)
		}
	case reflect.Pointer:
		if null {
			d.faults.unreadable(path, "has no value", `write "" for none, or leave the key out`)
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem())
	default:
		if !null {
			d.scalar(n, path, v)
		}
	}
}

// structure decodes a mapping with known keys.
func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	fields := keysOf(v.Type())
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node, at string) {
		field, ok := fields[key.Value]
		if !ok {
			d.faults.lines[at] = key.Line
			d.faults.unreadable(at, "unknown key", nearest.DidYouMean(key.Value, names))
			return
		}
		d.value(value, at, v.Field(field))
	})
}

// table decodes a mapping whose keys are names.
func (d *decoder) table(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node, at string) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, at, item)
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
	})
}

// pairs visits a mapping's keys and values; a key that comes twice is a fault.
func (d *decoder) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		d.faults.unreadable(path, "must be a mapping of keys to values, not "+kindOf(n), "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			d.faults.add(path, fmt.Sprintf("line %d: a key must be a plain name", key.Line), "")
			continue
		}
		at := child(path, key.Value)
		if line, twice := first[key.Value]; twice {
			d.faults.lines[at] = key.Line
			d.faults.add(at, fmt.Sprintf("the key stands on line %d already", line),
				"merge the two")
			continue
		}
		first[key.Value] = key.Line
		visit(key, value, at)
	}
}

// list decodes a sequence; Patterns may be a single scalar.
func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && v.Type() == reflect.TypeFor[Patterns]() {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.value(n, path, v.Index(0))
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.faults.unreadable(path, "must be a list, not "+kindOf(n), "write [a, b]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, item(path, i), v.Index(i))
	}
}

// scalar decodes a string, a number, or true and false. References to the environment are
// replaced in strings only, after the YAML was read, so that no value of a
// variable can change the document's structure.
func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.faults.unreadable(path, "must be a single value, not "+kindOf(n), "")
		return
	}
	text := n.Value
	if n.Tag == "!!str" {
		expanded, problem, remedy := expand(text, d.env)
		if problem != "" {
			d.faults.unreadable(path, problem, remedy)
			return
		}
		if expanded != text {
			d.faults.noteEnv(path, expanded, text)
		}
		text = expanded
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		if text == "" && v.Type() == reflect.TypeFor[annals.Secret]() {
			d.faults.unreadable(path, "is empty", "set it, or leave the key out")
			return
		}
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			d.faults.unreadable(path, "is neither true nor false", "")
			return
		}
		v.SetBool(text == "true")
	case reflect.Int:
		var i int64
		i, err = strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, strconv.IntSize)
		v.SetInt(i)
		text = strconv.FormatInt(i, 10)
	case reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		text = fmt.Sprint(f)
	default:
		err = fmt.Errorf("no decoder for %s", v.Type())
	}
	if err != nil {
		// The text is left out: it may come from the environment.
		d.faults.unreadable(path, "must be a number", "")
		return
	}
	if of, ok := d.faults.fromEnv[path]; ok {
		d.faults.noteEnv(path, text, of.written) // as a fault prints the number
	}
}

// keysOf maps the YAML keys of a struct to its fields.
func keysOf(t reflect.Type) map[string]int {
	keys := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		keys[name] = i
	}
	return keys
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}
