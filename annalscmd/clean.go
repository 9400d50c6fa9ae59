package annalscmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/retention"
)

type cleanFlags struct {
	date                   string
	include, exclude       []string
	dryRun, dump, noPrompt bool
}

func newCleanCommand(a *app) *cobra.Command {
	var f cleanFlags
	cmd := &cobra.Command{
		Use:   "clean [KEEP]",
		Short: "Remove entries that are older than they have to be kept",
		Long: "Removes the entries that are strictly older than a cut-off, then the revisions that\n" +
			"no entry names any more. KEEP is a duration before now (P12M, PT1H, 1h, 3600); without\n" +
			"it and --date, retention.keep of the configuration decides. Works in short\n" +
			"transactions and can be stopped at any time: run it again to go on.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("clean takes one duration, got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runClean(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.date, "date", "d", "",
		"keep what is from this `time` on: 2006-01-02 in the configured zone, or RFC 3339")
	flags.StringArrayVarP(&f.include, "include", "i", nil,
		"only this `entity`; * stands for any characters; can be repeated")
	flags.StringArrayVarP(&f.exclude, "exclude", "x", nil,
		"not this `entity`; * stands for any characters; can be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "count, and change nothing")
	flags.BoolVar(&f.dump, "dump-sql", false,
		"print the SQL that does the same; changes nothing without --no-confirm")
	flags.BoolVar(&f.noPrompt, "no-confirm", false, "do not ask")
	return cmd
}

const cleanCaution = `CAUTION: this removes entries for good.
Nothing was done, for there is nobody to ask. Look at it first, then execute it:
  annals clean --dry-run       counts what would be removed
  annals clean --no-confirm    removes it`

// clean is one run of the command.
type clean struct {
	app     *app
	flags   cleanFlags
	options retention.Options
	targets []retention.Target
	// several storages: their names matter.
	several bool
}

func (a *app) runClean(ctx context.Context, f cleanFlags, args []string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	before, err := a.cutOff(f, args, c)
	if err != nil {
		return err
	}
	if !f.dryRun && !f.dump && !f.noPrompt && !a.asks() {
		return &ExitError{Code: ExitUsage, Err: errors.New(cleanCaution)}
	}
	if err := a.cleanable(c); err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // nothing is left to lose
	run := &clean{app: a, flags: f, options: retention.Options{
		Before: before, Actor: operator(a), Now: a.opts.Now,
	}}
	run.options.Progress = run.progress
	if err := run.choose(ctx, aud, c); err != nil {
		return err
	}
	return run.run(ctx, before.In(zone(c)))
}

// cutOff is the argument, or --date, or what the configuration says.
func (a *app) cutOff(f cleanFlags, args []string, c *config.Config) (time.Time, error) {
	now := a.opts.Now()
	switch {
	case f.date != "" && len(args) > 0:
		return time.Time{}, usage("a duration and --date exclude each other")
	case f.date == "" && len(args) > 0:
		return retention.CutOff(args[0], now.In(zone(c)))
	case f.date == "":
		return retention.CutOff(c.Retention.Keep, now.In(zone(c)))
	}
	at, err := parseDate(f.date, zone(c))
	if err != nil {
		return at, err
	}
	if at.After(now) {
		return at, usage("--date %s lies in the future, so that nothing would be kept", f.date)
	}
	return at, nil
}

func parseDate(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, form := range timeForms() {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--date %q: write 2006-01-02 or 2006-01-02T15:04:05Z", text)
}

// cleanable refuses a storage that is a file, and tells of others that are.
func (a *app) cleanable(c *config.Config) error {
	for _, name := range keys(c.Storages) {
		d, err := config.ParseDSN(c.Storages[name].DSN)
		if err != nil || d.IsSQL() || (a.storage != "" && a.storage != name) {
			continue
		}
		if a.storage == name {
			return usage("storage %s is a file of JSON lines; remove or rotate the file itself", name)
		}
		a.say("storage %s is a file of JSON lines and keeps its entries", name)
	}
	return nil
}

// choose finds the entities of each storage that the patterns select.
func (c *clean) choose(ctx context.Context, aud *auditor.Auditor, cfg *config.Config) error {
	var sources []string
	if c.app.source != "" {
		sources = []string{c.app.source}
	}
	targets, err := aud.Retention(ctx, sources...)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for name := range cfg.Entities {
		known[name] = name != config.Wildcard
	}
	delete(known, config.Wildcard)
	for _, t := range targets {
		if c.app.storage != "" && t.Storage != c.app.storage {
			continue
		}
		c.targets = append(c.targets, t)
		for _, entity := range t.Entities {
			known[entity] = true
		}
	}
	c.several = len(targets) > 1
	selected, err := retention.Select(
		slices.Sorted(maps.Keys(known)), c.flags.include, c.flags.exclude)
	if err != nil {
		return err
	}
	for i := range c.targets {
		t := &c.targets[i]
		t.Entities = slices.DeleteFunc(t.Entities, func(e string) bool {
			return !slices.Contains(selected, e)
		})
	}
	return nil
}

func (c *clean) run(ctx context.Context, before time.Time) error {
	if c.flags.dump {
		if err := c.dump(ctx); err != nil {
			return err
		}
	}
	switch {
	case c.flags.dryRun && !c.flags.dump || !c.flags.dump && !c.flags.noPrompt:
		results, err := retention.Plan(ctx, c.targets, c.options)
		if err != nil {
			return err
		}
		if c.flags.dryRun {
			return c.print(results)
		}
		if total := c.total(results); total == "" {
			c.app.say("nothing is older than %s", before.Format(time.RFC3339))
			return nil
		} else if ok, err := c.ask(ctx, results, total, before); err != nil || !ok {
			return err
		}
	case c.flags.dryRun || !c.flags.noPrompt:
		return nil // the SQL was asked for
	}
	results, err := retention.Run(ctx, c.targets, c.options)
	if c.app.opts.Terminal(c.app.opts.Stderr) {
		fmt.Fprint(c.app.opts.Stderr, "\r\x1b[K")
	}
	// What is gone is told whatever came after.
	err = errors.Join(err, c.print(results))
	if errors.Is(err, retention.ErrInterrupted) {
		return fmt.Errorf("%w; run it again to go on", err)
	}
	return err
}

// total says in words what would go, "" for nothing.
func (c *clean) total(results []retention.Result) string {
	var entries, revisions int64
	for i := range results {
		entries += results[i].Entries()
		revisions += results[i].Revisions
	}
	var parts []string
	if entries > 0 {
		parts = append(parts, count(int(entries), "entry", "entries"))
	}
	if revisions > 0 {
		parts = append(parts, count(int(revisions), "revision", "revisions"))
	}
	return strings.Join(parts, " and ")
}

func (c *clean) ask(
	ctx context.Context, results []retention.Result, total string, before time.Time,
) (bool, error) {
	for i := range results {
		for _, n := range results[i].Counts {
			if n.Entries > 0 {
				c.app.say("  %s%s: %d", c.in(results[i].Storage), n.Entity, n.Entries)
			}
		}
	}
	ok, err := c.app.confirm(ctx, fmt.Sprintf("Remove %s older than %s for good?",
		total, before.Format(time.RFC3339)))
	if err == nil && !ok {
		c.app.say("nothing was removed")
	}
	return ok, err
}

// in names the storage where there are several.
func (c *clean) in(storage string) string {
	if c.several {
		return storage + ": "
	}
	return ""
}

func (c *clean) dump(ctx context.Context) error {
	scripts, err := retention.SQL(ctx, c.targets, c.options)
	if err != nil {
		return err
	}
	for i, script := range scripts {
		head := "-- storage " + safeLine(c.targets[i].Storage) + "\n"
		if err := c.app.print(head + script); err != nil {
			return err
		}
	}
	return nil
}

// operator is who runs the command, as the system knows it.
func operator(a *app) string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	} else if v, ok := a.opts.Env("USER"); ok {
		name = v
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		return name
	}
	return name + "@" + host
}
