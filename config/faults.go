package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
)

// faults collects what is wrong, in order, at most one thing for each path and
// problem.
type faults struct {
	list []annals.Fault
	// broken are paths whose value could not be read: what follows from that is
	// not reported again.
	broken map[string]bool
	// lines tell where in the file a path stands.
	lines map[string]int
}

func (f *faults) add(path, problem, remedy string) {
	if f.hidden(path) {
		return
	}
	if line := f.lines[path]; line > 0 {
		problem = fmt.Sprintf("%s (line %d)", problem, line)
	}
	fault := annals.Fault{Path: path, Problem: problem, Remedy: remedy}
	if !slices.Contains(f.list, fault) {
		f.list = append(f.list, fault)
	}
}

// unreadable reports a value that stays unknown.
func (f *faults) unreadable(path, problem, remedy string) {
	f.add(path, problem, remedy)
	if f.broken == nil {
		f.broken = map[string]bool{}
	}
	f.broken[path] = true
}

// hidden reports whether path or what contains it could not be read.
func (f *faults) hidden(path string) bool {
	for broken := range f.broken {
		rest, ok := strings.CutPrefix(path, broken)
		if ok && (rest == "" || broken == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// err returns a *annals.ConfigError, or nil where nothing is wrong.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &annals.ConfigError{Faults: f.list}
}
