package auditor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/verify"
)

// Doctor looks at the databases at work: that they answer and what they are, their
// clocks, the rights of the accounts, who holds annals' locks, what transactions are in
// the way, and at a glance what Verify checks in full.
func (a *Auditor) Doctor(ctx context.Context, o VerifyOptions) ([]verify.Examination, error) {
	a.Refresh()
	routes, faults := a.Routes(ctx)
	var all []verify.Examination
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		if s := a.sources[name]; o.Source == "" || o.Source == name {
			all = append(all, a.examineSource(ctx, s, routes)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.storages)) {
		if s := a.storages[name]; o.Storage == "" || o.Storage == name {
			all = append(all, a.examineStorage(ctx, s, routes)...)
		}
	}
	if ctx.Err() != nil {
		return all, fmt.Errorf("examine databases: %w", ctx.Err())
	}
	if faults != nil {
		all = append(all, verify.Examination{
			Severity: verify.Error, Subject: "entities", Kind: verify.ExamSchema,
			Detail: "some cannot be audited as they are configured", Remedy: "annals verify",
		})
	}
	return all, nil
}

func (a *Auditor) examineSource(
	ctx context.Context, s *source, routes []RouteInfo,
) []verify.Examination {
	subject := "source " + s.name
	p := verify.Patient{
		Subject: subject, DB: s.db, Dialect: s.dialect, Now: a.now(), Locks: []string{epoch.LockName},
	}
	if s.cfg.Capture == config.CaptureTrigger {
		p.Locks = append(p.Locks, schema.LockName)
	}
	for i := range routes {
		e := &routes[i].Entity
		if e.Source == s.name && len(e.Key) > 0 {
			p.Rights = append(p.Rights, verify.Right{Table: e.Table, Verb: "SELECT", Column: e.Key[0]})
		}
	}
	all := verify.Examine(ctx, p)
	if !s.fillsMirror() {
		return all
	}
	j, err := a.Journal(s.name)
	if err != nil {
		return append(all, failed(subject, verify.ExamTriggers, err))
	}
	return append(all, glance(ctx, subject, verify.ExamTriggers, "are installed", verify.Triggers{Journal: j}))
}

func (a *Auditor) examineStorage(
	ctx context.Context, s *store, routes []RouteInfo,
) []verify.Examination {
	subject := "storage " + s.name
	p := verify.Patient{
		Subject: subject, DB: s.db, Dialect: s.dialect, Now: a.now(),
		Locks: []string{schema.LockName, retention.LockName},
	}
	p.Rights = append(p.Rights,
		verify.Right{Table: annals.Table{Name: layout.RevisionTable}, Verb: "SELECT", Column: layout.ColID},
		verify.Right{Table: annals.Table{Name: layout.RevisionTable}, Verb: "INSERT", Column: layout.ColSource},
	)
	for i := range routes {
		n := slices.Index(routes[i].Storages, s.name)
		if n < 0 {
			continue
		}
		column := layout.ColObjectID
		if s.isMirror() {
			column = layout.ColCopyID
		}
		for _, verb := range []string{"SELECT", "INSERT"} {
			p.Rights = append(p.Rights, verify.Right{Table: routes[i].Tables[n], Verb: verb, Column: column})
		}
	}
	all := verify.Examine(ctx, p)
	check, err := a.schemaCheck(ctx, VerifyOptions{Storage: s.name})
	if err != nil {
		return append(all, failed(subject, verify.ExamSchema, err))
	}
	return append(all, glance(ctx, subject, verify.ExamSchema, "are in place", check))
}

// glance says of a check whether it found something.
func glance(
	ctx context.Context, subject, kind, fine string, c verify.Check,
) verify.Examination {
	found, err := c.Run(ctx)
	if err != nil {
		return failed(subject, kind, err)
	}
	e := verify.Examination{Severity: verify.Fine, Subject: subject, Kind: kind, Detail: c.Name() + " " + fine}
	if len(found) > 0 {
		e.Severity, e.Remedy = verify.Note, "annals verify"
		if verify.Failed(found) {
			e.Severity = verify.Error
		}
		e.Detail = found[0].Detail
		if more := len(found) - 1; more > 0 {
			e.Detail += fmt.Sprintf(", and %d more", more)
		}
	}
	return e
}

func failed(subject, kind string, err error) verify.Examination {
	return verify.Examination{
		Severity: verify.Error, Subject: subject, Kind: kind,
		Detail: "could not be looked at: " + err.Error(), Remedy: "annals verify",
	}
}

// now is the clock.
func (a *Auditor) now() func() time.Time {
	if a.cfg.Now != nil {
		return a.cfg.Now
	}
	return time.Now
}
