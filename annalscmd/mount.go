package annalscmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-162b1470/annals"
)

// Mount adds the commands to a program's own: without names the whole tree under
// Options.Name ("mycli annals log"), with names those commands alone ("mycli
// history"). Like New it is for one execution of the program.
//
//	err := annalscmd.Mount(root, annalscmd.Options{Auditor: newAuditor}, "log", "history")
//	…
//	if err := root.ExecuteContext(ctx); err != nil {
//		os.Exit(annalscmd.ExitCode(err))
//	}
//
// Nothing here ends the process or prints an error: cobra prints what a command
// returns, as for any other command, unless root.SilenceErrors is set; ExitCode
// tells what it stands for. Commands write where the parent's do (SetOut, SetErr),
// stop with its context, and leave its PersistentPreRun alone.
//
// Give parent its persistent flags first: a global flag that it, or a parent of
// it, has already is added as --annals-NAME, and a one-letter form that is taken is
// left out. Mounted commands have no -v; --verbose can be repeated. A command name that parent
// has already, or an unknown one, is an error that matches annals.ErrConfig;
// nothing is added then.
func Mount(parent *cobra.Command, opts Options, names ...string) error {
	if opts.Open == nil && opts.Auditor == nil {
		return mountError("commands", "Options has neither Open nor Auditor", "give one of them")
	}
	bound := streams{in: opts.Stdin == nil, out: opts.Stdout == nil, err: opts.Stderr == nil}
	if bound.in {
		opts.Stdin = parent.InOrStdin()
	}
	if bound.out {
		opts.Stdout = parent.OutOrStdout()
	}
	if bound.err {
		opts.Stderr = parent.ErrOrStderr()
	}
	opts = opts.withDefaults()
	if len(names) == 0 {
		names = []string{opts.Name}
	}
	mounts := make([]*cobra.Command, 0, len(names))
	for _, name := range names {
		m := &mount{app: &app{opts: opts}, streams: bound}
		cmd := m.tree()
		if name != opts.Name {
			var err error
			if cmd, err = single(cmd, name); err != nil {
				return err
			}
		}
		if err := free(parent, mounts, name); err != nil {
			return err
		}
		// The parent may still change its own.
		cmd.SetIn(given(opts.Stdin, bound.in))
		cmd.SetOut(given(opts.Stdout, bound.out))
		cmd.SetErr(given(opts.Stderr, bound.err))
		m.adapt(cmd, taken(parent))
		m.bind(cmd, m.end)
		mounts = append(mounts, cmd)
	}
	parent.AddCommand(mounts...)
	return nil
}

func mountError(what, problem, remedy string) error {
	return &annals.Error{
		Op: "mount", Subject: what, Err: fmt.Errorf("%s: %w", problem, annals.ErrConfig),
		Remedy: remedy,
	}
}

// single takes one command out of the tree, with the global flags.
func single(root *cobra.Command, name string) (*cobra.Command, error) {
	var names []string
	for _, cmd := range root.Commands() {
		if cmd.Name() == name {
			root.RemoveCommand(cmd)
			cmd.PersistentFlags().AddFlagSet(root.PersistentFlags())
			cmd.SetFlagErrorFunc(root.FlagErrorFunc())
			return cmd, nil
		}
		names = append(names, cmd.Name())
	}
	return nil, mountError(fmt.Sprintf("command %q", name), "there is no such command",
		didYouMean(name, names))
}

// free refuses a name that is there already.
func free(parent *cobra.Command, mounts []*cobra.Command, name string) error {
	for _, cmd := range append(parent.Commands(), mounts...) {
		if cmd.Name() == name || cmd.HasAlias(name) {
			return mountError(fmt.Sprintf("command %q", name),
				fmt.Sprintf("%s has one of that name already", parent.CommandPath()),
				"mount the whole tree and choose its name with Options.Name")
		}
	}
	return nil
}

// given is a stream of the options, none where it is the parent's.
func given[T any](stream T, parents bool) (none T) {
	if parents {
		return none
	}
	return stream
}

// streams tells which streams are the parent's.
type streams struct{ in, out, err bool }

// mount is one execution within another program.
type mount struct {
	*app
	streams streams
}

// flags are what the parents have taken.
type flags struct{ names, letters map[string]bool }

func taken(parent *cobra.Command) flags {
	t := flags{map[string]bool{}, map[string]bool{}}
	for cmd := parent; cmd != nil; cmd = cmd.Parent() {
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) {
			t.names[f.Name], t.letters[f.Shorthand] = true, true
		})
	}
	return t
}

// adapt makes cmd and what is below it fit in: flags that clash with none, errors
// without the text of the usage, the streams of the parent.
func (m *mount) adapt(cmd *cobra.Command, taken flags) {
	cmd.SilenceErrors, cmd.SilenceUsage = false, true
	local, global := all(cmd.Flags()), all(cmd.PersistentFlags())
	cmd.ResetFlags() // cobra cannot take back a letter otherwise
	for _, f := range local {
		if taken.letters[f.Shorthand] {
			f.Shorthand = ""
		}
		cmd.Flags().AddFlag(f)
	}
	for _, f := range global {
		f.Shorthand = ""
		if taken.names[f.Name] {
			f.Name = "annals-" + f.Name
		}
		cmd.PersistentFlags().AddFlag(f)
	}
	wrong := cmd.FlagErrorFunc()
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return readable(wrong(cmd, err))
	})
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			return readable(check(cmd, args))
		}
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			m.attach(cmd)
			return run(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		m.adapt(c, taken)
	}
}

// all lists the flags that were defined on a set.
func all(set *pflag.FlagSet) []*pflag.Flag {
	var list []*pflag.Flag
	set.VisitAll(func(f *pflag.Flag) { list = append(list, f) })
	return list
}

// attach takes the streams that the parent has by now.
func (m *mount) attach(cmd *cobra.Command) {
	if m.streams.in {
		m.opts.Stdin = cmd.InOrStdin()
	}
	if m.streams.out {
		m.opts.Stdout = cmd.OutOrStdout()
	}
	if m.streams.err {
		m.opts.Stderr = cmd.ErrOrStderr()
	}
}

// end makes of an error what cobra or the program can print.
func (m *mount) end(cmd *cobra.Command, err error) error {
	err = m.app.end(cmd, err)
	var exit *ExitError
	if errors.As(err, &exit) && exit.Err == nil {
		cmd.SilenceErrors = true // everything was said already
	}
	return readable(err)
}

// shown is an error whose text is safe to print on a terminal.
type shown struct {
	err  error
	text string
}

// Error returns the text.
func (e *shown) Error() string { return e.text }

// Unwrap returns the cause.
func (e *shown) Unwrap() error { return e.err }

func readable(err error) error {
	var already *shown
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &shown{err, strings.TrimPrefix(message(err), "annals: ")}
}
