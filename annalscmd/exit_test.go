package annalscmd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{annals.ErrUnreachable, 1},
		{annals.ErrSchema, 1},
		{annals.ErrNotFound, 1},
		{annals.ErrConfig, 2},
		{annals.ErrUnknownEntity, 2},
		{annals.ErrCursor, 2},
		{&annals.ConfigError{}, 2},
		{&annals.LockedError{Lock: "x", Holder: "y"}, 3},
		{&annalscmd.ExitError{Code: 4}, 4},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("wrapped: %w", err)
		}
		if got := annalscmd.ExitCode(err); got != c.want {
			t.Errorf("ExitCode(%v) = %d, want %d", err, got, c.want)
		}
	}
}

// run executes the command without any database.
func run(t *testing.T, opts annalscmd.Options, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	opts.Stdout, opts.Stderr, opts.Stdin = &out, &err, strings.NewReader("")
	if opts.Env == nil {
		opts.Env = func(string) (string, bool) { return "", false }
	}
	code = annalscmd.Run(context.Background(), opts, args)
	return code, out.String(), err.String()
}

func TestWithoutOpener(t *testing.T) {
	code, _, stderr := run(t, annalscmd.Options{}, "init", "--dsn", "sqlite:x.db")
	if code != 1 || !strings.Contains(stderr, "Options.Open is required") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Errors may carry what came from outside: it must not reach the terminal raw.
func TestMessagesAreSafe(t *testing.T) {
	code, _, stderr := run(t, annalscmd.Options{}, "\x1b[2Jlog\nx")
	if code != 2 || strings.ContainsAny(stderr, "\x1b") {
		t.Errorf("exit %d: %q", code, stderr)
	}
}

func TestDemoIsOptional(t *testing.T) {
	if code, _, _ := run(t, annalscmd.Options{}, "demo"); code != 2 {
		t.Errorf("demo without a demo: exit %d", code)
	}
	var got annalscmd.Demo
	code, _, stderr := run(t, annalscmd.Options{
		Demo: func(_ context.Context, d annalscmd.Demo) error { got = d; return nil },
	}, "demo", "--drop", "--dsn", "sqlite:x")
	if code != 0 || !got.Drop || got.DSN != "sqlite:x" {
		t.Errorf("exit %d, %+v, %s", code, got, stderr)
	}
}

func ExampleRun() {
	code := annalscmd.Run(context.Background(), annalscmd.Options{Version: "1.2.3"},
		[]string{"version"})
	fmt.Println(code)
	// Output:
	// annals 1.2.3
	// 0
}
