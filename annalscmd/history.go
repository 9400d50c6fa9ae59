package annalscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/reader/search"
)

type historyFlags struct {
	field, asOf             string
	oldest, newest, related bool
}

func newHistoryCommand(a *app) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history ENTITY ID",
		Short: "Print the story of one object, oldest first",
		Long: "Prints every change of one object with old and new values side by side. The ID of\n" +
			"an object with several key columns is a JSON array: annals history item '[7,2]'.",
		Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := 0
			for _, set := range []bool{f.oldest, f.newest, f.related, f.asOf != ""} {
				if set {
					given++
				}
			}
			if given > 1 {
				return usage("--oldest, --newest, --related and --as-of exclude each other")
			}
			return a.runHistory(cmd.Context(), f, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&f.field, "field", "", "only changes of this `column`, or path into its JSON")
	cmd.Flags().StringVar(&f.asOf, "as-of", "",
		"the object as it was at this `time`: RFC 3339, a date or time, or a duration before now")
	cmd.Flags().BoolVar(&f.related, "related", false,
		"with the changes of objects that were linked to it, while they were")
	cmd.Flags().BoolVar(&f.oldest, "oldest", false, "only the oldest entry")
	cmd.Flags().BoolVar(&f.newest, "newest", false, "only the newest entry")
	return cmd
}

func (a *app) runHistory(ctx context.Context, f historyFlags, entity, id string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	at, err := a.when("--as-of", f.asOf, zone(c))
	if err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	r := everything(aud)
	show := a.renderer(zone(c), longValue).knowing(ctx, r)
	if f.asOf != "" {
		return a.printState(ctx, r, stateQuestion{entity, id, f.field, at}, show)
	}
	h := &history{app: a, renderer: show, field: f.field, related: f.related}
	q := reader.Query{
		Entities: []string{entity}, ObjectIDs: search.ObjectIDs(id), Fields: nonEmpty(f.field),
		Sources: nonEmpty(a.source), Storages: nonEmpty(a.storage), Related: f.related,
	}
	if err := h.gather(ctx, r, q, f); err != nil {
		return err
	}
	if h.entries == 0 {
		if err := a.possible(ctx, r, q); err != nil {
			return err
		}
		a.say("%s %s has no entries", entity, id)
		return nil
	}
	return h.print()
}

// historyPage is how many entries are read at a time.
const historyPage = 500

// gather reads the story, page by page.
func (h *history) gather(
	ctx context.Context, r *reader.Reader, q reader.Query, f historyFlags,
) error {
	q.Ascending, q.Limit = !f.newest, historyPage
	if f.oldest || f.newest {
		q.Limit = 1
	}
	for {
		page, err := r.Find(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			told, err := h.add(&page.Entries[i])
			if err != nil || told && q.Limit == 1 {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// history gathers the entries of one object.
type history struct {
	app *app
	renderer
	// field is the column, or path into one, that is told.
	field string
	// related: entries of other objects come along.
	related bool
	grid    *grid
	entries int
}

// add takes an entry; told is false where it does not touch the field.
func (h *history) add(e *annals.Entry) (told bool, err error) {
	d, ok := parsed(e)
	if h.field != "" {
		d.Changes = slices.DeleteFunc(d.Changes, func(c diff.Change) bool {
			return c.Column != h.field && !strings.HasPrefix(h.field, c.Column+".")
		})
		if len(d.Changes) == 0 {
			return false, nil
		}
	}
	h.entries++
	if h.app.json {
		return true, h.app.printJSON(entryRecord(e))
	}
	if !ok {
		h.raw(e)
		return true, nil
	}
	h.rows(e, d)
	return true, nil
}

// parsed reads what an entry says. What is no diff has no changes, and is shown as it
// stands.
func parsed(e *annals.Entry) (d diff.Diff, ok bool) {
	d, err := diff.Parse(e.Diffs)
	return d, err == nil
}

// raw adds a row with the text of diffs that cannot be read.
func (h *history) raw(e *annals.Entry) {
	text := term.Safe(term.Cut(string(e.Diffs), h.longest))
	h.grid.paintedRow(append(h.first(e, diff.Diff{}), "", "", text)...)
}

// first begins the rows of an entry: what is the same for all of them.
func (h *history) first(e *annals.Entry, d diff.Diff) []string {
	if h.grid == nil {
		h.grid = h.app.table("when", "what", "who", "field", "old", "new")
		h.grid.wide(5, 6)
	}
	who := actor(e)
	if e.Revision != nil && e.Revision.Comment != "" {
		who += "\n# " + term.Safe(term.Cut(e.Revision.Comment, shortValue))
	}
	h.grid.separate()
	return []string{h.at(e.CreatedAt), h.what(e, d), who}
}

// rows adds a row for each change; what is the same for all stands in the first.
func (h *history) rows(e *annals.Entry, d diff.Diff) {
	first := h.first(e, d)
	if d.Association != nil {
		side, target := "", h.subject(&d.Association.Target)
		if e.Type == annals.Dissociate {
			side, target = target, side
		}
		h.grid.paintedRow(append(first, h.Cyan(term.Safe(d.Association.Subject.Field)),
			h.Red(side), h.Green(target))...)
		return
	}
	if len(d.Changes) == 0 {
		h.grid.paintedRow(append(first, "", "", "")...)
	}
	for _, c := range d.Changes {
		old, now := h.old(c), h.new(c)
		switch {
		case e.Type == annals.Epoch, e.Type == annals.Insert && !d.Soft:
			old = ""
		case e.Type == annals.Remove && !d.Soft:
			now = ""
		}
		h.grid.paintedRow(append(first, h.Cyan(term.Safe(c.Column)), old, now)...)
		first = []string{"", "", ""}
	}
}

// what is the type of an entry with what is special about it.
func (h *history) what(e *annals.Entry, d diff.Diff) string {
	text := h.kind(e.Type) + marks(d)
	if h.related {
		text += "\n" + h.Bold(term.Safe(e.Entity)+" "+term.Safe(e.ObjectID))
	}
	if e.PreviousObjectID != "" {
		text += "\nwas " + term.Safe(e.PreviousObjectID)
	}
	return text
}

func (h *history) print() error {
	if h.grid == nil {
		return nil
	}
	return h.grid.print()
}
