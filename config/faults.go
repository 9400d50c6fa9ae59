package config

import (
	"fmt"
	"slices"
	"strconv"
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
	// fromEnv are the values that hold something of the environment, by path.
	fromEnv map[string]envValue
}

// envValue is a value as the problem of a fault may show it, and as it is written
// in the file, with the names of the variables.
type envValue struct{ shown, written string }

// noteEnv remembers that the value at path came from the environment.
func (f *faults) noteEnv(path, shown, written string) {
	if f.fromEnv == nil {
		f.fromEnv = map[string]envValue{}
	}
	f.fromEnv[path] = envValue{shown, written}
}

// named replaces in a problem at path what came from the environment, perhaps by
// mistake for a secret, by what the file says.
func (f *faults) named(path, text string) string {
	if own, ok := f.fromEnv[path]; ok {
		if rest, begins := strings.CutPrefix(text, own.shown+" "); begins {
			text = own.written + " " + rest
		}
	}
	for _, at := range sortedKeys(f.fromEnv) {
		v := f.fromEnv[at]
		if v.shown == "" {
			continue
		}
		text = strings.ReplaceAll(text, strconv.Quote(v.shown), strconv.Quote(v.written))
	}
	return text
}

func (f *faults) add(path, problem, remedy string) {
	if f.hidden(path) {
		return
	}
	problem = f.named(path, problem)
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
