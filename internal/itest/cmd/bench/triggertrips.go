package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
)

// trips are the times that a program waits for the server, without annals' connector
// and through it, with an actor.
type trips struct {
	form           string
	plain, through int
	// free: binding the actor must not add any.
	free bool
}

// trips counts those of a statement and of transactions, on warm connections.
func (c *contender) trips(ctx context.Context) (out []trips, err error) {
	if !c.engine.wire() {
		return nil, nil
	}
	t := &tracer{}
	connector, err := c.engine.connector(c.name, "", t)
	if err != nil {
		return nil, err
	}
	plain := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, plain.Close()) }()
	through, err := conn.OpenDB(connector, conn.Options{Dialect: c.engine.scheme()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, through.Close()) }()
	for statements, form := range []string{
		0: "a statement alone", 1: "a transaction of one statement",
		3: "a transaction of three statements",
	} {
		if form == "" {
			continue
		}
		row := trips{form: form, free: statements > 0 && c.engine.statementTriggers()}
		if row.plain, err = c.count(ctx, plain, t, statements); err != nil {
			return nil, err
		}
		bound := annals.WithActor(ctx, ann)
		if row.through, err = c.count(bound, through, t, statements); err != nil {
			return nil, fmt.Errorf("through the connector: %w", err)
		}
		out = append(out, row)
	}
	return out, nil
}

// count are the trips of so many updates in a transaction, of one alone where there
// are none; the first turns warm up.
func (c *contender) count(ctx context.Context, db *sql.DB, t *tracer, statements int) (n int, err error) {
	db.SetMaxOpenConns(1)
	const update = "UPDATE " + table + " SET quantity = quantity + 1 WHERE id = 1"
	const warm = 3
	for range warm {
		t.reset()
		if statements == 0 {
			_, err = db.ExecContext(ctx, update)
		} else {
			err = transaction(ctx, db, statements, update)
		}
		if err != nil {
			return 0, err
		}
		c, _ := t.reset()
		n = c.trips
	}
	return n, nil
}

func transaction(ctx context.Context, db *sql.DB, statements int, query string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for range statements {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
