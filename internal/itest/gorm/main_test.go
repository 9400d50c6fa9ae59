// Package gorm_test holds the GORM capture to its promises on real databases:
// every case runs on each of them, once audited and once not, and what the
// program sees has to be the same.
package gorm_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// ignored is GORM's cache of prepared statements, which has no end.
var ignored = goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1")

func TestMain(m *testing.M) {
	flag.Parse()
	checks := false
	flag.Visit(func(f *flag.Flag) { checks = checks || f.Name == "rapid.checks" })
	if !checks {
		// A check is a workload on a database, not a function call. The seed that
		// is printed with a failure repeats it.
		for name, value := range map[string]string{
			"rapid.checks": "3", "rapid.nofailfile": "true", "rapid.shrinktime": "20s",
		} {
			if err := flag.Set(name, value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	code := m.Run()
	if err := testdb.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		code = max(code, 1)
	}
	if err := goleak.Find(ignored); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code)
}
