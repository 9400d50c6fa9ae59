// Package chinook_test plays a day of business on the Chinook sample database, a
// shop for music with eleven tables and fifteen thousand rows, and holds what
// annals recorded against what plain SQL says.
//
// The sample database is not part of this repository. Where its scripts are not in
// the folder named below, no test of this package runs, and go test says so: "no
// tests to run".
package chinook_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// folder has the scripts of the sample database, one for each dialect: postgres.sql,
// mysql.sql and sqlite.sql. It lies beside the repository.
const folder = "../../../../shared/data/chinook"

func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := os.Stat(folder); err != nil {
		fmt.Fprintln(os.Stderr, "chinook: the sample database is not there, so nothing is tested:", err)
		if err := flag.Set("test.run", "^$"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	testdb.Main(m)
}
