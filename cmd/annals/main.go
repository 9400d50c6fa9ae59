// Command annals keeps the record of who changed what in a SQL database, and lets
// people read it. It is package annalscmd with the drivers for PostgreSQL, MySQL,
// MariaDB and SQLite.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/annalscmd/demo"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := annalscmd.Options{Open: open, Demo: demo.Run, Version: buildVersion()}
	return annalscmd.Run(ctx, opts, os.Args[1:])
}

// buildVersion is the module's version, as the build recorded it.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "dev"
}
