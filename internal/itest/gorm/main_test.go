// Package gorm_test holds the GORM capture to its promises on real databases:
// every case runs on each of them, once audited and once not, and what the
// program sees has to be the same.
package gorm_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testdb.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		code = max(code, 1)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code) //nolint:revive // stands in for the exit of main that the tests have
}
