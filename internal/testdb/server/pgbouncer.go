package server

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

const pgbouncerAdvice = "install PgBouncer (package pgbouncer)"

// StartPgBouncer starts a pooler in front of the PostgreSQL database of a DSN: one
// server connection for all clients, each transaction of which may be another's. It
// is installed like the servers are. The DSN of what it returns leads through it.
func (g *Group) StartPgBouncer(ctx context.Context, dsn string) (*Server, error) {
	s, err := g.startPgBouncer(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	return s, nil
}

func (g *Group) startPgBouncer(ctx context.Context, dsn string) (*Server, error) {
	var program string
	err := ensure(ctx, func() (err error) {
		program, err = findProgram([]string{"/usr/sbin", "/usr/local/sbin", "/usr/bin"}, "pgbouncer")
		return err
	}, pgbouncerAdvice, "pgbouncer")
	if err != nil {
		return nil, err
	}
	upstream, err := url.Parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the DSN of the server: not a URL")
	}
	user, err := unprivileged("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	dir, err := newFolder("pgbouncer", user)
	if err != nil {
		return nil, err
	}
	if err := g.watch(dir, 0, "-"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := writeFile(dir+"/pgbouncer.ini", pgbouncerConfig(upstream, port), user); err != nil {
		return nil, err
	}
	through := *upstream
	through.Host = fmt.Sprintf("127.0.0.1:%d", port)
	query := through.Query()
	query.Set("sslmode", "disable")
	// Statements that a server connection keeps prepared are another client's next time.
	query.Set("default_query_exec_mode", "exec")
	through.RawQuery = query.Encode()
	_, err = g.run(ctx, launch{
		dir: dir, bin: program, args: []string{dir + "/pgbouncer.ini"}, user: user,
		signal: "INT", driver: "pgx", dsn: through.String(),
	})
	if err != nil {
		return nil, err
	}
	return &Server{Kind: "pgbouncer", Dir: dir, DSN: through.String(), Connect: "psql " + through.String()}, nil
}

// pgbouncerConfig takes everybody for the account of the DSN.
func pgbouncerConfig(upstream *url.URL, port int) string {
	password, _ := upstream.User.Password()
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return strings.Join([]string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%s user=%s password=%s", upstream.Hostname(), upstream.Port(),
			quote(upstream.User.Username()), quote(password)),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		fmt.Sprintf("listen_port = %d", port),
		"unix_socket_dir =",
		"auth_type = any",
		"pool_mode = transaction",
		"default_pool_size = 1",
		"ignore_startup_parameters = extra_float_digits",
		"",
	}, "\n")
}
