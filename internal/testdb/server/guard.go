package server

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// guardScript reads "signal pid folder" lines until its input closes, which happens when the
// starting process closes the pipe or ends. Then it signals the servers, waits for them up to
// 10 seconds, ends by force what is left, and removes the folders.
const guardScript = `
set -f
pids= dirs=
while read -r sig pid dir; do
	if [ "$pid" != 0 ]; then pids="$pids $sig:$pid"; fi
	dirs="$dirs
$dir"
done
for p in $pids; do kill -s "${p%%:*}" "${p##*:}" 2>/dev/null; done
for p in $pids; do
	n=0
	while kill -0 "${p##*:}" 2>/dev/null; do
		n=$((n + 1))
		if [ "$n" -gt 200 ]; then kill -s KILL "${p##*:}" 2>/dev/null; break; fi
		sleep 0.05
	done
done
IFS='
'
for d in $dirs; do rm -rf -- "$d"; done
`

// guard is the process that outlives this one for as long as it takes to clean up.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startGuard() (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Dir = "/"
	// Its own session: an interrupt from the terminal reaches the tests, not the guard.
	detach(cmd, nil)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open guard pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return &guard{cmd: cmd, pipe: pipe}, nil
}

func (g *guard) add(dir string, pid int, signal string) error {
	if strings.ContainsAny(dir, "\n") {
		return fmt.Errorf("temporary folder %q has a line break in its name", dir)
	}
	if _, err := fmt.Fprintf(g.pipe, "%s %d %s\n", signal, pid, dir); err != nil {
		return fmt.Errorf("tell guard: %w", err)
	}
	return nil
}

// close lets the guard clean up and waits for it.
func (g *guard) close() error {
	if err := g.pipe.Close(); err != nil {
		return fmt.Errorf("close guard pipe: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("stop servers: %w", err)
	}
	return nil
}
