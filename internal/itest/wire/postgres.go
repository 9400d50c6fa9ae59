package wire

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Flights keeps what a client of PostgreSQL sends, a line for what it sends at once:
// the kinds of the messages, those with SQL in them with their text. It is safe for
// concurrent use.
type Flights struct {
	mu    sync.Mutex
	lines []string
}

// Take returns what was sent since the last time.
func (f *Flights) Take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = nil
	return lines
}

// Watch records what connections of the configuration send, after the messages that
// open them.
func Watch(cfg *pgx.ConnConfig) *Flights {
	f := &Flights{}
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &sender{Conn: c, flights: f}, nil
	}
	return f
}

// sender is a connection whose writes are read.
type sender struct {
	net.Conn
	flights *Flights
	rest    []byte
}

// Write implements net.Conn.
func (s *sender) Write(b []byte) (int, error) {
	if line := s.read(b); line != "" {
		s.flights.mu.Lock()
		s.flights.lines = append(s.flights.lines, line)
		s.flights.mu.Unlock()
	}
	return s.Conn.Write(b)
}

// read tells the messages of what is sent. Those that open a connection have no kind,
// but a length that begins with a zero.
func (s *sender) read(b []byte) string {
	var said []string
	s.rest = append(s.rest, b...)
	for len(s.rest) >= 5 {
		head := 1
		if s.rest[0] == 0 {
			head = 0
		}
		size := head + int(binary.BigEndian.Uint32(s.rest[head:]))
		if len(s.rest) < size {
			break
		}
		said = append(said, message(s.rest[:size], head)...)
		s.rest = s.rest[size:]
	}
	return strings.Join(said, " ")
}

func message(m []byte, head int) []string {
	switch {
	case head == 0, m[0] == 'p': // startup, password
		return nil
	case m[0] == 'Q':
		return []string{"Q:" + strings.TrimRight(string(m[5:]), "\x00")}
	case m[0] == 'P':
		parts := strings.SplitN(string(m[5:]), "\x00", 3)
		return []string{"P:" + parts[1]}
	}
	return []string{string(m[0])}
}
