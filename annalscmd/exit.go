package annalscmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
)

// Exit codes of the command.
const (
	ExitDone = 0
	// ExitFailed: it was tried and did not work.
	ExitFailed = 1
	// ExitUsage: wrong usage, configuration or name; nothing was tried.
	ExitUsage = 2
	// ExitLocked: another run holds the lock.
	ExitLocked = 3
	// ExitProblems: a check found problems.
	ExitProblems = 4
)

// ExitError is an error that decides the exit code.
type ExitError struct {
	Code int
	// Err is printed; nil where everything was said already.
	Err error
}

// Error returns the cause's text.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// usage is wrong usage of the command line.
func usage(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// ExitCode returns the exit code that an error stands for.
func ExitCode(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &exit):
		return exit.Code
	case errors.Is(err, annals.ErrLocked):
		return ExitLocked
	case errors.Is(err, annals.ErrUnreachable):
		return ExitFailed
	case errors.Is(err, annals.ErrConfig), errors.Is(err, annals.ErrCursor):
		return ExitUsage
	}
	return ExitFailed
}

// Run executes the command with the arguments after its name, prints an error to
// Stderr and returns the exit code.
func Run(ctx context.Context, opts Options, args []string) int {
	opts = opts.withDefaults()
	cmd := New(opts)
	addCompletion(cmd)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	var exit *ExitError
	told := errors.As(err, &exit) && exit.Err == nil
	if err != nil && !told {
		fmt.Fprintln(opts.Stderr, message(err))
	}
	return ExitCode(err)
}

// noArgs, exactArgs and group check arguments; what is wrong is wrong usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments, got %q", cmd.CommandPath(), args)
	}
	return nil
}

func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("usage: %s", cmd.UseLine())
		}
		return nil
	}
}

// group makes a command that only has subcommands: without one it prints its
// help, with an unknown one it names the nearest.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if err := notYet(cmd, args[0]); err != nil {
			return err
		}
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		return usage("unknown command %q for %q; %s",
			args[0], cmd.CommandPath(), didYouMean(args[0], names))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
