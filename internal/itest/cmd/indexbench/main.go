// Command indexbench measures which indexes an audit table needs. It fills a
// table on each database with entries as they are found in practice (some
// objects and some actors have far more than others), gives it one set of
// indexes after the other, and for each measures what the indexes take, what
// they cost when entries are written and how fast the reader's questions are
// answered. It prints Markdown.
//
//	go run ./internal/testdb/cmd/withservers -- go run ./internal/itest/cmd/indexbench
//
// The servers come from ANNALS_TEST_POSTGRES_DSN and ANNALS_TEST_MARIADB_DSN;
// SQLite uses a temporary file. What it creates there it drops again. The
// figures are in docs/adr/0006-lean-indexes.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// options are the command's flags.
type options struct {
	rows, rounds, entities int
	databases, sets        []string
	dir                    string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "entries to load")
	flag.IntVar(&o.rounds, "rounds", 200, "times each question is asked")
	flag.IntVar(&o.entities, "entities", 200, "entities of the page across many of them")
	databases := flag.String("databases", "postgres,mariadb,sqlite", "databases to measure")
	sets := flag.String("sets", "", "sets to measure; all by default")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "folder for the SQLite file")
	flag.Parse()
	o.databases = strings.Split(*databases, ",")
	if *sets != "" {
		o.sets = strings.Split(*sets, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "indexbench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

func run(ctx context.Context, o options) error {
	for _, kind := range o.databases {
		if err := measure(ctx, o, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

// measure does everything on one database.
func measure(ctx context.Context, o options, kind string) (err error) {
	b, err := openBench(ctx, kind, o.dir)
	if err != nil {
		return err
	}
	// The database goes even when the measurement was interrupted.
	defer func() { err = join(err, b.drop(context.WithoutCancel(ctx))) }()
	data := newData(o.rows)
	if err := b.load(ctx, data); err != nil {
		return err
	}
	report := newReport(kind, b.version, o.rows)
	for _, set := range indexSets() {
		if len(o.sets) > 0 && !slices.Contains(o.sets, set.name) {
			continue
		}
		result, err := b.measureSet(ctx, set, data, o.rounds)
		if err != nil {
			return fmt.Errorf("set %s: %w", set.name, err)
		}
		report.add(set.name, result)
	}
	many, err := b.measureMany(ctx, o.entities, o.rounds)
	if err != nil {
		return fmt.Errorf("many entities: %w", err)
	}
	report.many = many
	return report.print(os.Stdout)
}
