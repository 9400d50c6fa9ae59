package annalscmd

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
)

// An error's own line breaks stay, those of a fault's values and everything that a
// terminal would obey are escaped.
func TestMessage(t *testing.T) {
	fault := func(paths ...string) error {
		e := &annals.ConfigError{}
		for _, p := range paths {
			e.Faults = append(e.Faults, annals.Fault{Path: p, Problem: "is wrong"})
		}
		return e
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"plain":     {errors.New("broken"), "annals: broken"},
		"no faults": {&annals.ConfigError{}, "annals: "},
		"hostile":   {fmt.Errorf("open: %w", errors.New("a\x1b[2J")), `annals: open: a\x1b[2J`},
		"one fault": {fmt.Errorf("check x: %w", fault("a")), "annals: check x: a: is wrong"},
		"faults": {
			fmt.Errorf("check x: %w", fault("a", "b\nc")),
			"annals: check x: 2 faults\n  a: is wrong\n  b\\nc: is wrong",
		},
		"faults of several": {
			fmt.Errorf("schema: %w", errors.Join(fault("a", "b"), fmt.Errorf("app: %w", fault("c")))),
			"annals: schema: 3 faults\n  a: is wrong\n  b: is wrong\n  app: c: is wrong",
		},
		"nested faults": {
			fmt.Errorf("one: %w", errors.Join(
				fmt.Errorf("two: %w", fault("a", "b")), errors.New("else"))),
			"annals: one: two: a: is wrong\n  two: b: is wrong\n  else",
		},
		"faults and a remedy": {
			&annals.Error{Op: "plan", Subject: "it", Err: fault("a", "b"), Remedy: "mend it"},
			"annals: plan it: 2 faults\n  a: is wrong\n  b: is wrong\n  mend it",
		},
		"lines of a driver": {
			fmt.Errorf("open: %w", errors.New("no way:\n\thost a: refused\n\thost b: refused")),
			"annals: open: no way:\n  host a: refused\n  host b: refused",
		},
		"two causes": {
			fmt.Errorf("open: %w: %w", annals.ErrUnreachable, errors.New("no way:\n\thost a")),
			"annals: open: database unreachable: no way:\n  host a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := message(c.err); got != c.want {
				t.Errorf("message:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}
