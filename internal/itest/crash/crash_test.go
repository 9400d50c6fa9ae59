package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/internal/testdb/server"
)

const (
	rounds  = 2
	writers = 4
	// transactions are how many a server sees at least before it dies.
	transactions = 200
)

// A server that dies leaves no change without its record, and no record without its
// change; nor does a client that is killed in the middle of a transaction.
func TestServerCrash(t *testing.T) {
	for _, kind := range []string{server.Postgres, server.MariaDB} {
		if !slices.Contains(testdb.Kinds(), kind) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var group server.Group
			t.Cleanup(func() {
				if err := group.Stop(); err != nil {
					t.Error(err)
				}
			})
			s, err := group.Start(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			h := newHost(t, s)
			tables(t, h.db)
			a := newAnnals(t, h.dsn)
			a.run("schema", "update", "--force")
			a.run("trigger", "create", "--force")
			a.run("epoch", "import")
			for round := range rounds {
				h.writeAndCrash(t, uint64(round))
				if err := group.Restart(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			check(t, a, h.db)
		})
	}
}

// host is a server of the test's own, with a database on it.
type host struct {
	server *server.Server
	dsn    string
	db     *sql.DB
	client func(ctx context.Context) *exec.Cmd
}

func newHost(t *testing.T, s *server.Server) *host {
	t.Helper()
	u, err := url.Parse(s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	h := &host{server: s}
	driver := func(name string) (string, string) {
		if s.Kind == server.MariaDB {
			return "mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s", u.User.Username(), password, u.Host, name)
		}
		other := *u
		other.Path = "/" + name
		return "pgx", other.String()
	}
	home := map[string]string{server.Postgres: "postgres"}[s.Kind]
	admin, err := sql.Open(driver(home))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE crash"); err != nil {
		t.Fatal(err)
	}
	u.Path = "/crash"
	h.dsn = u.String()
	if h.db, err = sql.Open(driver("crash")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	h.client = func(ctx context.Context) *exec.Cmd {
		if s.Kind == server.Postgres {
			return exec.CommandContext(ctx, "psql", "-X", "-q", "-d", h.dsn)
		}
		cmd := exec.CommandContext(ctx, "mariadb", "-h", u.Hostname(), "-P", u.Port(), "-u", u.User.Username(), "crash")
		cmd.Env = append(os.Environ(), "MYSQL_PWD="+password)
		return cmd
	}
	return h
}

// writeAndCrash lets writers work for a moment, kills clients meanwhile and the
// server in the end.
func (h *host) writeAndCrash(t *testing.T, seed uint64) {
	t.Helper()
	var work sync.WaitGroup
	var done atomic.Int64
	for n := range writers {
		w := &writer{db: h.db, r: rand.New(rand.NewPCG(seed, uint64(n))), begin: "BEGIN", done: &done}
		work.Go(func() {
			for t.Context().Err() == nil {
				err := w.forever(t.Context())
				if h.db.PingContext(t.Context()) != nil {
					return // the server is gone
				}
				t.Logf("a writer goes on after: %v", err) // a lock that was waited for too long
			}
		})
	}
	r := rand.New(rand.NewPCG(seed, writers))
	for range 3 {
		h.killClient(t, r)
	}
	for tick := time.NewTicker(time.Millisecond); done.Load() < transactions; {
		select {
		case <-t.Context().Done():
			t.Fatal("the writers do not get on")
		case <-tick.C:
		}
	}
	if err := h.server.Crash(); err != nil {
		t.Fatal(err)
	}
	work.Wait()
}

// killClient starts the database's own client on a long transaction and kills it.
func (h *host) killClient(t *testing.T, r *rand.Rand) {
	t.Helper()
	cmd := h.client(t.Context())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &writer{r: r}
	text := "BEGIN;\n"
	for range 50 {
		text += strings.Join(w.change(accounts-1), ";\n") + ";\n"
	}
	if _, err := in.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	// Long enough to connect and begin: the end is meant to come at no special place.
	timer := time.NewTimer(time.Duration(100+r.IntN(300)) * time.Millisecond)
	<-timer.C
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// A program that is killed leaves a file of SQLite whose books balance.
func TestProgramKilled(t *testing.T) {
	if !slices.Contains(testdb.Kinds(), server.SQLite) {
		return
	}
	file := filepath.Join(t.TempDir(), "crash.db")
	db, err := sql.Open("sqlite", openFile(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tables(t, db)
	a := newAnnals(t, "sqlite:"+file)
	a.run("schema", "update", "--force")
	a.run("trigger", "create", "--force")
	a.run("epoch", "import")
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 * rounds {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), childVariable+"="+file)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.NewTimer(time.Duration(300+r.IntN(400)) * time.Millisecond)
		<-timer.C
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
	}
	check(t, a, db)
}

func openFile(file string) string {
	return "file:" + file + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)"
}

// writeForever is the child's work.
func writeForever(file string) error {
	db, err := sql.Open("sqlite", openFile(file))
	if err != nil {
		return err
	}
	w := &writer{db: db, r: rand.New(rand.NewPCG(uint64(os.Getpid()), 0)), begin: "BEGIN IMMEDIATE"}
	return w.forever(context.Background())
}
