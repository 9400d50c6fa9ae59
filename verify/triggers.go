package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
)

// Triggers holds the live triggers of a source against those that its rules and tables
// ask for.
type Triggers struct{ Journal *journal.Journal }

var _ Check = Triggers{}

// Name implements Check.
func (c Triggers) Name() string { return "triggers of source " + c.Journal.Source() }

// Run implements Check.
func (c Triggers) Run(ctx context.Context) ([]Finding, error) {
	wanted, err := c.Journal.Wanted(ctx)
	if told(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := c.Journal.Installed(ctx)
	if err != nil {
		return nil, err
	}
	g := groups{}
	for i := range wanted {
		w := &wanted[i]
		n := slices.IndexFunc(live, func(l journal.Installed) bool {
			return l.Table == w.Table && l.Name == w.Name
		})
		if n < 0 {
			g.add(KindTriggerMissing, w)
			continue
		}
		switch l := &live[n]; {
		case !l.Enabled:
			g.add(KindTriggerDisabled, w)
		case l.Form != w.Form:
			g.add(kindForm, w)
		case l.Hash != w.Hash || l.Version != w.Version:
			g.add(KindTriggerOutdated, w)
		}
	}
	for i := range live {
		l := &live[i]
		if !slices.ContainsFunc(wanted, func(w journal.Installed) bool {
			return w.Table == l.Table && w.Name == l.Name
		}) {
			g.add(KindTriggerOrphaned, l)
		}
	}
	return c.findings(g), nil
}

// kindForm is KindTriggerOutdated where the table asks for another form of triggers.
const kindForm = "form"

// group is what is to be said of the triggers of one table.
type group struct {
	kind, target string
	table        annals.Table
}

// groups are the operations of each.
type groups map[group][]string

func (g groups) add(kind string, i *journal.Installed) {
	key := group{kind, i.Target, i.Table}
	if op := string(i.Operation); !slices.Contains(g[key], op) {
		g[key] = append(g[key], op)
	}
}

func (c Triggers) findings(g groups) []Finding {
	found := make([]Finding, 0, len(g))
	order := map[string]int{
		string(annals.OpInsert): 1, string(annals.OpUpdate): 2, string(annals.OpDelete): 3,
		string(annals.OpTruncate): 4,
	}
	for key, ops := range g {
		f := Finding{
			Severity: Error, Source: c.Journal.Source(), Entity: key.target, Kind: key.kind,
			Remedy: "annals trigger create --entity " + shellWord(key.target) + " --force",
		}
		slices.SortFunc(ops, func(a, b string) int { return cmp.Compare(order[a], order[b]) })
		list := strings.Join(ops, ", ")
		switch key.kind {
		case KindTriggerMissing:
			f.Detail = fmt.Sprintf("table %s has no trigger for %s: such changes are not recorded",
				key.table, list)
		case KindTriggerDisabled:
			f.Detail = fmt.Sprintf("the triggers of table %s for %s do not fire for every session "+
				"(disabled, or not ALWAYS while session_replication_role is replica)", key.table, list)
		case KindTriggerOutdated:
			f.Detail = fmt.Sprintf("the triggers of table %s for %s are not those of its columns and rules",
				key.table, list)
		case kindForm:
			f.Kind = KindTriggerOutdated
			f.Detail = fmt.Sprintf("the triggers of table %s for %s are of a form that does not see all in order: "+
				"triggers of others, inheritance, a subscription or masked columns came since", key.table, list)
		default:
			f.Severity = Note
			f.Detail = fmt.Sprintf("table %s has triggers for %s that nothing asks for", key.table, list)
			f.Remedy = "annals trigger drop --entity " + shellWord(key.target) + " --force"
			if key.target == "" {
				f.Remedy = "annals trigger drop --force, then annals trigger create --force"
			}
		}
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Entity, b.Entity), strings.Compare(a.Detail, b.Detail))
	})
	return found
}

// shellWord is a name as a shell takes it.
func shellWord(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", r)
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
