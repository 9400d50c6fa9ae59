package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// report collects the results of one database.
type report struct {
	kind, version string
	rows          int
	sets          []string
	results       []result
	many          map[string][2]time.Duration
}

func newReport(kind, version string, rows int) *report {
	return &report{kind: kind, version: version, rows: rows}
}

func (r *report) add(set string, res result) {
	r.sets = append(r.sets, set)
	r.results = append(r.results, res)
}

// print writes Markdown: a column for each set, times as p50 / p95 in
// milliseconds.
func (r *report) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s, %d entries\n\n", r.kind, r.version, r.rows)
	fmt.Fprintf(&b, "| | %s |\n|---|%s\n", strings.Join(r.sets, " | "), strings.Repeat("---|", len(r.sets)))
	r.row(&b, "secondary indexes, bytes per entry", func(x result) string {
		return fmt.Sprintf("%.0f", float64(x.bytes)/(float64(x.entries)*4/5))
	})
	r.row(&b, "write, µs per entry", func(x result) string {
		return fmt.Sprintf("%.1f", float64(x.insert.Nanoseconds())/1000)
	})
	for _, q := range questions() {
		r.row(&b, q.name, func(x result) string { return millis(x.times[q.name]) })
	}
	if len(r.many) > 0 {
		b.WriteString("\nAcross many entities:\n\n| | lean |\n|---|---|\n")
		for _, q := range questions() {
			if t, ok := r.many[q.name]; ok {
				fmt.Fprintf(&b, "| %s | %s |\n", q.name, millis(t))
			}
		}
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) row(b *strings.Builder, name string, cell func(result) string) {
	fmt.Fprintf(b, "| %s |", name)
	for _, x := range r.results {
		fmt.Fprintf(b, " %s |", cell(x))
	}
	b.WriteString("\n")
}

func millis(t [2]time.Duration) string {
	return fmt.Sprintf("%s / %s", figure(t[0]), figure(t[1]))
}

func figure(d time.Duration) string {
	ms := float64(d.Nanoseconds()) / 1e6
	if ms >= 10 {
		return fmt.Sprintf("%.0f", ms)
	}
	return fmt.Sprintf("%.2g", ms)
}
