// Command withservers runs a command with throwaway database servers:
//
//	withservers -- go test ./...
//
// It starts the servers the tests ask for, sets their ANNALS_TEST_*_DSN variables for the command,
// stops them when it ends and exits with its code. Without a command, or with --serve, it prints
// the variables and keeps the servers until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"github.com/seed-162b1470/annals/internal/testdb/server"
)

// exitStart is the code when no command was run, apart from the codes of test runs.
const exitStart = 125

func main() {
	serve := flag.Bool("serve", false, "keep the servers until interrupted")
	compiler := flag.Bool("compiler", false, "make sure of a C compiler, which the race detector needs")
	flag.Parse()
	code, err := run(flag.Args(), *serve, *compiler)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
	}
	os.Exit(code)
}

func run(command []string, serve, compiler bool) (int, error) {
	// From here on an interrupt ends the command, which ends this program.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if compiler {
		if err := server.EnsureCompiler(ctx); err != nil {
			return exitStart, err
		}
	}
	var group server.Group
	variables, err := start(ctx, &group)
	if err == nil {
		err = server.EnsureClients(ctx) // after the servers, whose packages bring theirs
	}
	if err != nil {
		return exitStart, errors.Join(err, group.Stop())
	}
	code := 0
	if serve || len(command) == 0 {
		for _, v := range variables {
			fmt.Printf("export %s='%s'\n", v[0], v[1])
		}
		fmt.Fprintln(os.Stderr, "withservers: running, interrupt to stop")
		<-signals
	} else {
		code, err = runCommand(command, variables, signals)
	}
	for _, s := range group.Started() {
		if server.Keep() {
			fmt.Fprintf(os.Stderr, "withservers: %s stays in %s, connect with: %s\n", s.Kind, s.Dir, s.Connect)
		}
	}
	if stopErr := group.Stop(); stopErr != nil {
		return max(code, 1), errors.Join(err, stopErr)
	}
	return code, err
}

// start starts the servers the environment asks for and names none of, all at once.
func start(ctx context.Context, group *server.Group) ([][2]string, error) {
	kinds, err := server.Asked()
	if err != nil {
		return nil, err
	}
	var (
		wg        sync.WaitGroup
		mu        sync.Mutex
		variables [][2]string
		faults    error
	)
	for _, kind := range kinds {
		if kind == server.SQLite || os.Getenv(server.EnvDSN(kind)) != "" {
			continue
		}
		wg.Go(func() {
			s, err := group.Start(ctx, kind)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = errors.Join(faults, err)
				return
			}
			variables = append(variables, [2]string{server.EnvDSN(kind), s.DSN})
		})
	}
	wg.Wait()
	return variables, faults
}

// runCommand runs the command to its end, passes signals on, and returns its exit code.
func runCommand(command []string, variables [][2]string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	for _, v := range variables {
		cmd.Env = append(cmd.Env, v[0]+"="+v[1])
	}
	if err := cmd.Start(); err != nil {
		return exitStart, fmt.Errorf("run %s: %w", command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig) // it may have ended; then the next turn sees it
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() >= 0 {
				return exit.ExitCode(), nil
			}
			if err != nil {
				return 1, fmt.Errorf("%s: %w", command[0], err)
			}
			return 0, nil
		}
	}
}
