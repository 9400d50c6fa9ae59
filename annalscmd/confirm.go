package annalscmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

// asks reports whether there is somebody to answer a question.
func (a *app) asks() bool {
	in, ok := a.opts.Stdin.(io.Writer)
	return !a.noInteraction && ok && a.opts.Terminal(in) && a.opts.Terminal(a.opts.Stderr)
}

// confirm asks a question on stderr; anything but y or yes is no.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(a.opts.Stderr, "%s [y/N] ", term.Safe(question))
	answer := make(chan string, 1)
	go func() {
		// Nothing can end the read but an answer; the process may end before it.
		line, _ := bufio.NewReader(a.opts.Stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.opts.Stderr)
		return false, fmt.Errorf("wait for an answer: %w", ctx.Err())
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}
