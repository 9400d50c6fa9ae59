// Command bench measures what auditing through GORM and by triggers costs, how fast
// history is read and what removing old entries means for writers, on each database,
// and writes docs/benchmarks.md:
//
//	make bench
//	make bench BENCHFLAGS='-quick -databases sqlite'
//	make bench BENCHFLAGS='-only triggers -storm 80000 -out -'
//
// Audited and unaudited slices of work alternate in one process, so that their
// ratio says something whatever else the machine does. Statements and round
// trips are counted on one operation of each kind and held against their limits:
// the command exits with 1 when one is exceeded. Times never make it fail.
//
// The servers come from ANNALS_TEST_POSTGRES_DSN and ANNALS_TEST_MARIADB_DSN;
// SQLite uses temporary files. What it creates it drops again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// batchSize is the rows of one statement in the large case.
const batchSize = 1000

// options are the command's flags.
type options struct {
	rounds, rows, entries, asks int
	// clean is how many entries retention removes while others write.
	clean int
	// ops are the operations of 1 and of 100 rows in one slice.
	ops       [2]int
	databases []string
	// operations are those to measure; all are needed for the document.
	operations []operation
	// triggers: capture by triggers is measured.
	triggers bool
	// storm is how many updates meet columns that come and go.
	storm    int
	quick    bool
	out, dir string
	// cpuProfile and allocProfile are files for profiles of the whole run.
	cpuProfile, allocProfile string
}

func main() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start() error {
	o, err := parseFlags(os.Args[1:])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return profiled(o, func() error { return run(ctx, o) })
}

// profiled writes the profiles that were asked for.
func profiled(o options, f func() error) (err error) {
	if o.cpuProfile != "" {
		file, err := os.Create(o.cpuProfile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return errors.Join(err, file.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
		}()
	}
	if err := f(); err != nil || o.allocProfile == "" {
		return err
	}
	file, err := os.Create(o.allocProfile)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

func parseFlags(args []string) (options, error) {
	o := options{ops: [2]int{100, 10}, asks: 300}
	set := flag.NewFlagSet("bench", flag.ExitOnError)
	set.IntVar(&o.rounds, "rounds", 15, "rounds of each configuration")
	set.IntVar(&o.rows, "rows", 10_000, "rows of the large case, in thousands")
	set.IntVar(&o.entries, "entries", 1_000_000, "entries to read among; 0 reads nothing")
	set.IntVar(&o.clean, "clean", 1_000_000, "entries to remove under writers; 0 removes nothing")
	databases := set.String("databases", "postgres,mariadb,sqlite", "databases to measure")
	operations := set.String("operations", "create,update,delete",
		"operations to measure, or none")
	set.BoolVar(&o.triggers, "triggers", true, "measure capture by triggers")
	set.IntVar(&o.storm, "storm", 0, "updates on PostgreSQL while the table is altered; "+
		"the design's figure is 80000")
	only := set.String("only", "", "one part alone: triggers")
	set.BoolVar(&o.quick, "quick", false, "few rounds and entries: to see that it runs")
	set.StringVar(&o.out, "out", "docs/benchmarks.md", `file to write; "-" is standard output`)
	set.StringVar(&o.dir, "dir", os.TempDir(), "folder for the files of SQLite")
	set.StringVar(&o.cpuProfile, "cpuprofile", "", "file for a CPU profile of the whole run")
	set.StringVar(&o.allocProfile, "allocprofile", "", "file for a profile of allocations")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.quick {
		o.quicken(given)
	}
	if o.rows < batchSize || o.rows%batchSize != 0 || o.rounds < 1 || o.entries < 0 ||
		o.clean < 0 || o.storm < 0 {
		return o, fmt.Errorf("-rows has to be a multiple of %d, -rounds 1 or more, "+
			"-entries, -clean and -storm 0 or more", batchSize)
	}
	switch *only {
	case "":
	case "triggers":
		o.entries, o.clean, *operations = 0, 0, "none"
	default:
		return o, fmt.Errorf("unknown part %q: want triggers", *only)
	}
	o.databases = strings.Split(*databases, ",")
	for op := range strings.SplitSeq(*operations, ",") {
		if *operations == "none" {
			break
		}
		if !slices.Contains([]operation{opCreate, opUpdate, opDelete}, operation(op)) {
			return o, fmt.Errorf("unknown operation %q: want create, update or delete", op)
		}
		o.operations = append(o.operations, operation(op))
	}
	return o, nil
}

// quicken makes small what was not given. A quick run is no document.
func (o *options) quicken(given map[string]bool) {
	o.ops, o.asks = [2]int{20, 3}, 30
	if !given["rounds"] {
		o.rounds = 3
	}
	if !given["rows"] {
		o.rows = 2000
	}
	if !given["entries"] {
		o.entries = 10_000
	}
	if !given["clean"] {
		o.clean = 10_000
	}
	if !given["out"] {
		o.out = "-"
	}
}

func run(ctx context.Context, o options) error {
	r := report{options: o, began: time.Now(), load: load()}
	for _, kind := range o.databases {
		e, err := newEngine(kind, o.dir)
		if err != nil {
			return err
		}
		result, err := measureDatabase(ctx, e, o)
		if err = errors.Join(err, e.close()); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		r.results = append(r.results, result)
	}
	var err error
	if o.out == "-" {
		_, err = os.Stdout.WriteString(r.markdown())
	} else {
		err = os.WriteFile(o.out, []byte(r.markdown()), 0o644)
	}
	return errors.Join(err, r.exceeded())
}

// result is what one database showed.
type result struct {
	engine   engine
	version  string
	settings []string
	writes   []writing
	reads    []reading
	cleaned  cleaning
	triggers triggering
}

func measureDatabase(ctx context.Context, e engine, o options) (result, error) {
	r := result{engine: e}
	for _, w := range works(o) {
		m, err := measureWork(ctx, e, w, o)
		if err != nil {
			return r, fmt.Errorf("%s: %w", w, err)
		}
		r.writes = append(r.writes, m)
		progress("%s: %s: %.2f times", e.kind(), w, m.ratio().median)
	}
	var err error
	if r.version, r.settings, err = describe(ctx, e); err != nil {
		return r, err
	}
	if o.entries > 0 {
		if r.reads, err = measureReading(ctx, e, o); err != nil {
			return r, err
		}
	}
	if o.clean > 0 {
		if r.cleaned, err = measureCleaning(ctx, e, o); err != nil {
			return r, err
		}
	}
	if o.triggers {
		if r.triggers, err = measureTriggers(ctx, e, o); err != nil {
			return r, fmt.Errorf("triggers: %w", err)
		}
	}
	return r, nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
