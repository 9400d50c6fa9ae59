package annalscmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/reader"
)

type logFlags struct {
	entities, objects, types, actors []string
	tx, since, until, cursor         string
	fields                           []string
	limit                            int
}

func newLogCommand(a *app) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Print entries, newest first, across entities",
		Long: "Prints entries, newest first. Several values of one flag are alternatives, several\n" +
			"flags all have to match. --since and --until take RFC 3339, a date or a time in the\n" +
			"configured zone, or a duration before now (P1D, 2h); until is exclusive.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("log searches no words yet, got %q; use --entity, --object, --field …",
					strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runLog(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.entities, "entity", nil, "only this `entity`; can be repeated")
	flags.StringArrayVar(&f.objects, "object", nil, "only the object of this `id`")
	flags.StringSliceVar(&f.types, "type", nil,
		"only this `type`: insert, update, remove, associate, dissociate, epoch, truncate, statement")
	flags.StringArrayVar(&f.actors, "actor", nil, "only what the actor of this `id` did")
	flags.StringVar(&f.tx, "tx", "", "only the transaction of this `hash`")
	flags.StringVar(&f.since, "since", "", "from this `time` on")
	flags.StringVar(&f.until, "until", "", "before this `time`")
	flags.StringSliceVar(&f.fields, "field", nil, "only changes of this `column`")
	flags.IntVar(&f.limit, "limit", reader.DefaultLimit, "at most this `number` of entries")
	flags.StringVar(&f.cursor, "cursor", "", "go on where a page ended")
	return cmd
}

func (a *app) runLog(ctx context.Context, f logFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	q, err := a.query(f, c)
	if err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	if q.Entities, err = a.restrict(ctx, aud.Reader(), q.Entities); err != nil {
		return err
	}
	page, err := aud.Reader().Find(ctx, q)
	if err != nil {
		return err
	}
	if err := a.printEntries(page.Entries, a.renderer(zone(c), shortValue)); err != nil {
		return err
	}
	switch {
	case len(page.Entries) == 0:
		a.say("no entries")
	case page.Next != "":
		a.say("more: --cursor %s", page.Next)
	}
	return nil
}

// restrict names the entities of --source and --storage, those of names where
// there are any. Without the two flags it is names.
func (a *app) restrict(ctx context.Context, r *reader.Reader, names []string) ([]string, error) {
	if a.source == "" && a.storage == "" {
		return names, nil
	}
	known, err := r.Entities(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range known {
		if (a.source == "" || e.Source == a.source) &&
			(a.storage == "" || slices.Contains(e.Storages, a.storage)) &&
			(len(names) == 0 || slices.Contains(names, e.Name)) {
			out = append(out, e.Name)
		}
	}
	if len(out) == 0 {
		return nil, &annals.Error{
			Op: "find entities", Subject: "of --source and --storage",
			Err: fmt.Errorf("there are none: %w", annals.ErrUnknownEntity),
		}
	}
	return out, nil
}

// query makes a reader's query of the flags.
func (a *app) query(f logFlags, c *config.Config) (reader.Query, error) {
	q := reader.Query{
		Entities: f.entities, ObjectIDs: canonicalIDs(f.objects), Actors: f.actors,
		Fields: f.fields, Limit: f.limit, Cursor: f.cursor,
	}
	if f.limit < 1 || f.limit > reader.MaxLimit {
		return q, usage("--limit %d: write a number from 1 to %d", f.limit, reader.MaxLimit)
	}
	if f.tx != "" {
		q.Hashes = []string{f.tx}
	}
	for _, text := range f.types {
		t := annals.EntryType(text)
		if !t.Valid() {
			return q, usage("--type %q: no such type; %s", text, didYouMean(text, typeNames()))
		}
		q.Types = append(q.Types, t)
	}
	var err error
	if q.Since, err = a.when("--since", f.since, zone(c)); err != nil {
		return q, err
	}
	q.Until, err = a.when("--until", f.until, zone(c))
	return q, err
}

func typeNames() []string {
	var names []string
	for _, t := range annals.EntryTypes() {
		names = append(names, string(t))
	}
	return names
}

// printEntries prints entries as JSON lines or for people.
func (a *app) printEntries(entries []annals.Entry, r renderer) error {
	for i := range entries {
		var text string
		var err error
		if a.json {
			text, err = marshalLine(entryRecord(&entries[i]))
		} else {
			text = r.entry(&entries[i])
		}
		if err == nil {
			err = a.print(text)
		}
		if err != nil {
			return fmt.Errorf("print entry: %w", err)
		}
	}
	return nil
}
