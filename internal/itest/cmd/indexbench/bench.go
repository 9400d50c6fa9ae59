package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
	_ "modernc.org/sqlite"             // registers "sqlite"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

const pageSize = 50

// bench is one database under measurement.
type bench struct {
	kind, version string
	db            *sql.DB
	d             dialect.Dialect
	store         *sqlstore.Store
	drop          func(ctx context.Context) error
	written       int
}

func itoa(n int) string { return strconv.Itoa(n) }

func join(errs ...error) error { return errors.Join(errs...) }

// openBench makes an empty database.
func openBench(ctx context.Context, kind, dir string) (*bench, error) {
	name := "annals_indexbench_" + strings.ToLower(rand.Text())[:8]
	b := &bench{kind: kind}
	var err error
	switch kind {
	case "sqlite":
		err = b.openSQLite(filepath.Join(dir, name+".db"))
	case "postgres":
		err = b.openServer(ctx, "ANNALS_TEST_POSTGRES_DSN", name, dialect.PostgresName)
	case "mariadb":
		err = b.openServer(ctx, "ANNALS_TEST_MARIADB_DSN", name, dialect.MySQLName)
	default:
		err = errors.New("unknown database")
	}
	if err != nil {
		return nil, err
	}
	scheme := map[string]string{"mariadb": dialect.MySQLName}[kind]
	if scheme == "" {
		scheme = kind
	}
	if b.d, err = dialect.Detect(ctx, b.db, scheme); err != nil {
		return nil, join(err, b.drop(ctx))
	}
	b.store, err = sqlstore.New(sqlstore.Config{
		Name: "bench", DB: b.db, Dialect: b.d,
		AuditTable: func(_ context.Context, entity string) (annals.Table, error) { return auditTable(entity), nil },
	})
	if err != nil {
		return nil, join(err, b.drop(ctx))
	}
	version := map[string]string{"sqlite": "SELECT sqlite_version()"}[kind]
	if version == "" {
		version = "SELECT version()"
	}
	return b, b.db.QueryRowContext(ctx, version).Scan(&b.version)
}

func auditTable(entity string) annals.Table { return annals.Table{Name: entity + "_audit"} }

func (b *bench) openSQLite(file string) (err error) {
	b.db, err = sql.Open("sqlite", file+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	b.drop = func(context.Context) error {
		err := b.db.Close()
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if gone := os.Remove(file + suffix); gone != nil && !errors.Is(gone, os.ErrNotExist) {
				err = join(err, gone)
			}
		}
		return err
	}
	return err
}

func (b *bench) openServer(ctx context.Context, variable, name, scheme string) error {
	u, err := url.Parse(os.Getenv(variable))
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s is no DSN of a server", variable) // the cause would show the password
	}
	admin, err := openURL(u, scheme)
	if err != nil {
		return err
	}
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return join(err, admin.Close())
	}
	own := *u
	own.Path = "/" + name
	b.drop = func(ctx context.Context) error {
		err := b.db.Close()
		_, dropped := admin.ExecContext(ctx, "DROP DATABASE "+name)
		return join(err, dropped, admin.Close())
	}
	b.db, err = openURL(&own, scheme)
	return err
}

func openURL(u *url.URL, scheme string) (*sql.DB, error) {
	if scheme == dialect.PostgresName {
		return sql.Open("pgx", u.String())
	}
	cfg := mysql.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	cfg.Params = map[string]string{"charset": "utf8mb4"}
	return sql.Open("mysql", cfg.FormatDSN())
}

// install makes the tables of entities with the lean set.
func (b *bench) install(ctx context.Context, entities ...string) error {
	target := schema.Target{Name: "bench", DB: b.db, Dialect: b.d}
	for _, name := range entities {
		target.Entities = append(target.Entities, schema.EntityTable{
			Entity: annals.Entity{Name: name, Source: "app", Table: annals.Table{Name: name}},
			Audit:  auditTable(name),
		})
	}
	m, err := schema.New(schema.Config{Targets: []schema.Target{target}})
	if err != nil {
		return err
	}
	plans, err := m.Plan(ctx)
	if err != nil {
		return err
	}
	for _, s := range plans[0].Statements {
		if err := b.exec(ctx, s.SQL); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) exec(ctx context.Context, statement string) error {
	if _, err := b.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// dropIndexes takes away what the lean set has besides the unique index.
func (b *bench) dropIndexes(ctx context.Context, indexes []layout.Index, t annals.Table) error {
	for _, i := range indexes {
		if i.Unique {
			continue
		}
		statement := "DROP INDEX " + b.d.Quote(i.Name)
		if b.kind == "mariadb" {
			statement += " ON " + b.d.Table(t)
		}
		if err := b.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// load fills post_audit and tag_audit, which have no index but the unique one.
func (b *bench) load(ctx context.Context, d data) error {
	if err := b.install(ctx, "post", "tag"); err != nil {
		return err
	}
	for _, entity := range []string{"post", "tag"} {
		shape := layout.Entries(auditTable(entity), layout.Lean, b.d.Limits())
		if err := b.dropIndexes(ctx, shape.Indexes, shape.Name); err != nil {
			return err
		}
	}
	begun := time.Now()
	for at := 0; at < d.n; at += batchSize {
		if err := b.store.Write(ctx, d.batch(at, min(at+batchSize, d.n))); err != nil {
			return err
		}
	}
	b.written = d.n
	fmt.Fprintf(os.Stderr, "%s: loaded %d entries in %s\n", b.kind, d.n, time.Since(begun).Round(time.Second))
	return nil
}

// settle brings statistics up to date and writes back what is dirty.
func (b *bench) settle(ctx context.Context) error {
	switch b.kind {
	case "postgres":
		return join(b.exec(ctx, "VACUUM ANALYZE"), b.exec(ctx, "CHECKPOINT"))
	case "mariadb":
		return b.exec(ctx, "ANALYZE TABLE post_audit, tag_audit, annals_revision")
	default:
		return join(b.exec(ctx, "ANALYZE"), b.exec(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"))
	}
}

// indexBytes is what the secondary indexes of post_audit take.
func (b *bench) indexBytes(ctx context.Context) (bytes int64, err error) {
	query := map[string]string{
		"postgres": `SELECT pg_indexes_size('post_audit') - pg_relation_size('post_audit_pkey')`,
		"mariadb": `SELECT SUM(stat_value) * @@innodb_page_size FROM mysql.innodb_index_stats
			WHERE database_name = DATABASE() AND table_name = 'post_audit'
			AND stat_name = 'size' AND index_name <> 'PRIMARY'`,
		"sqlite": `SELECT SUM(pgsize) FROM dbstat WHERE name IN
			(SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'post_audit')`,
	}[b.kind]
	err = b.db.QueryRowContext(ctx, query).Scan(&bytes)
	return bytes, err
}

// result is what one set showed.
type result struct {
	bytes int64
	// entries were there when the bytes were counted.
	entries int
	insert  time.Duration // per entry
	times   map[string][2]time.Duration
}

// measureSet puts the set's indexes on, measures and takes them off again.
func (b *bench) measureSet(ctx context.Context, set indexSet, d data, rounds int) (result, error) {
	r := result{entries: b.written, times: map[string][2]time.Duration{}}
	var indexes [2][]layout.Index
	for i, entity := range []string{"post", "tag"} {
		for n, index := range set.indexes {
			index.Name = fmt.Sprintf("bench_%s_%d", entity, n)
			indexes[i] = append(indexes[i], index)
			if err := b.exec(ctx, b.createIndex(auditTable(entity), index)); err != nil {
				return r, err
			}
		}
	}
	if err := b.settle(ctx); err != nil {
		return r, err
	}
	var err error
	if r.bytes, err = b.indexBytes(ctx); err != nil {
		return r, err
	}
	for _, q := range questions() {
		if r.times[q.name], err = b.ask(ctx, q, d, rounds); err != nil {
			return r, fmt.Errorf("%s: %w", q.name, err)
		}
	}
	if r.insert, err = b.insert(ctx, d); err != nil {
		return r, err
	}
	for i, entity := range []string{"post", "tag"} {
		if err := b.dropIndexes(ctx, indexes[i], auditTable(entity)); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (b *bench) createIndex(t annals.Table, i layout.Index) string {
	columns := make([]string, len(i.Columns))
	for n, c := range i.Columns {
		columns[n] = b.d.Quote(c)
	}
	statement := "CREATE INDEX " + b.d.Quote(i.Name) + " ON " + b.d.Table(t) +
		" (" + strings.Join(columns, ", ") + ")"
	if i.NotNull != "" && b.kind != "mariadb" {
		statement += " WHERE " + b.d.Quote(i.NotNull) + " IS NOT NULL"
	}
	return statement
}

// ask times a question; the first time warms up. A slow one is asked for two
// seconds only.
func (b *bench) ask(
	ctx context.Context, q question, d data, rounds int,
) ([2]time.Duration, error) {
	var times []time.Duration
	spent := time.Duration(0)
	for n := range rounds + 1 {
		query := q.query(d, n)
		if len(query.Entities) == 0 {
			query.Entities = []string{"post"}
		}
		query.Limit = pageSize
		begun := time.Now()
		if _, err := b.store.Find(ctx, query); err != nil {
			return [2]time.Duration{}, err
		}
		took := time.Since(begun)
		if n > 0 {
			times = append(times, took)
		}
		if spent += took; spent > 2*time.Second && n > 2 {
			break
		}
	}
	slices.Sort(times)
	return [2]time.Duration{times[len(times)/2], times[len(times)*95/100]}, nil
}

// insert writes batches behind what is there and returns the median.
func (b *bench) insert(ctx context.Context, d data) (time.Duration, error) {
	const batches = 40
	var prepared []storage.Batch
	for range batches {
		prepared = append(prepared, d.batch(b.written, b.written+batchSize))
		b.written += batchSize
	}
	times := make([]time.Duration, len(prepared))
	for i, batch := range prepared {
		begun := time.Now()
		if err := b.store.Write(ctx, batch); err != nil {
			return 0, err
		}
		times[i] = time.Since(begun)
	}
	slices.Sort(times)
	return times[batches/2] / batchSize, nil
}

// measureMany asks for pages across many small entities with the lean set.
func (b *bench) measureMany(
	ctx context.Context, entities, rounds int,
) (map[string][2]time.Duration, error) {
	names := make([]string, entities)
	for i := range names {
		names[i] = "many" + itoa(i)
	}
	if err := b.install(ctx, names...); err != nil {
		return nil, err
	}
	const each = 200
	d := newData(entities * each)
	for at := 0; at < d.n; at += batchSize {
		batch := d.batch(at, min(at+batchSize, d.n))
		for i := range batch.Entries {
			e := &batch.Entries[i]
			e.Entity, e.Source = names[(at+i)%entities], "many"
		}
		if err := b.store.Write(ctx, batch); err != nil {
			return nil, err
		}
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	out := map[string][2]time.Duration{}
	for _, q := range questions() {
		switch q.name {
		case "newest", "a page within", "actor, hot, newest", "one hour", "object, typical":
		default:
			continue
		}
		within := q.query
		q.query = func(d data, n int) storage.Query {
			query := within(d, n)
			query.Entities = names
			return query
		}
		var err error
		if out[q.name], err = b.ask(ctx, q, d, rounds); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return out, nil
}
