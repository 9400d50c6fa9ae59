package annalscmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/reader"
)

func newShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show HASH",
		Short: "Print one transaction with everything it changed, over all storages",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runShow(cmd.Context(), args[0])
		},
	}
}

func (a *app) runShow(ctx context.Context, hash string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	aud, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer aud.Close() //nolint:errcheck // it was only read
	view, err := everything(aud).RevisionIn(ctx, hash, nonEmpty(a.storage)...)
	if err != nil {
		return err
	}
	if a.source != "" && view.Source != a.source {
		return &annals.Error{
			Op: "read", Subject: "revision " + view.Hash + " in source " + a.source,
			Err: annals.ErrNotFound, Remedy: "it is one of source " + view.Source,
		}
	}
	r := a.renderer(zone(c), longValue).knowing(ctx, everything(aud))
	r.brief = true
	if !a.json {
		if err := a.print(r.revision(&view.Revision)); err != nil {
			return err
		}
	}
	for _, g := range view.Entities {
		if err := a.printGroup(g, r); err != nil {
			return err
		}
	}
	for _, entity := range view.Unreadable {
		a.say("%s was changed too, but no storage has a table for it any more", entity)
	}
	return nil
}

// printGroup prints the entries of one entity, under its name.
func (a *app) printGroup(g reader.EntityEntries, r renderer) error {
	if !a.json {
		head := fmt.Sprintf("\n%s: %d\n", r.Bold(term.Safe(g.Entity)), len(g.Entries))
		if err := a.print(head); err != nil {
			return err
		}
	}
	return a.printEntries(g.Entries, r)
}

// revision is the head of a transaction: a line for each thing that is known.
func (r renderer) revision(rev *annals.Revision) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, term.Safe(value))
		}
	}
	line("transaction", rev.Hash)
	line("time", r.at(rev.CreatedAt))
	line("source", rev.Source)
	switch {
	case !rev.Managed, rev.Actor.IsZero():
		line("actor", nobody(rev))
	case rev.Actor.Name == "": // as in the log
		line("actor", rev.Actor.ID)
	default:
		line("actor", rev.Actor.Name)
		line("  id", rev.Actor.ID)
	}
	line("  email", rev.Actor.Email)
	line("  type", rev.Actor.Type)
	line("  context", rev.Actor.Context)
	line("comment", rev.Comment)
	line("ip", rev.Origin.IP)
	line("user agent", rev.Origin.UserAgent)
	line("request", rev.Origin.RequestID)
	line("database", strings.Join(nonEmpty(rev.DBUser, rev.Application, rev.ClientAddr), ", "))
	line("extra", string(rev.Extra))
	return b.String()
}

func nonEmpty(values ...string) []string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}
