package main

import "fmt"

// triggerSummary says what of the design's was reached.
func (r report) triggerSummary(p *page) {
	if !r.options.triggers {
		return
	}
	var reached, missed []string
	for _, res := range r.results {
		for _, o := range res.triggers.outcomes(res.engine) {
			if o.reached {
				reached = append(reached, o.text)
			} else {
				missed = append(missed, o.text)
			}
		}
	}
	p.text("- Triggers: added time on a processor at most 2.0 times that of bare triggers made by hand,")
	p.text("  at most %.1f times as much with %s revisions stored, sessions of any past, baselines at",
		storedTarget, count(r.options.triggered().revisions))
	p.text("  least %.1f times as fast as copying. Reached: %s.", epochTarget, orNone(reached))
	p.text("  Missed: %s.", orNone(missed))
	p.text("- Two writers on different rows never wait for each other on annals' tables, and an actor")
	p.text("  adds no round trip to a transaction on PostgreSQL: both are counted, and asserted.")
}

// outcome is one of the design's targets and whether it was reached.
type outcome struct {
	text    string
	reached bool
}

// outcomes are those of one database: of the changes of a target the worst counts.
func (t *triggering) outcomes(e engine) []outcome {
	var out []outcome
	for _, g := range targets(e) {
		worst := t.worst(func(c change) spread {
			return t.against(cell{g.mode, c}, g.ours, g.floor)
		})
		out = append(out, outcome{
			fmt.Sprintf("%s, %s, %s over %s (%.1f)", e.title(), g.mode, g.ours, g.floor, worst),
			worst <= g.most,
		})
	}
	for _, m := range []mode{bulk, console} {
		worst := t.worst(func(c change) spread { return spreadOf(t.stored[cell{m, c}]) })
		out = append(out, outcome{
			fmt.Sprintf("%s, %s, revisions stored (%.2f)", e.title(), m, worst), worst <= storedTarget,
		})
	}
	if t.cliff.rows > 0 {
		s := t.cliff.ratio().median
		out = append(out, outcome{
			fmt.Sprintf("%s, a session's past (%.2f)", e.title(), s), s <= cliffTarget,
		})
	}
	s := t.epochs.speed(t.epochs.indexed).median
	return append(out, outcome{fmt.Sprintf("%s, baselines (%.2f)", e.title(), s), s >= epochTarget})
}

// worst is the largest median of the three changes.
func (t *triggering) worst(of func(change) spread) float64 {
	var most float64
	for c := range changes {
		most = max(most, of(c).median)
	}
	return most
}

// triggerMethod tells how the figures of triggers came about.
func (r report) triggerMethod(p *page) {
	if !r.options.triggers {
		return
	}
	v := r.options.triggered()
	p.text("- Triggers: each variant has a database of its own with %s rows, and one session. In every",
		count(v.rows))
	p.text("  round each inserts rows, updates and deletes them; single rows in %d slices of %d (of %d in",
		v.slices, v.statements, v.together)
	p.text("  transactions), %s by one statement. All variants take each slice in an order that is", count(v.rows))
	p.text("  shuffled. Whatever else runs only adds to the time on a processor, so that of single rows'")
	p.text("  slices the %d %% quantile is a round's figure; of rounds the median and the quartiles are",
		int(better*100))
	p.text("  told. Time on a processor is that of the session's process (PostgreSQL), of its thread")
	p.text("  (MariaDB) or of this process (SQLite); bytes of the log are the least of all rounds, since")
	p.text("  the log is the whole server's. Copies are emptied between rounds; every image is counted.")
}
