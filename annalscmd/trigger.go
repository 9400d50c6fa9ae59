package annalscmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/journal"
)

func newTriggerCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "trigger",
		Short: "Install or remove the triggers that record changes",
	})
	cmd.AddCommand(
		newTriggerVerb(a, triggerVerb{
			name: "create", short: "Install the triggers of the audited tables",
			long: "Prints a script for psql, mysql or sqlite3 that installs the triggers of every source\n" +
				"with capture: trigger and records from which change on they hold; with --force it is\n" +
				"executed, with both flags printed and executed. Run again it changes nothing. The\n" +
				"account has to own the tables. annals schema update makes the tables that they fill.",
			script: (*journal.Journal).CreateScript, execute: (*journal.Journal).Create,
			done: "installed",
		}),
		newTriggerVerb(a, triggerVerb{
			name: "drop", short: "Remove the triggers of annals",
			long: "Prints a script for psql, mysql or sqlite3 that removes the triggers of annals, also\n" +
				"those of entities that are no longer configured; with --force it is executed, with\n" +
				"both flags printed and executed. What they recorded stays. From then on changes of the\n" +
				"tables are not recorded.",
			script: (*journal.Journal).DropScript, execute: (*journal.Journal).Drop,
			done: "removed", lost: true,
		}),
	)
	return cmd
}

// triggerVerb is what tells create from drop.
type triggerVerb struct {
	name, short, long string
	script            func(*journal.Journal, context.Context, ...string) (journal.Script, error)
	execute           func(*journal.Journal, context.Context, func(journal.Statement), ...string) error
	done              string
	// lost: entities that are no longer configured have a name, too.
	lost bool
}

type triggerFlags struct {
	entities    []string
	dump, force bool
}

func newTriggerVerb(a *app, v triggerVerb) *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   v.name + " [--entity E]... [--dump-sql] [--force]",
		Short: v.short,
		Long:  v.long,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runTrigger(cmd.Context(), v, f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.entities, "entity", "e", nil, "only this `entity`; can be repeated")
	flags.BoolVar(&f.dump, "dump-sql", false, "print the script; so does no flag at all")
	flags.BoolVar(&f.force, "force", false, "execute it")
	return cmd
}

func (a *app) runTrigger(ctx context.Context, v triggerVerb, f triggerFlags) error {
	f.dump = f.dump || !f.force
	if a.json && !f.dump {
		return usage("--json goes with --dump-sql")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := a.built(c); err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // nothing is left to lose
	journals, err := a.journals(ctx, aud, c)
	if err != nil {
		return err
	}
	chosen, err := namesOf(ctx, journals, f.entities, v.lost)
	if err != nil {
		return err
	}
	for i, j := range journals {
		if len(f.entities) > 0 && len(chosen[i]) == 0 {
			continue
		}
		if f.dump {
			if err := a.dumpTriggers(ctx, c, v, j, chosen[i]); err != nil {
				return err
			}
		}
		if f.force {
			if err := a.executeTriggers(ctx, v, j, chosen[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// journals are those of the sources with triggers that --source and --storage leave.
func (a *app) journals(
	ctx context.Context, aud *auditor.Auditor, c *config.Config,
) ([]*journal.Journal, error) {
	all, err := aud.Journals(ctx)
	if err != nil {
		return nil, err
	}
	journals := slices.DeleteFunc(slices.Clone(all), func(j *journal.Journal) bool {
		return a.source != "" && a.source != j.Source() ||
			a.storage != "" && a.storage != j.Storage()
	})
	if len(journals) > 0 {
		return journals, nil
	}
	names := keys(c.Sources)
	if a.source != "" {
		names = []string{a.source}
	}
	return nil, &annals.Error{
		Op: "find", Subject: "triggers", Err: fmt.Errorf("no source has any: %w", annals.ErrConfig),
		Remedy: "write capture: " + config.CaptureTrigger + " under sources." + strings.Join(names, ", sources."),
	}
}

// namesOf finds which of the named entities each journal has. One that none has is an
// error.
func namesOf(
	ctx context.Context, journals []*journal.Journal, names []string, lost bool,
) ([][]string, error) {
	chosen := make([][]string, len(journals))
	if len(names) == 0 {
		return chosen, nil
	}
	var known []string
	for i, j := range journals {
		targets, err := j.Targets(ctx)
		if err != nil {
			return nil, err
		}
		var own []string
		for k := range targets {
			own = append(own, targets[k].Name)
		}
		if lost {
			installed, err := j.Installed(ctx)
			if err != nil {
				return nil, err
			}
			for k := range installed {
				own = append(own, installed[k].Target)
			}
		}
		for _, name := range names {
			if slices.Contains(own, name) && !slices.Contains(chosen[i], name) {
				chosen[i] = append(chosen[i], name)
			}
		}
		known = append(known, own...)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &annals.Error{
				Op: "find", Subject: fmt.Sprintf("entity %q", name), Err: annals.ErrUnknownEntity,
				Remedy: didYouMean(name, known),
			}
		}
	}
	return chosen, nil
}

func (a *app) dumpTriggers(
	ctx context.Context, c *config.Config, v triggerVerb, j *journal.Journal, names []string,
) error {
	script, err := v.script(j, ctx, names...)
	if err != nil {
		return err
	}
	if a.json {
		for _, s := range script {
			err := a.printJSON(struct {
				Source   string `json:"source"`
				Comment  string `json:"comment"`
				SQL      string `json:"sql"`
				Compound bool   `json:"compound"`
			}{j.Source(), s.Comment, s.SQL, s.Compound})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if len(script) == 0 {
		a.say("%s: nothing to do", j.Source())
		return nil
	}
	return a.print(fmt.Sprintf("-- source %s: %s\n%s", safeLine(j.Source()),
		safeLine(config.RedactDSN(c.Sources[j.Source()].DSN)), script))
}

func (a *app) executeTriggers(
	ctx context.Context, v triggerVerb, j *journal.Journal, names []string,
) error {
	before, err := j.Installed(ctx)
	if err != nil {
		return err
	}
	err = v.execute(j, ctx, func(s journal.Statement) {
		switch {
		case a.verbose >= 3:
			a.sayLines(s.SQL)
		case a.verbose >= 1 && s.Comment != "":
			a.say("%s: %s", j.Source(), s.Comment)
		}
	}, names...)
	if err != nil {
		return err
	}
	after, err := j.Installed(ctx)
	if err != nil {
		return err
	}
	return a.tellTriggers(ctx, v, j, names, changed{before, after})
}

// changed are the triggers before and after.
type changed struct{ before, after []journal.Installed }

// tellTriggers prints a line for each table.
func (a *app) tellTriggers(
	ctx context.Context, v triggerVerb, j *journal.Journal, names []string, c changed,
) error {
	list := c.after
	if v.lost {
		list = c.before
	}
	said := map[string]bool{}
	for _, i := range list {
		if len(names) > 0 && !slices.Contains(names, i.Target) {
			continue
		}
		line := fmt.Sprintf("%s: %s", i.Target, i.Table)
		if said[line] {
			continue
		}
		said[line] = true
		n := 0
		for _, other := range list {
			if other.Target == i.Target && other.Table == i.Table {
				n++
			}
		}
		a.say("%s: %s %s", line, count(n, "trigger", "triggers"), v.done)
	}
	if len(said) == 0 {
		a.say("%s: nothing to do", j.Source())
	}
	return ctx.Err()
}
