package gorm_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// counter counts the statements that reach a driver, each of which is a round
// trip (a driver that has to prepare first makes two, for everybody).
type counter struct{ recorder *wire.Recorder }

// take returns what was counted since the last time.
func (c *counter) take() []string {
	var all []string
	for _, s := range c.recorder.Take() {
		if s.SQL != "ROLLBACK" {
			all = append(all, s.SQL)
		}
	}
	return all
}

// counted opens the database again through a counting driver.
func counted(tb testing.TB, db *testdb.DB) (*testdb.DB, *counter) {
	tb.Helper()
	again, recorder := wire.Open(tb, db)
	return again, &counter{recorder}
}

// listed shortens statements for a message.
func listed(statements []string) string {
	short := make([]string, len(statements))
	for i, s := range statements {
		short[i] = s[:min(len(s), 120)]
	}
	return strings.Join(short, "\n")
}
