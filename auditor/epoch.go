package auditor

import (
	"context"

	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/journal"
)

// EpochOptions say what gets baselines; see epoch.Options.
type EpochOptions struct {
	// Entities are names of targets; none means all.
	Entities []string
	// Batch is the most rows in one transaction; 0 means epoch.batch of the
	// configuration.
	Batch int
	// Again asks for another baseline of each row.
	Again bool
	// Progress is told of every batch. Nil is fine.
	Progress func(epoch.Progress)
}

// Epoch gives the rows of a source that are older than its triggers their baselines.
// See epoch.Run.
func (a *Auditor) Epoch(
	ctx context.Context, j *journal.Journal, o EpochOptions,
) ([]epoch.Result, error) {
	s, err := a.epochSource(j)
	if err != nil {
		return nil, err
	}
	return epoch.Run(ctx, s, a.epochOptions(o))
}

// EpochScript returns what Epoch does as SQL for the database's own client. See
// epoch.Script.
func (a *Auditor) EpochScript(
	ctx context.Context, j *journal.Journal, o EpochOptions,
) (string, error) {
	s, err := a.epochSource(j)
	if err != nil {
		return "", err
	}
	return epoch.Script(ctx, s, a.epochOptions(o))
}

func (a *Auditor) epochSource(j *journal.Journal) (epoch.Source, error) {
	s, err := a.source(j.Source())
	if err != nil {
		return epoch.Source{}, err
	}
	// What is known of the tables may be older than their triggers.
	a.Refresh()
	return epoch.Source{Name: s.name, DB: s.db, Dialect: s.dialect, Journal: j}, nil
}

func (a *Auditor) epochOptions(o EpochOptions) epoch.Options {
	if o.Batch == 0 {
		o.Batch = a.file.Epoch.Batch
	}
	return epoch.Options{Entities: o.Entities, Batch: o.Batch, Again: o.Again, Progress: o.Progress}
}
