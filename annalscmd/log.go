package annalscmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/reader/search"
)

type logFlags struct {
	entities, objects, types, actors []string
	tx, since, until, cursor         string
	fields                           []string
	limit                            pageSize
	follow, count                    bool
	// next is the command for the page behind a cursor.
	next func(cursor string) string
}

func newLogCommand(a *app) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "log [QUERY]",
		Short: "Print entries, newest first, across entities",
		Long: "Prints entries, newest first. QUERY and flags both have to match; several values of\n" +
			"one key or flag are alternatives. --since and --until take RFC 3339, a date or a\n" +
			"time in the configured zone, or a duration before now (P1D, 2h); until is exclusive.\n\n" +
			"QUERY is made of key:value, key:v1,v2 and -key:value (leaves out):\n\n" +
			"  annals log 'entity:invoice field:total to:12.50 after:P7D -type:insert'\n" +
			"  annals log 'comment:\"ticket 1187\" actor:42 extra.tenant:7'\n\n" +
			"Keys: " + strings.Join(search.Keys(), " ") + "PATH.\n" +
			"A word without a key is an object id. Put the whole query in single quotes where\n" +
			"it has double quotes.",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.next = nextPage(cmd, args)
			return a.runLog(cmd.Context(), f, strings.Join(args, " "))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.entities, "entity", nil,
		"only this `entity`; can be repeated, as all that narrow; several with commas")
	flags.StringArrayVar(&f.objects, "object", nil, "only the object of this `id`")
	flags.StringArrayVar(&f.types, "type", nil,
		"only this `type`: insert, update, remove, associate, dissociate, epoch, truncate, statement")
	flags.StringArrayVar(&f.actors, "actor", nil, "only what the actor of this `id` did")
	flags.StringVar(&f.tx, "tx", "", "only the transaction of this `hash`")
	flags.StringVar(&f.since, "since", "", "from this `time` on")
	flags.StringVar(&f.until, "until", "", "before this `time`")
	flags.StringArrayVar(&f.fields, "field", nil, "only changes of this `column`")
	f.limit = reader.DefaultLimit
	flags.Var(&f.limit, "limit", "at most this `number` of entries")
	flags.StringVar(&f.cursor, "cursor", "", "go on where a page ended")
	flags.BoolVarP(&f.follow, "follow", "f", false,
		"print the newest, oldest of them first, then each as it is committed")
	flags.BoolVar(&f.count, "count", false, "print how many there are, up to 10,000")
	return cmd
}

func (a *app) runLog(ctx context.Context, f logFlags, words string) error {
	if f.follow && (f.count || f.cursor != "" || f.until != "") {
		return usage("--follow goes on: it takes neither --count, --cursor nor --until")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	q, err := a.query(f, c)
	if err != nil {
		return err
	}
	asked, err := search.Parse(words, search.Options{Now: a.opts.Now(), Zone: zone(c)})
	if err != nil {
		return err
	}
	if q, err = search.Both(asked, q); err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	r := everything(aud)
	show := a.renderer(zone(c), shortValue).knowing(ctx, r)
	switch {
	case f.count:
		return a.printCount(ctx, r, q)
	case f.follow:
		return a.follow(ctx, r, q, show)
	}
	page, err := r.Find(ctx, q)
	if err != nil {
		return err
	}
	if err := a.printEntries(page.Entries, show); err != nil {
		return err
	}
	switch {
	case len(page.Entries) == 0:
		if err := a.possible(ctx, r, q); err != nil {
			return err
		}
		a.say("no entries")
	case page.Next != "" && !a.guided:
		a.say("more: %s", f.next(page.Next))
	}
	return nil
}

// everything is the reader of somebody who has the database: roles are for those
// who read through an application.
func everything(aud *auditor.Auditor) *reader.Reader {
	return aud.Reader().Allowing(reader.AllowAll)
}

func (a *app) printCount(ctx context.Context, r *reader.Reader, q reader.Query) error {
	total, err := r.Count(ctx, q)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(struct {
			Count int  `json:"count"`
			More  bool `json:"more"`
		}{total.N, total.More})
	}
	return a.print(total.String() + "\n")
}

// follow prints entries until it is interrupted.
func (a *app) follow(
	ctx context.Context, r *reader.Reader, q reader.Query, show renderer,
) error {
	for e, err := range r.Follow(ctx, q) {
		if err != nil && ctx.Err() != nil {
			return nil // that is how it ends
		}
		if err != nil {
			return err
		}
		if err := a.printEntries([]annals.Entry{e}, show); err != nil {
			return err
		}
	}
	return nil
}

// query makes a reader's query of the flags.
func (a *app) query(f logFlags, c *config.Config) (reader.Query, error) {
	q := reader.Query{
		Sources: nonEmpty(a.source), Storages: nonEmpty(a.storage),
		Entities: split(f.entities), Actors: f.actors,
		Fields: f.fields, Limit: int(f.limit), Cursor: f.cursor,
	}
	for _, id := range f.objects {
		q.ObjectIDs = append(q.ObjectIDs, search.ObjectIDs(id)...)
	}
	if f.tx != "" {
		q.Hashes = []string{strings.ToLower(f.tx)}
	}
	for _, text := range split(f.types) {
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

// split takes lists with commas apart. Names that have commas themselves are for
// the query, which has quotes.
func split(lists []string) (all []string) {
	for _, list := range lists {
		all = append(all, strings.Split(list, ",")...)
	}
	return all
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
