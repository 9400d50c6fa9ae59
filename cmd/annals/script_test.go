package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-162b1470/annals/lock"
	"github.com/seed-162b1470/annals/schema"
)

// exits runs a program and checks its exit code: exits 2 annals config check.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s",
			got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// nextPage is exits for the page behind the one that was just printed.
func nextPage(ts *testscript.TestScript, neg bool, args []string) {
	_, cursor, ok := strings.Cut(strings.TrimSpace(ts.ReadFile("stderr")), "--cursor ")
	if !ok {
		ts.Fatalf("stderr tells no cursor")
	}
	cursor, _, _ = strings.Cut(cursor, " ")
	exits(ts, neg, append(slices.Clone(args), "--cursor", cursor))
}

// execSQL executes statements: sql DSN 'CREATE TABLE …' ….
func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	dsn := args[0]
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		dsn = "sqlite:" + ts.MkAbs(path) + "?mode=rwc"
	}
	db, _, err := open(context.Background(), dsn)
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	for _, statement := range args[1:] {
		if _, err := db.Exec(statement); err != nil {
			ts.Fatalf("%s: %v", statement, err)
		}
	}
}

// locked holds a lock until the script ends, that of the schema manager where none
// is named: locked DSN 'annals clean'.
func locked(ts *testscript.TestScript, _ bool, args []string) {
	db, d, err := open(context.Background(), args[0])
	ts.Check(err)
	name := schema.LockName
	if len(args) > 1 {
		name = args[1]
	}
	l, err := lock.Acquire(context.Background(), db, d, name)
	ts.Check(err)
	ts.Defer(func() {
		ts.Check(l.Release(context.Background()))
		ts.Check(db.Close())
	})
}

// jsonl checks that stdout is a number of JSON objects, one a line, and that each
// has the keys: jsonl 3 entity type.
func jsonl(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	var lines []string
	if text != "" {
		lines = strings.Split(text, "\n")
	}
	if len(lines) != want {
		ts.Fatalf("%d lines, want %d:\n%s", len(lines), want, text)
	}
	for _, line := range lines {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%v in %s", err, line)
		}
		for _, key := range args[1:] {
			if _, ok := object[key]; !ok {
				ts.Fatalf("no key %q in %s", key, line)
			}
		}
	}
}

// secretless checks that neither output nor the named files hold the password of
// the database, which the server's own user has.
func secretless(ts *testscript.TestScript, _ bool, args []string) {
	secret := ts.Getenv("PASSWORD")
	if secret == "" {
		return // SQLite has none
	}
	for _, file := range slices.Concat([]string{"stdout", "stderr"}, args) {
		if strings.Contains(ts.ReadFile(file), secret) {
			ts.Fatalf("the password stands in %s:\n%s", file, ts.ReadFile(file))
		}
	}
}

func password(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil {
		return ""
	}
	p, _ := u.User.Password()
	return p
}
