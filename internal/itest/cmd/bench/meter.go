package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// figures are what a probe reads: of each two readings the difference counts.
type figures struct {
	// cpu is the time on a processor, log the bytes written ahead.
	cpu time.Duration
	log int64
}

// probe reads what a session costs its server.
type probe struct {
	cpu func() (time.Duration, error)
	log func(ctx context.Context) (int64, error)
}

func (p probe) read(ctx context.Context) (f figures, err error) {
	if f.log, err = p.log(ctx); err != nil {
		return f, fmt.Errorf("read bytes of the log: %w", err)
	}
	if f.cpu, err = p.cpu(); err != nil {
		return f, fmt.Errorf("read time on a processor: %w", err)
	}
	return f, nil
}

// threadTime is the time that a thread has been on a processor, to the nanosecond.
// A kernel that does not tell gives 0.
func threadTime(id int) func() (time.Duration, error) {
	name := fmt.Sprintf("/proc/%d/task/%d/schedstat", id, id)
	return func() (time.Duration, error) {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		return time.Duration(n), err
	}
}

// asked is a probe that asks the database itself, by a connection of its own.
func asked(db *sql.DB, query string) func(ctx context.Context) (int64, error) {
	return func(ctx context.Context) (n int64, err error) {
		return n, db.QueryRowContext(ctx, query).Scan(&n)
	}
}
