// Package annalscmd is the annals command as a library: New returns its cobra
// command tree, Run executes it and turns errors into exit codes, Mount adds it,
// or single commands of it, to a program's own command.
//
// The package opens no database by itself: Options.Open does, so that a program
// links only the drivers it wants. The program cmd/annals links all of them. A
// program that has an auditor already gives it as Options.Auditor; the commands
// then ask its databases, and need no annals.yaml.
package annalscmd

import (
	"context"
	"database/sql"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
)

// Opener opens the database of a DSN as the configuration has it
// (postgres://…, mysql://…, sqlite:…), makes sure that it answers and tells which
// database it is, as dialect.Detect does. A server
// that does not gives an error that matches annals.ErrUnreachable, a database or
// file that does not exist one that matches annals.ErrNotFound. A SQLite file is
// created only where the DSN says mode=rwc. Passwords never stand in errors.
type Opener func(ctx context.Context, dsn string) (*sql.DB, dialect.Dialect, error)

// Options are what the command takes from its program. Open or Auditor is
// required; the rest has the process's own as default.
type Options struct {
	// Open opens the databases of annals.yaml.
	Open Opener
	// Auditor gives the program's own auditor, in place of annals.yaml; --config is
	// left out then, and without Open the command init too. It is called once an
	// execution, by the first command that needs it, and what it returns is closed
	// at the end: that closes what auditor.Open opened, and leaves the databases
	// that auditor.New was given open.
	Auditor func(ctx context.Context) (*auditor.Auditor, error)
	// Name is the command's name; default annals.
	Name string
	// Version is what "annals version" prints; default "dev".
	Version string
	// Stdin, Stdout and Stderr; data goes to Stdout, everything else to Stderr.
	// Mounted commands have those of their parent as default.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Env looks up environment variables.
	Env func(name string) (value string, set bool)
	// Now is the clock.
	Now func() time.Time
	// Demo is what "annals demo" runs, such as that of package annalscmd/demo; nil
	// leaves the command out.
	Demo func(ctx context.Context, d Demo) error
	// Terminal reports whether a writer is a terminal: colours and progress are
	// for terminals only.
	Terminal func(w io.Writer) bool
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "annals"
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Terminal == nil {
		o.Terminal = isTerminal
	}
	return o
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
