package lock

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// mysql takes a user-level lock. Its names hold for the whole server, fold case
// and have at most 64 characters; so ours is a hash that the database's name
// goes into.
type mysql struct{ name, key string }

func newMySQL(name string) *mysql { return &mysql{name: name} }

// nameKey fills in the lock's name on the server.
func (m *mysql) nameKey(ctx context.Context, conn *sql.Conn) error {
	if m.key != "" {
		return nil
	}
	var database sql.NullString
	if err := conn.QueryRowContext(ctx, "SELECT DATABASE()").Scan(&database); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(database.String + "\x00" + m.name))
	m.key = "annals:" + hex.EncodeToString(sum[:20])
	return nil
}

func (m *mysql) try(ctx context.Context, conn *sql.Conn) (bool, error) {
	if err := m.nameKey(ctx, conn); err != nil {
		return false, err
	}
	// NULL means that the server failed to try, for want of memory for example.
	var got sql.NullBool
	err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", m.key).Scan(&got)
	if err == nil && !got.Valid {
		err = errors.New("the server could not try the lock")
	}
	return got.Bool, err
}

// holder asks the process list, where an account without PROCESS sees its own
// sessions only.
func (m *mysql) holder(ctx context.Context, conn *sql.Conn) (string, error) {
	var id sql.NullInt64
	var user, host sql.NullString
	const q = `SELECT IS_USED_LOCK(?) AS holder`
	if err := conn.QueryRowContext(ctx, q, m.key).Scan(&id); err != nil || !id.Valid {
		return "", err
	}
	const who = `SELECT user, host FROM information_schema.processlist WHERE id = ?`
	err := conn.QueryRowContext(ctx, who, id.Int64).Scan(&user, &host)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Sprintf("connection %d of another account", id.Int64), nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("connection %d, database user %s from %s",
		id.Int64, user.String, host.String), nil
}

func (m *mysql) held(ctx context.Context, conn *sql.Conn) (bool, error) {
	var held sql.NullBool
	const q = "SELECT IS_USED_LOCK(?) = CONNECTION_ID()"
	err := conn.QueryRowContext(ctx, q, m.key).Scan(&held)
	return held.Bool, err
}

func (m *mysql) release(ctx context.Context, conn *sql.Conn) error {
	// 0 means that another session has it, NULL that nobody does.
	var ok sql.NullBool
	if err := conn.QueryRowContext(ctx, "SELECT RELEASE_LOCK(?)", m.key).Scan(&ok); err != nil {
		return err
	}
	if !ok.Bool {
		return errNotHeld
	}
	return nil
}
