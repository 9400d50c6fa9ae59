package server

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// startTimeout bounds how long a server may take to answer; generous for a loaded machine.
const startTimeout = 2 * time.Minute

// Server is one running server.
type Server struct {
	Kind    string
	DSN     string // of its superuser, with scheme: postgres://…, mysql://…
	Connect string // the command line that opens a client on it
	Dir     string // data, socket and log

	running *running
}

// Group starts servers and ends them together. The zero value is ready; use it from any goroutine.
type Group struct {
	mu      sync.Mutex
	guard   *guard
	started []*Server
}

// Start installs the server's binaries where that is possible and they are missing, then starts a
// server of the kind and waits until it answers.
func (g *Group) Start(ctx context.Context, kind string) (*Server, error) {
	var (
		s   *Server
		err error
	)
	switch kind {
	case Postgres:
		s, err = g.startPostgres(ctx)
	case MariaDB:
		s, err = g.startMariaDB(ctx)
	default:
		err = fmt.Errorf("set %s to the DSN of a running server: none is started for this kind", EnvDSN(kind))
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started = append(g.started, s)
	return s, nil
}

// Started lists the servers running now.
func (g *Group) Started() []*Server {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Server(nil), g.started...)
}

// Stop ends the servers and removes their data; with ANNALS_TEST_KEEP it leaves both. It may be
// called twice.
func (g *Group) Stop() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.guard == nil {
		return nil
	}
	err := g.guard.close()
	g.guard, g.started = nil, nil
	return err
}

// watch hands a data folder, and the process running on it when pid is not 0, to the guard.
func (g *Group) watch(dir string, pid int, signal string) error {
	if Keep() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.guard == nil {
		guard, err := startGuard()
		if err != nil {
			return err
		}
		g.guard = guard
	}
	return g.guard.add(dir, pid, signal)
}

// launch describes how one server is run.
type launch struct {
	dir    string // holds everything of this server
	bin    string
	args   []string
	user   *account
	signal string // ends the server fast; its data is of no further use
	driver string
	dsn    string // in the driver's form
}

// running is a server's process.
type running struct {
	launch
	process *os.Process
	ended   chan error
}

// run starts the server process and waits until it answers a query or ends.
func (g *Group) run(ctx context.Context, l launch) (*running, error) {
	logFile, err := os.OpenFile(l.dir+"/server.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	defer logFile.Close() //nolint:errcheck // the server process holds its own handle
	cmd := exec.Command(l.bin, l.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, logFile, logFile
	cmd.Env = cleanEnv()
	detach(cmd, l.user)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", l.bin, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := g.watch(l.dir, cmd.Process.Pid, l.signal); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	if err := awaitAnswer(ctx, l, ended); err != nil {
		_ = cmd.Process.Kill() // it may have ended already; the guard removes the data
		return nil, fmt.Errorf("%w\n%s", err, tail(logFile.Name()))
	}
	return &running{l, cmd.Process, ended}, nil
}

// errEnded is a server that gave up without an error code.
var errEnded = errors.New("exit code 0")

// awaitAnswer polls the server until it answers, its process ends or ctx is done.
func awaitAnswer(ctx context.Context, l launch, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := sql.Open(l.driver, l.dsn)
	if err != nil {
		return fmt.Errorf("open connection: %w", err)
	}
	defer db.Close() //nolint:errcheck // only used to probe
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error // before the deadline, which says nothing
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case exit := <-ended:
			return fmt.Errorf("server ended while starting: %w: %w", cmp.Or(exit, errEnded), last)
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w: %w", ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// runTool runs a set-up program to its end; its output is part of the error.
func runTool(ctx context.Context, user *account, dir, bin string, args ...string) error {
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir, cmd.Env = dir, cleanEnv()
	detach(cmd, user)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", bin, err, out)
	}
	return nil
}

// cleanEnv drops the variables that would point the servers or their tools somewhere else.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "MYSQL_") ||
			strings.HasPrefix(kv, "LC_") || strings.HasPrefix(kv, "LANG") {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "LC_ALL=C")
}

// tail returns the end of a log, to explain a failed start.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
