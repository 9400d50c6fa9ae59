package main

import (
	"fmt"
	"strings"
)

// largeTarget is what the design wants of the large case.
const largeTarget = 2.0

// reading says what the figures mean, held against the design's targets.
func (r report) reading(p *page) {
	p.text("## In short\n")
	if len(r.options.operations) > 0 {
		r.writingSummary(p)
	}
	r.readingSummary(p)
	r.triggerSummary(p)
	p.text("- The servers that `make bench` starts wait for no disk at a commit (see the settings")
	p.text("  below), so an unaudited one costs next to nothing. Where commits wait, the ratios of")
	p.text("  small transactions are lower; those of large ones, which the processor decides, are")
	p.text("  not.\n")
}

// writingSummary is about writing through GORM.
func (r report) writingSummary(p *page) {
	p.text("Time audited / unaudited:\n")
	sizes := r.sizes()
	head := []string{""}
	for _, n := range sizes {
		head = append(head, map[bool]string{true: "1 row", false: count(n) + " rows"}[n == 1])
	}
	p.head(head...)
	for _, res := range r.results {
		for _, op := range r.options.operations {
			cells := []string{res.engine.title() + " " + string(op)}
			for _, m := range res.writes {
				if m.op == op {
					cells = append(cells, fmt.Sprintf("%.1f", m.ratio().median))
				}
			}
			p.row(cells...)
		}
	}
	p.text("")
	r.verdict(p)
	p.text("- An unaudited update or delete by condition moves no row to the program. Audited, each")
	p.text("  row is read, locked and compared, and an entry of its own is stored with its indexes:")
	p.text("  set work becomes row work. There the time added per row says more than the ratio.")
	if err := r.exceeded(); err != nil {
		p.text("- Statements and round trips: **over the limit**: %s.",
			strings.ReplaceAll(err.Error(), "\n", "; "))
	} else {
		p.text("- Statements and round trips: all within their limits. PostgreSQL's are the design's;")
		p.text("  MariaDB and SQLite take some more per transaction, told with the tables.")
	}
}

// sizes are the numbers of rows, in order.
func (r report) sizes() []int {
	var sizes []int
	for _, w := range works(r.options) {
		if w.op == r.options.operations[0] {
			sizes = append(sizes, w.rows)
		}
	}
	return sizes
}

// verdict says which of the large works miss the target.
func (r report) verdict(p *page) {
	var within, over []string
	for _, res := range r.results {
		for _, m := range res.writes {
			name := res.engine.title() + " " + string(m.op)
			switch {
			case m.rows != r.options.rows:
			case m.ratio().median <= largeTarget:
				within = append(within, name)
			default:
				over = append(over, name)
			}
		}
	}
	p.text("- Target: %s rows in batches of %s take at most %.1f times as long as unaudited.",
		count(r.options.rows), count(batchSize), largeTarget)
	p.text("  Reached: %s. Missed: %s.", orNone(within), orNone(over))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (r report) readingSummary(p *page) {
	if r.options.entries == 0 {
		return
	}
	var over []string
	for _, res := range r.results {
		for _, m := range res.reads {
			if m.target > 0 && m.p95 > m.target {
				over = append(over, fmt.Sprintf("%s: %s (%s ms)", res.engine.title(), m.name,
					millis(m.p95.Seconds())))
			}
		}
	}
	p.text("- Reading among %s entries of %d entities (the design says 10 million entries).",
		count(r.options.entries), manyEntities)
	p.text("  Questions whose p95 is over the design's: %s.", orNone(over))
}

// method tells how the figures came about.
func (r report) method(p *page) {
	p.text("## Method\n")
	p.text("- Run: %s, `-rounds %d -rows %d -entries %d`, load average before: %s.",
		r.began.UTC().Format("2006-01-02 15:04 MST"), r.options.rounds, r.options.rows,
		r.options.entries, r.load)
	for _, line := range machine() {
		p.text("- %s", line)
	}
	for _, res := range r.results {
		p.text("- %s %s: `%s`", res.engine.title(), res.version,
			strings.Join(res.settings, "`, `"))
	}
	p.text("- One process and one client at a time; servers on the same machine.")
	r.triggerMethod(p)
	p.text("- The table has 12 columns (bigint key, three varchars, a text of 100 characters, two")
	p.text("  ints, a decimal, a boolean, JSON, two timestamps) and a secondary index; an update")
	p.text("  changes three columns. Every column is audited, and the actor is set.")
	p.text("- Each configuration has two new databases, one with the plugin and one without; rows and")
	p.text("  table are the same. A slice is %d operations of 1 row, %d of 100, or one of %s; the two",
		r.options.ops[0], r.options.ops[1], count(r.options.rows))
	p.text("  sides' slices follow one another in an order that is shuffled each round, and the first")
	p.text("  round is dropped. Garbage is collected before a slice. Deleted rows are brought back,")
	p.text("  and PostgreSQL's tables vacuumed, between slices, untimed.")
	p.text("- %s rows are created by CreateInBatches; updates and deletes are statements by condition",
		count(r.options.rows))
	p.text("  over %s rows each, in one transaction.", count(batchSize))
	p.text("- Statements are counted between database/sql and the driver, round trips on the socket:")
	p.text("  a write that follows a read. Each count is taken three times and has to be the same.")
	p.text("- The entries to read among are copied into their tables, which get their indexes")
	p.text("  afterwards, and read through the reader of an auditor that audits `\"*\"`. Those to remove")
	p.text("  are written through the store as a relay writes them.")
}
