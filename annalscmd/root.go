package annalscmd

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/nearest"
)

// defaultConfig is the configuration file where neither --config nor
// ANNALS_CONFIG names one.
const defaultConfig = "annals.yaml"

// app is one execution of the command: the options and the global flags.
type app struct {
	opts Options

	config, source, storage      string
	json, noColor, noInteraction bool
	verbose                      int

	// guided: another command prints what to do next.
	guided bool

	// own is the program's auditor, where Options has one, and what was borrowed.
	own own
}

// New returns the command. It is for one execution.
func New(opts Options) *cobra.Command {
	a := &app{opts: opts.withDefaults()}
	root := a.tree()
	a.bind(root, a.end)
	return root
}

// tree makes the command with all that belongs to it.
func (a *app) tree() *cobra.Command {
	root := group(&cobra.Command{
		Use:   a.opts.Name,
		Short: "Who changed what in your database, and when",
		Long: "annals keeps the record of who changed what in a SQL database, " +
			"and lets people read it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       a.opts.Version,
	})
	root.SetIn(a.opts.Stdin)
	root.SetOut(a.opts.Stdout)
	root.SetErr(a.opts.Stderr)
	root.SetVersionTemplate("annals {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see %s --help", err, cmd.CommandPath())
	})
	a.addGlobals(root)
	if a.opts.Open != nil || a.opts.Auditor == nil {
		root.AddCommand(newInitCommand(a))
	}
	root.AddCommand(
		newConfigCommand(a), newSchemaCommand(a), newTriggerCommand(a), newEpochCommand(a),
		newLogCommand(a), newHistoryCommand(a), newShowCommand(a), newCleanCommand(a),
		newVerifyCommand(a), newDoctorCommand(a), newVersionCommand(a),
	)
	if demo := newDemoCommand(a); demo != nil {
		root.AddCommand(demo)
	}
	return root
}

func (a *app) addGlobals(root *cobra.Command) {
	path := defaultConfig
	if p, _ := a.opts.Env("ANNALS_CONFIG"); p != "" {
		path = p
	}
	f := root.PersistentFlags()
	if a.opts.Auditor == nil {
		f.StringVar(&a.config, "config", path, "configuration `file` (also ANNALS_CONFIG)")
	} else {
		a.config = ownConfig
	}
	f.StringVar(&a.source, "source", "", "only this `source`")
	f.StringVar(&a.storage, "storage", "", "only this `storage`")
	f.BoolVar(&a.json, "json", false, "JSON on stdout")
	f.CountVarP(&a.verbose, "verbose", "v", "tell more; -vvv tells the SQL")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (also NO_COLOR)")
	f.BoolVar(&a.noInteraction, "no-interaction", false, "ask nothing")
}

// load reads the configuration, with defaults, and checks --source and --storage.
func (a *app) load() (*config.Config, error) {
	c, err := a.configuration()
	if err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	if err := knownName("source", a.source, keys(c.Sources)); err != nil {
		return nil, err
	}
	return c, knownName("storage", a.storage, keys(c.Storages))
}

// knownName refuses a name that is not known; an empty one is no name.
func knownName(what, name string, known []string) error {
	for _, k := range known {
		if name == k {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	return &annals.Error{
		Op: "find " + what, Subject: fmt.Sprintf("%q", name), Remedy: didYouMean(name, known),
		Err: fmt.Errorf("no such %s: %w", what, annals.ErrConfig),
	}
}

func didYouMean(name string, known []string) string { return nearest.DidYouMean(name, known) }

// zone is the configured time zone, which was validated.
func zone(c *config.Config) *time.Location {
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// style is how stdout is painted.
func (a *app) style() term.Style {
	off, set := a.opts.Env("NO_COLOR")
	return term.Style{
		Color: a.opts.Terminal(a.opts.Stdout) && !a.noColor && (!set || off == ""),
	}
}

// say prints a remark to stderr.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.opts.Stderr, term.Safe(fmt.Sprintf(format, args...)))
}

// sayLines prints a text of several lines to stderr.
func (a *app) sayLines(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		a.say("%s", line)
	}
}

// count says how many there are.
func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// print writes data to stdout.
func (a *app) print(text string) error {
	_, err := fmt.Fprint(a.opts.Stdout, text)
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(struct {
					Version string `json:"version"`
				}{a.opts.Version})
			}
			return a.print("annals " + a.opts.Version + "\n")
		},
	}
}

// errOpener is the fault of a program that passes no Options.Open.
var errOpener = errors.New("annalscmd: Options.Open is required")
