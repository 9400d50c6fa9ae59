package annalscmd_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
)

// program is a command that annals is mounted in.
type program struct {
	*cobra.Command
	stdout, stderr bytes.Buffer
	config         string
	before         int
}

func newProgram() *program {
	p := &program{}
	p.Command = &cobra.Command{
		Use:              "mycli",
		PersistentPreRun: func(*cobra.Command, []string) { p.before++ },
		Run:              func(*cobra.Command, []string) {},
	}
	f := p.PersistentFlags()
	f.StringVar(&p.config, "config", "", "the program's own configuration")
	f.IntP("volume", "v", 0, "clashes with -v")
	f.BoolP("insist", "i", false, "clashes with -i")
	return p
}

// run sets the streams last: they may change after the commands were mounted.
func (p *program) run(args ...string) error {
	p.SetOut(&p.stdout)
	p.SetErr(&p.stderr)
	p.SetArgs(args)
	return p.ExecuteContext(context.Background())
}

// noDatabase opens nothing.
func noDatabase(context.Context, string) (*sql.DB, dialect.Dialect, error) {
	return nil, nil, fmt.Errorf("no server\x1b[2J: %w", annals.ErrUnreachable)
}

func TestMountTree(t *testing.T) {
	p := newProgram()
	err := annalscmd.Mount(p.Command, annalscmd.Options{
		Open: noDatabase, Version: "1.2.3", Env: noEnv,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run("annals", "version", "--config", "own.yaml", "-v", "3", "-i"); err != nil {
		t.Fatal(err)
	}
	if got := p.stdout.String(); got != "annals 1.2.3\n" {
		t.Errorf("stdout %q", got)
	}
	if p.config != "own.yaml" || p.before != 1 {
		t.Errorf("the program got --config %q, PersistentPreRun ran %d times", p.config, p.before)
	}
}

func noEnv(string) (string, bool) { return "", false }

// Errors are returned: whoever executes prints them once and decides the exit.
func TestMountErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stderr string
		silent bool
	}{
		{
			name: "wrong flag", args: []string{"annals", "log", "--nonsense"}, code: 2,
			stderr: "Error: unknown flag: --nonsense; see mycli annals log --help\n",
		},
		{
			name: "wrong arguments", args: []string{"annals", "history", "post"}, code: 2,
			stderr: "Error: usage: mycli annals history ",
		},
		{
			name: "unknown command", args: []string{"annals", "lgo"}, code: 2,
			stderr: `Error: unknown command "lgo" for "mycli annals"; `,
		},
		{
			name: "no file", args: []string{"annals", "log", "--annals-config", "none.yaml"}, code: 2,
			stderr: "none.yaml",
		},
		{
			name: "no server", args: []string{"annals", "init", "--dsn", "sqlite:x.db", "--out", "-"},
			code: 1, stderr: `Error: no server\x1b[2J`,
		},
		{
			name: "the program prints", args: []string{"annals", "log", "--nonsense"}, code: 2,
			silent: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProgram()
			p.SilenceErrors = c.silent
			opts := annalscmd.Options{Open: noDatabase, Env: noEnv}
			if err := annalscmd.Mount(p.Command, opts); err != nil {
				t.Fatal(err)
			}
			err := p.run(c.args...)
			if got := annalscmd.ExitCode(err); got != c.code {
				t.Errorf("exit code %d, want %d (%v)", got, c.code, err)
			}
			if !strings.Contains(p.stderr.String(), c.stderr) || c.silent && p.stderr.Len() > 0 {
				t.Errorf("stderr:\n%s\nwant %s", p.stderr.String(), c.stderr)
			}
			if p.stdout.Len() > 0 || strings.Contains(p.stderr.String(), "Usage:") {
				t.Errorf("stdout:\n%s\nstderr:\n%s", p.stdout.String(), p.stderr.String())
			}
			if strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("the text of the error could command a terminal: %q", err)
			}
		})
	}
}

// Streams of the options come before the parent's.
func TestMountStreams(t *testing.T) {
	for _, names := range [][]string{nil, {"version"}} {
		p := newProgram()
		var out bytes.Buffer
		opts := annalscmd.Options{Open: noDatabase, Version: "1", Env: noEnv, Stdout: &out}
		if err := annalscmd.Mount(p.Command, opts, names...); err != nil {
			t.Fatal(err)
		}
		args := []string{"annals", "version"}
		if names != nil {
			args = names
		}
		if err := p.run(args...); err != nil {
			t.Fatal(err)
		}
		if out.String() != "annals 1\n" || p.stdout.Len() > 0 {
			t.Errorf("%v: given %q, the parent's %q", args, out.String(), p.stdout.String())
		}
	}
}

func TestMountSingle(t *testing.T) {
	p := newProgram()
	opts := annalscmd.Options{Open: noDatabase, Version: "1.2.3", Env: noEnv}
	if err := annalscmd.Mount(p.Command, opts, "version", "log", "schema"); err != nil {
		t.Fatal(err)
	}
	if err := p.run("version", "--verbose", "--verbose"); err != nil {
		t.Fatal(err)
	}
	if got := p.stdout.String(); got != "annals 1.2.3\n" {
		t.Errorf("stdout %q", got)
	}
	err := p.run("log", "--nonsense")
	if annalscmd.ExitCode(err) != 2 || !strings.Contains(p.stderr.String(), "see mycli log --help") {
		t.Errorf("%v; stderr:\n%s", err, p.stderr.String())
	}
	if err := p.run("schema", "update"); annalscmd.ExitCode(err) != 2 {
		t.Errorf("schema update = %v", err)
	}
}

func TestMountFaults(t *testing.T) {
	open := annalscmd.Options{Open: noDatabase}
	for _, c := range []struct {
		name string
		opts annalscmd.Options
		args []string
		want string
	}{
		{"nothing to open", annalscmd.Options{}, nil, "neither Open nor Auditor"},
		{"unknown", open, []string{"histroy"}, `history`},
		{"taken", open, []string{"log", "serve-all"}, "mycli has one of that name already"},
		{"alias", open, []string{"show"}, "mycli has one of that name already"},
		{"twice", open, []string{"history", "history"}, "mycli has one of that name already"},
		{"whole", annalscmd.Options{Open: noDatabase, Name: "log"}, nil, "has one of that name already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProgram()
			p.AddCommand(&cobra.Command{Use: "log", Aliases: []string{"show"}})
			err := annalscmd.Mount(p.Command, c.opts, c.args...)
			if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Mount = %v, want %s", err, c.want)
			}
			if n := len(p.Commands()); n != 1 {
				t.Errorf("%d commands, want the program's own alone", n)
			}
		})
	}
}

// Two programs in one process, and two trees in one program, share nothing.
func TestMountTwice(t *testing.T) {
	one, two := newProgram(), newProgram()
	for _, m := range []struct {
		p       *program
		name, v string
	}{{one, "audit", "1"}, {one, "archive", "2"}, {two, "annals", "3"}} {
		opts := annalscmd.Options{Open: noDatabase, Version: m.v, Name: m.name, Env: noEnv}
		if err := annalscmd.Mount(m.p.Command, opts); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		one.run("audit", "version"), two.run("annals", "version"), one.run("archive", "version"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := one.stdout.String() + two.stdout.String(); got != "annals 1\nannals 2\nannals 3\n" {
		t.Errorf("stdout %q", got)
	}
}

// Without a file there is no flag for one, and no init.
func TestMountAuditorFails(t *testing.T) {
	cause := errors.New("no database yet")
	p := newProgram()
	var got context.Context
	err := annalscmd.Mount(p.Command, annalscmd.Options{
		Auditor: func(ctx context.Context) (*auditor.Auditor, error) { got = ctx; return nil, cause },
	})
	if err != nil {
		t.Fatal(err)
	}
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "parent's")
	p.SetArgs([]string{"annals", "log"})
	if err := p.ExecuteContext(ctx); !errors.Is(err, cause) || annalscmd.ExitCode(err) != 1 {
		t.Errorf("log = %v", err)
	}
	if got == nil || got.Value(key{}) != "parent's" {
		t.Error("the auditor was not asked for with the context of the execution")
	}
	for _, args := range [][]string{{"annals", "init"}, {"annals", "log", "--annals-config", "x"}} {
		if err := p.run(args...); annalscmd.ExitCode(err) != 2 {
			t.Errorf("%v = %v", args, err)
		}
	}
}

func ExampleMount() {
	root := &cobra.Command{Use: "mycli"}
	newAuditor := func(context.Context) (*auditor.Auditor, error) {
		return auditor.New(auditor.Config{ /* the program's sources and entities */ })
	}
	err := annalscmd.Mount(root, annalscmd.Options{Auditor: newAuditor, Name: "audit"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cmd := range root.Commands()[0].Commands() {
		if cmd.Name() == "history" {
			fmt.Println(cmd.CommandPath())
		}
	}
	// Output: mycli audit history
}
