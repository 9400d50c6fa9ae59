package annalscmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/schema"
)

// createDatabases makes the databases of storages that do not exist.
func (a *app) createDatabases(ctx context.Context, c *config.Config) error {
	for _, name := range keys(c.Storages) {
		d, err := config.ParseDSN(c.Storages[name].DSN)
		if err != nil || !d.IsSQL() || (a.storage != "" && name != a.storage) {
			continue
		}
		db, _, err := a.connect(ctx, d.Text())
		if err == nil {
			a.release(db)
			continue
		}
		if !errors.Is(err, annals.ErrNotFound) {
			return err
		}
		if err := a.createDatabase(ctx, d); err != nil {
			return fmt.Errorf("storage %s: %w", name, err)
		}
		a.say("%s: created %s", name, d.Where())
	}
	return nil
}

func (a *app) createDatabase(ctx context.Context, d config.DSN) error {
	dsn, name, err := administrative(d)
	if err != nil {
		return err
	}
	db, dia, err := a.connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer a.release(db)
	_, err = schema.CreateDatabase(ctx, db, dia, name)
	return err
}

// administrative returns the DSN from which the database of d can be created: a
// database that every server has, or the file, with the permission to make it.
func administrative(d config.DSN) (dsn, name string, err error) {
	if d.Scheme == config.SchemeSQLite {
		return creating(d.Text()), d.Path, nil
	}
	u, err := url.Parse(d.Text())
	if err != nil {
		// The cause would repeat the text, password included.
		return "", "", fmt.Errorf("%w: no valid URL", config.ErrDSN)
	}
	u.Path, u.RawPath = "/postgres", ""
	if d.Scheme == config.SchemeMySQL {
		u.Path = "/information_schema"
	}
	q := u.Query()
	q.Del("dbname")
	u.RawQuery = q.Encode()
	return u.String(), d.Database, nil
}

// creating returns the DSN of a SQLite file with the permission to make it, in place
// of another mode: the first one that a DSN has counts.
func creating(dsn string) string {
	path, query, _ := strings.Cut(dsn, "?")
	options := []string{"mode=rwc"}
	for option := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(option, "=")
		if plain, err := url.QueryUnescape(name); option != "" && (err != nil || plain != "mode") {
			options = append(options, option)
		}
	}
	return path + "?" + strings.Join(options, "&")
}
