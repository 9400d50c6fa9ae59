package main

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// rows checks a number that is read from the database: rows DSN 1 'SELECT count(*) …'.
func rows(ts *testscript.TestScript, _ bool, args []string) {
	dsn := args[0]
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		dsn = "sqlite:" + ts.MkAbs(path)
	}
	db, _, err := open(context.Background(), dsn)
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	var got string
	ts.Check(db.QueryRow(args[2]).Scan(&got))
	if got != args[1] {
		ts.Fatalf("%s gives %s, want %s", args[2], got, args[1])
	}
}
