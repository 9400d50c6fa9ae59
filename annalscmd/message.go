package annalscmd

import (
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

// message is an error as people read it: several lines are indented below the
// first. An error's own line breaks are kept; control characters that it brought
// along from outside are shown, not obeyed.
func message(err error) string {
	t := tell(err)
	lines := t.lines
	if t.faults > 1 {
		lines = append([]string{fmt.Sprintf("%s%d faults", t.head, t.faults)}, lines...)
	} else {
		lines[0] = t.head + lines[0]
	}
	return "annals: " + strings.Join(lines, "\n  ")
}

// telling is an error in lines that a terminal can show, at least one: what stands
// before them, and how many of them are faults of a configuration.
type telling struct {
	head   string
	lines  []string
	faults int
}

// tell takes an error apart where it holds several lines.
func tell(err error) telling {
	var causes []error
	switch e := err.(type) { //nolint:errorlint // each link of the chain is looked at
	case *annals.ConfigError:
		t := telling{faults: len(e.Faults)}
		for _, f := range e.Faults {
			t.lines = append(t.lines, term.Safe(f.String()))
		}
		if t.faults > 0 {
			return t
		}
	case interface{ Unwrap() []error }:
		causes = e.Unwrap()
		if joined(err, causes) {
			return together(causes)
		}
	case interface{ Unwrap() error }:
		causes = []error{e.Unwrap()}
	}
	for _, cause := range causes {
		if cause == nil {
			continue
		}
		t := tell(cause)
		before, after, ok := strings.Cut(err.Error(), cause.Error())
		switch {
		case !ok:
		case len(t.lines) == 1 && t.faults == 1:
			return telling{lines: []string{term.Safe(err.Error())}, faults: 1}
		case len(t.lines) > 1:
			return t.between(before, after)
		}
	}
	return telling{lines: ownLines(err.Error())}
}

// joined reports whether an error is nothing but several others.
func joined(err error, causes []error) bool {
	texts := make([]string, len(causes))
	for i, cause := range causes {
		texts[i] = cause.Error()
	}
	return strings.Join(texts, "\n") == err.Error()
}

// together tells errors one below the other.
func together(causes []error) telling {
	var all telling
	whole := true
	for _, cause := range causes {
		t := tell(cause)
		for _, line := range t.lines {
			all.lines = append(all.lines, t.head+line)
		}
		all.faults += t.faults
		whole = whole && t.faults > 0
	}
	if !whole {
		all.faults = 0
	}
	return all
}

// between puts an error's lines where they stood in another's text.
func (t telling) between(before, after string) telling {
	t.head = term.Safe(strings.ReplaceAll(before, "\n", " ")) + t.head
	if after = strings.TrimLeft(after, ";: \n"); after != "" {
		t.lines = append(t.lines, ownLines(after)...)
	}
	return t
}

// ownLines cuts a text at its line breaks, without indentation and empty lines.
func ownLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, term.Safe(line))
		}
	}
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}
