package main

import (
	"errors"
	"fmt"
)

// triggers writes the section of the report.
func (r report) triggers(p *page) {
	if !r.options.triggers {
		return
	}
	v := r.options.triggered()
	p.text("## Triggers: what recording costs\n")
	p.text("Annals' triggers beside triggers made by hand that do a part of it: none, one that does")
	p.text("nothing, one that inserts one number for the revision, one for the receipt and one for each")
	p.text("image, and one that copies the images in one statement, with or without the indexes of a")
	p.text("mirror. *Speed* is that of the same change without a trigger, 1 being as fast, median and")
	p.text("quartiles of %d rounds. *Added µs* are the database's time on a processor, *added B* the", v.rounds)
	p.text("bytes of its log, of a row and over those without a trigger. The line without a trigger is")
	p.text("absolute.\n")
	for _, res := range r.results {
		p.text("### %s: triggers\n", res.engine.title())
		res.triggers.targets(p, res.engine)
		for m := range modes {
			res.triggers.table(p, m)
		}
	}
	r.sessions(p)
	r.bindings(p)
	r.baselines(p)
}

// table writes the variants' figures in one mode.
func (t *triggering) table(p *page, m mode) {
	rows := count(t.volume.of(m)) + " rows"
	if n := t.volume.parts(m); n > 1 {
		rows = count(n) + " times " + rows
	}
	p.text("%s, %s:\n", rows, m)
	head := []string{"trigger"}
	for c := range changes {
		head = append(head, c.String()+" speed", "added µs", "added B")
	}
	p.head(head...)
	for i, v := range t.variants {
		cells := []string{v.title}
		for c := range changes {
			cells = append(cells, t.figures(cell{m, c}, i)...)
		}
		p.row(cells...)
	}
	p.text("")
}

// figures are a variant's three; of the table without a trigger they are absolute.
func (t *triggering) figures(at cell, i int) []string {
	if i == 0 {
		all := t.costs[at][0]
		return []string{
			rate(1, spreadOf(each(all, tookOf)).median/1e9) + " rows/s",
			three(spreadOf(each(all, cpuOf)).median / 1000), bytesOf(quantileOf(each(all, logOf), 0)),
		}
	}
	s, cpu := t.speed(at, i), spreadOf(t.added(at, i, cpuOf))
	return []string{
		fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.low, s.high),
		fmt.Sprintf("%s (%s–%s)", micros(cpu.median), micros(cpu.low), micros(cpu.high)),
		bytesOf(t.logged(at, i)),
	}
}

// logged is what was added to the log, by the least of each: the log is the whole
// server's.
func (t *triggering) logged(at cell, i int) float64 {
	least := func(i int) float64 { return quantileOf(each(t.costs[at][i], logOf), 0) }
	return least(i) - least(0)
}

// sessions writes what is asked of annals' triggers alone.
func (r report) sessions(p *page) {
	p.text("### What was there before\n")
	p.text("%s rows by one statement with %s revisions stored, over the same with next to none: time on",
		count(r.options.triggered().rows), count(r.options.triggered().revisions))
	p.text("a processor, within each round. The design allows %.1f.\n", storedTarget)
	p.head("database", "rows", "insert", "update", "delete")
	for _, res := range r.results {
		for _, m := range []mode{bulk, console} {
			cells := []string{res.engine.title(), m.String()}
			for c := range changes {
				s := spreadOf(res.triggers.stored[cell{m, c}])
				cells = append(cells, verdict(s, storedTarget))
			}
			p.row(cells...)
		}
	}
	p.text("")
	for _, res := range r.results {
		res.triggers.session(p, res.engine)
	}
}

func (t *triggering) session(p *page, e engine) {
	if s := t.cliff.ratio(); t.cliff.rows > 0 {
		p.text("%s: a statement that changes %s rows takes %s times as long in a session that has changed",
			e.title(), count(t.cliff.rows), verdict(s, cliffTarget))
		p.text("single rows before, %d times, as in a fresh one.\n", oneRows)
	}
	if t.waits.statements > 0 {
		p.text("%s: two sessions wrote to rows of their own, beside each other's open transactions and",
			e.title())
		p.text("as fast as they could: %s statements, of which %d waited for a lock.\n",
			count(t.waits.statements), t.waits.refused+t.waits.seen)
	}
	if t.storm.updates > 0 {
		p.text("%s: %s updates by %d sessions while the table was altered %d times: %d failed, %d were",
			e.title(), count(t.storm.updates), stormSessions, t.storm.alters, t.storm.failed, t.storm.unrecorded)
		p.text("not recorded.\n")
	}
}

// bindings are the round trips that an actor costs.
func (r report) bindings(p *page) {
	p.text("### Who acts: round trips\n")
	p.text("Through the connector of package `capture/conn` with an actor, and by the driver alone. On")
	p.text("PostgreSQL a transaction's actor travels with its BEGIN: `make bench` fails where it adds a")
	p.text("round trip.\n")
	p.head("database", "form", "driver", "connector", "added")
	for _, res := range r.results {
		for _, row := range res.triggers.trips {
			p.row(res.engine.title(), row.form, count(row.plain), count(row.through),
				count(row.through-row.plain))
		}
	}
	p.text("")
}

// baselines are the speed of epoch import.
func (r report) baselines(p *page) {
	p.text("### Baselines: `annals epoch import`\n")
	p.text("Batches of 1,000 rows, each a transaction, over one INSERT … SELECT of the same rows into a")
	p.text("copy: speed, within each round. The design wants %.1f. *Once* is what a run takes besides its", epochTarget)
	p.text("batches: to read the catalogue, to take locks and to look at the triggers.\n")
	p.head("database", "rows", "rows/s", "once, ms", "over a bare copy", "over an indexed one")
	for _, res := range r.results {
		e := res.triggers.epochs
		p.row(res.engine.title(), count(e.rows), rate(e.rows, spreadOf(e.ours).median),
			millis(spreadOf(e.whole).median-spreadOf(e.ours).median),
			atLeast(e.speed(e.bare), epochTarget), atLeast(e.speed(e.indexed), epochTarget))
	}
	p.text("")
}

// atLeast is a ratio with its quartiles, in bold where it is under.
func atLeast(s spread, least float64) string {
	text := fmt.Sprintf("%.2f", s.median)
	if s.median < least {
		text = "**" + text + "**"
	}
	return fmt.Sprintf("%s (%.2f–%.2f)", text, s.low, s.high)
}

// exceeded are counts of triggers that are not what they have to be.
func (t *triggering) exceeded(e engine) error {
	var faults []error
	if n := t.waits.refused + t.waits.seen; n > 0 {
		faults = append(faults, fmt.Errorf("%s: of two writers on different rows %d statements waited "+
			"for a lock", e.kind(), n))
	}
	for _, row := range t.trips {
		if n := row.through - row.plain; row.free && n > 0 {
			faults = append(faults, fmt.Errorf("%s: %s: an actor adds %d round trips", e.kind(), row.form, n))
		}
	}
	if t.storm.failed > 0 || t.storm.unrecorded != 0 {
		faults = append(faults, fmt.Errorf("%s: while the table was altered %d updates failed and %d "+
			"were not recorded: %v", e.kind(), t.storm.failed, t.storm.unrecorded, t.storm.cause))
	}
	return errors.Join(faults...)
}

func each(all []cost, figure func(cost) float64) []float64 {
	out := make([]float64, len(all))
	for i, c := range all {
		out[i] = figure(c)
	}
	return out
}

func micros(nanoseconds float64) string {
	if nanoseconds < 0 {
		return "-" + three(-nanoseconds/1000)
	}
	return three(nanoseconds / 1000)
}

func bytesOf(n float64) string { return count(int(n + 0.5)) }
