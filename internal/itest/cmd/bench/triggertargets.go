package main

import "fmt"

// target is what annals' triggers may cost, measured by a trigger made by hand.
type target struct {
	mode
	ours, floor string
	most        float64
}

// targets are the design's: on PostgreSQL a single row and many, elsewhere a row of
// a bound transaction.
func targets(e engine) []target {
	if e.statementTriggers() {
		return []target{
			{alone, theMirror, bareInserts, 2},
			{bulk, theJournal, bareCopy, 2},
			{bulk, theMirror, indexedCopy, 2},
		}
	}
	return []target{
		{bound, theJournal, bareCopy, 2},
		{bound, theMirror, indexedCopy, 2},
		{bulk, theJournal, bareCopy, 2},
		{bulk, theMirror, indexedCopy, 2},
	}
}

// against is how many times the time on a processor that the floor adds annals adds.
func (t *triggering) against(at cell, ours, floor string) spread {
	a := t.added(at, t.index(ours), cpuOf)
	b := t.added(at, t.index(floor), cpuOf)
	ratios := make([]float64, len(a))
	for round := range a {
		ratios[round] = a[round] / b[round]
	}
	return spreadOf(ratios)
}

// targets writes what was reached of the design's.
func (t *triggering) targets(p *page, e engine) {
	p.text("Annals' added time on a processor over that of the trigger made by hand, within each")
	p.text("round; the design allows 2.0:\n")
	head := []string{"trigger", "over", "rows"}
	for c := range changes {
		head = append(head, c.String())
	}
	p.head(head...)
	for _, g := range targets(e) {
		cells := []string{g.ours, g.floor, g.mode.String()}
		for c := range changes {
			cells = append(cells, verdict(t.against(cell{g.mode, c}, g.ours, g.floor), g.most))
		}
		p.row(cells...)
	}
	p.text("")
}

// verdict is a ratio with its quartiles, in bold where it is over.
func verdict(s spread, most float64) string {
	text := fmt.Sprintf("%.2f", s.median)
	if s.median > most {
		text = "**" + text + "**"
	}
	return fmt.Sprintf("%s (%.2f–%.2f)", text, s.low, s.high)
}
