package main

import (
	"fmt"
	"strings"
	"time"
)

// report is the document.
type report struct {
	options options
	results []result
	// began and load are when the run began, and how busy the machine was.
	began time.Time
	load  string
}

// page gathers the text of the document.
type page struct{ strings.Builder }

func (p *page) text(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) row(cells ...string) { p.text("| %s |", strings.Join(cells, " | ")) }

// head writes a table's head; the first column is text, the others are figures.
func (p *page) head(cells ...string) {
	p.row(cells...)
	p.text("|---|%s", strings.Repeat("---:|", len(cells)-1))
}

func (r report) markdown() string {
	p := &page{}
	p.text("# Benchmarks\n")
	p.text("`make bench` measures and writes this page; edit internal/itest/cmd/bench, not this.")
	p.text("Times compare within this run only. Counts are exact, and `make bench` fails when one")
	p.text("is over its limit.\n")
	r.reading(p)
	if len(r.options.operations) > 0 {
		r.times(p)
		r.trips(p)
		r.memory(p)
		r.breakdown(p)
	}
	r.history(p)
	r.cleaning(p)
	r.triggers(p)
	r.method(p)
	return p.String()
}

func (r report) times(p *page) {
	p.text("## Writing through GORM: time\n")
	p.text("Median of %d rounds; the ratio is audited / unaudited within each round.\n",
		r.options.rounds)
	for _, res := range r.results {
		p.text("### %s %s\n", res.engine.title(), res.version)
		p.head("operation", "rows", "unaudited, ms", "audited, ms", "ratio", "quartiles",
			"unaudited rows/s", "audited rows/s", "added µs per row")
		for _, m := range res.writes {
			plain, audited := medianOf(m.plain, seconds), medianOf(m.audited, seconds)
			s := m.ratio()
			p.row(string(m.op), count(m.rows), millis(plain), millis(audited),
				fmt.Sprintf("**%.2f**", s.median), fmt.Sprintf("%.2f–%.2f", s.low, s.high),
				rate(m.rows, plain), rate(m.rows, audited),
				three((audited-plain)*1e6/float64(m.rows)))
		}
		p.text("")
	}
}

func (r report) trips(p *page) {
	p.text("## Writing through GORM: statements and round trips\n")
	p.text("Of one operation, `BEGIN` and `COMMIT` included, on a warm connection. *Added* is what")
	p.text("auditing adds; the design allows per captured statement and 1,000 rows one for a create")
	p.text("or a delete and two for an update, and per transaction one for revision and numbers and")
	p.text("one per audit table and 1,000 entries. Statements over that are told below the tables.\n")
	for _, res := range r.results {
		p.text("### %s\n", res.engine.title())
		head := []string{
			"operation", "rows", "unaudited", "audited", "added", "design", "limit here",
		}
		for _, v := range res.engine.variants() {
			if res.engine.wire() {
				head = append(head, strings.TrimSpace("round trips added "+v))
			}
		}
		p.head(head...)
		for _, m := range res.writes {
			l := limitOf(res.engine, m.work)
			cells := []string{
				string(m.op), count(m.rows), count(m.without.counts[""].statements),
				count(m.through.counts[""].statements), count(m.added("").statements),
				count(l.design), count(l.asserted),
			}
			for _, v := range res.engine.variants() {
				if res.engine.wire() {
					cells = append(cells, count(m.added(v).trips))
				}
			}
			p.row(cells...)
		}
		p.text("\n%s\n", res.engine.remark())
	}
}

func (r report) memory(p *page) {
	p.text("## Writing through GORM: memory of the program\n")
	p.text("Allocated per operation, the driver included (SQLite works outside of Go's heap), and")
	p.text("the most live heap ahead of any statement of the operation, over what was live before.\n")
	p.head("operation", "rows", "database", "unaudited kB", "audited kB", "added kB per row",
		"unaudited allocations", "audited allocations", "unaudited peak kB", "audited peak kB")
	bytes := func(s sample) float64 { return s.bytes }
	allocs := func(s sample) float64 { return s.allocs }
	for _, res := range r.results {
		for _, m := range res.writes {
			plain, audited := medianOf(m.plain, bytes), medianOf(m.audited, bytes)
			p.row(string(m.op), count(m.rows), res.engine.title(), kilo(plain), kilo(audited),
				kilo((audited-plain)/float64(m.rows)),
				count(int(medianOf(m.plain, allocs))), count(int(medianOf(m.audited, allocs))),
				kilo(float64(m.without.peak)), kilo(float64(m.through.peak)))
		}
	}
	p.text("")
}

// breakdown tells where the time of the largest operations goes.
func (r report) breakdown(p *page) {
	p.text("## Where the time goes: %s rows\n", count(r.options.rows))
	p.text("One operation on a traced connection, in milliseconds (median of three): waiting for the")
	p.text("database and reading its answers, by what the audited operation's statements are for, and")
	p.text("the rest, which is the program's own: GORM, comparing rows, making entries. The last")
	p.text("column is what the ratio would be if annals' own code took no time at all.\n")
	head := []string{"operation", "database", "unaudited", "audited"}
	for c := range classes {
		head = append(head, c.String())
	}
	p.head(append(head, "the program", "of it unaudited", "ratio", "ratio, database alone")...)
	for _, res := range r.results {
		for _, m := range res.writes {
			if m.rows != r.options.rows {
				continue
			}
			plain, audited := m.without.total.Seconds(), m.through.total.Seconds()
			cells := []string{string(m.op), res.engine.title(), millis(plain), millis(audited)}
			for _, d := range m.through.spent {
				cells = append(cells, millis(d.Seconds()))
			}
			own := m.through.own().Seconds() - m.without.own().Seconds()
			p.row(append(cells, millis(m.through.own().Seconds()),
				millis(m.without.own().Seconds()), fmt.Sprintf("%.1f", audited/plain),
				fmt.Sprintf("%.1f", (audited-own)/plain))...)
		}
	}
	p.text("")
}

// own is the part of an operation that the program spends itself.
func (t trail) own() time.Duration {
	rest := t.total
	for _, d := range t.spent {
		rest -= d
	}
	return rest
}

func (r report) history(p *page) {
	if r.options.entries == 0 {
		return
	}
	p.text("## Reading: pages of %d among %s entries of %d entities\n", pageSize,
		count(r.options.entries), manyEntities)
	p.text("Through the reader, p50 / p95 / longest in milliseconds of %d askings after a warm-up",
		r.options.asks)
	p.text("(of %d or more where they take longer than %d s in all). One entity has a quarter of",
		fewAsks, int(longAsk.Seconds()))
	p.text("all entries, the others have shares as 1, 1/2, 1/3, … of the rest; an object has about ten,")
	p.text("one has 1 %% of all. There are %d actors, one of whom made 20 %% of the revisions, and one",
		manyActors)
	p.text("who made one in %s. A revision has one to %s entries of any entities, %s have %s. Where no",
		count(rareEvery), count(mostPerRevision), count(largeRevisions), count(largeRevision))
	p.text("entity is named, all are asked. The last columns are the entries of an answer and the")
	p.text("statements that it takes, the registry of entities included.\n")
	head := []string{"question", "design's p95"}
	for _, res := range r.results {
		head = append(head, res.engine.title())
	}
	p.head(append(head, "entries", "statements")...)
	for i, q := range questions() {
		target := "–"
		if q.target > 0 {
			target = "< " + millis(q.target.Seconds())
		}
		cells := []string{q.name, target}
		for _, res := range r.results {
			m := res.reads[i]
			cells = append(cells, millis(m.p50.Seconds())+" / "+millis(m.p95.Seconds())+" / "+
				millis(m.longest.Seconds()))
		}
		first := r.results[0].reads[i]
		p.row(append(cells, fmt.Sprintf("%.0f", first.entries), count(first.statements))...)
	}
	p.text("")
}

// count writes a number with its thousands apart.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func millis(seconds float64) string { return three(seconds * 1000) }

func kilo(bytes float64) string { return three(max(0, bytes) / 1000) }

// three writes about three digits.
func three(v float64) string {
	switch {
	case v >= 100:
		return count(int(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func rate(n int, seconds float64) string { return count(int(float64(n) / seconds)) }
