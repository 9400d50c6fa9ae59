// Package guide runs what a guide of docs/guides tells people to type, word for
// word.
//
// Commands are the lines of blocks that begin with ```sh, or with ```sh and the
// scheme of a database for which they are. Only the address of the database and its
// name are replaced by those of the test.
package guide

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// World is where a guide is followed.
type World struct {
	// Between is called after each block of commands; nil does nothing.
	Between func()

	db  *testdb.DB
	dir string
	env []string
}

// Step is a block of commands and what they printed, by line.
type Step struct {
	Commands, Stdout, Stderr string
}

// New makes an empty folder with the program on its path, for a database that
// guides call by the name called ("chinook", chinook.db).
func New(t *testing.T, db *testdb.DB, program, called string) *World {
	t.Helper()
	w := &World{db: db, dir: t.TempDir()}
	bin := t.TempDir()
	link(t, program, filepath.Join(bin, "annals"))
	w.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PGOPTIONS=", "PSQLRC=/dev/null", "ANNALS_CONFIG=annals.yaml", "GORACE=atexit_sleep_ms=10")
	switch db.Dialect {
	case "sqlite":
		link(t, strings.TrimPrefix(db.DSN, "sqlite:"), filepath.Join(w.dir, called+".db"))
	case "mysql":
		w.clientOf(t, called)
	}
	return w
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}

// clientOf puts a client of the server's in the way of the real one, which knows
// where the server is and what the guide's name for the database means.
func (w *World) clientOf(t *testing.T, called string) {
	t.Helper()
	u, err := url.Parse(w.db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	client, err := exec.LookPath("mariadb")
	if err != nil {
		client, err = exec.LookPath("mysql")
	}
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	options := fmt.Sprintf("[client]\nhost=%s\nport=%s\nuser=%s\npassword=%s\n", u.Hostname(), u.Port(),
		u.User.Username(), password)
	file := filepath.Join(t.TempDir(), "my.cnf")
	script := "#!/bin/sh\n[ \"$1\" = " + called + " ] && shift && set -- " + strings.TrimPrefix(u.Path, "/") +
		" \"$@\"\nexec " + client + " --defaults-file=" + file + " \"$@\"\n"
	bin := t.TempDir()
	for name, text := range map[string]string{file: options, filepath.Join(bin, "mariadb"): script} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range w.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			w.env[i] = "PATH=" + bin + string(os.PathListSeparator) + path
		}
	}
}

// address is the line that says where the database is.
var address = regexp.MustCompile(`(?m)^export DATABASE_URL=.*$`)

// Follow runs the guide's blocks in order; each has to succeed.
func (w *World) Follow(t *testing.T, file string) []Step {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []Step
	for _, commands := range blocks(string(text), w.db.Dialect) {
		steps = append(steps, w.Run(t, commands))
		if w.Between != nil {
			w.Between()
		}
	}
	if len(steps) == 0 {
		t.Fatalf("%s has no commands for %s", file, w.db.Dialect)
	}
	return steps
}

// blocks are the commands for a database.
func blocks(text, dialect string) []string {
	var found []string
	for _, part := range regexp.MustCompile("(?ms)^```sh([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		kinds := strings.Fields(part[1])
		if len(kinds) == 0 || slices.Contains(kinds, dialect) {
			found = append(found, part[2])
		}
	}
	return found
}

// Run executes commands as a shell would that stops at the first failure. What it
// exports stays.
func (w *World) Run(t *testing.T, commands string) Step {
	t.Helper()
	if address.MatchString(commands) {
		w.env = append(w.env, "DATABASE_URL="+w.db.DSN)
		commands = address.ReplaceAllString(commands, "")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = w.dir, w.env
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	s := Step{Commands: commands, Stdout: stdout.String(), Stderr: stderr.String()}
	if err != nil {
		t.Fatalf("%s\n%v\n%s\n%s", commands, err, s.Stdout, s.Stderr)
	}
	return s
}
