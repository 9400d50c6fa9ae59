package main

import "fmt"

// triggers writes the section of the report.
func (r report) triggers(p *page) {
	if !r.options.triggers {
		return
	}
	v := r.options.triggered()
	p.text("## Triggers: what recording costs\n")
	p.text("Speed is that of the same change of a table without a trigger, 1 being as fast, median")
	p.text("and quartiles of %d rounds; added µs are of the database's own time on a processor, a row,",
		v.rounds)
	p.text("and added bytes of its log, a row, both over the table without a trigger.\n")
	for _, res := range r.results {
		p.text("### %s: triggers\n", res.engine.title())
		for m := range modes {
			res.triggers.table(p, m)
		}
	}
}

// table writes the variants' figures in one mode.
func (t *triggering) table(p *page, m mode) {
	p.text("%s rows, %s:\n", count(t.volume.of(m)), m)
	head := []string{"trigger"}
	for ch := range changes {
		head = append(head, ch.String()+" speed", "added µs", "added B")
	}
	p.head(head...)
	for i, v := range t.variants {
		cells := []string{v.title}
		for ch := range changes {
			cells = append(cells, t.figures(cell{m, ch}, i)...)
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
			rate(1, spreadOf(each(all, func(c cost) float64 { return c.took })).median/1e9) + " rows/s",
			three(spreadOf(each(all, cpuOf)).median / 1000),
			bytesOf(spreadOf(each(all, logOf)).low),
		}
	}
	s, cpu := t.speed(at, i), spreadOf(t.added(at, i, cpuOf))
	return []string{
		fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.low, s.high),
		fmt.Sprintf("%s (%s–%s)", micros(cpu.median), micros(cpu.low), micros(cpu.high)),
		bytesOf(t.logged(at, i)),
	}
}

// logged is the least that was added to the log: the log is the whole server's.
func (t *triggering) logged(at cell, i int) float64 {
	of := func(i int) float64 { return quantileOf(each(t.costs[at][i], logOf), 0) }
	return of(i) - of(0)
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
