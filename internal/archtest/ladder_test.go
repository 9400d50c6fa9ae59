package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the import path of the repository; packages are named by their folder in it.
const module = "github.com/seed-162b1470/annals"

// ladder lists the packages from low to high. A package imports only from rungs below its own:
// never upwards, and never a sibling on the same rung. A folder under a listed one stands on the
// same rung and belongs to it (journal/sql to journal), unless it is listed itself.
var ladder = [][]string{
	{"."},        // package annals: types, errors, context helpers
	{"internal"}, // leaves for all: canonical, clock, lifecycle, nearest, period …
	{"dialect", "middleware"},
	{"diff"},
	{"layout"},
	{"catalog"},
	{"lock"},
	{"config"},
	{"track"},
	{"route"},
	{"schema"},
	{"capture/claim"}, // what a program says of its transactions
	{"capture/conn"},
	{"capture"}, // what the captures of all ORMs share
	{"journal"}, // triggers, and mutations of what they wrote
	{"outbox"},
	{"storage"},
	{"storage/storagetest"},
	{"storage/sqlstore", "storage/filestore"},
	{"storage/mirrorstore"}, // its revisions and marks are those of sqlstore
	{"relay"},
	{"reader"},
	{"epoch", "verify", "retention"},
	{"auditor"},
	{"capture/gormcapture", "capture/pgxcapture"},
	{"viewer"},
	{"audittest"},
	{"annalscmd"},
	{"cmd/annals"},
}

// offLadder are folders whose packages are for tests and examples only: they may import anything,
// and nothing but they and test files may import them.
var offLadder = []string{"internal/archtest", "internal/testdb", "internal/itest", "examples", "docs"}

// suites are conformance suites: packages of test code with a public name, so that they import
// testing, and only tests import them.
var suites = []string{"storage/storagetest", "audittest"}

// rootModuleDeps are the modules the root module may link besides the standard library.
var rootModuleDeps = []string{"go.yaml.in/yaml/v3", "golang.org/x/mod"}

// rootTestDeps may be imported by its tests besides.
var rootTestDeps = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak"}

// sqlDrivers and mappers belong to programs, adapters and tests, never to the root module.
var sqlDrivers = []string{
	"github.com/jackc/pgx",
	"github.com/lib/pq",
	"github.com/go-sql-driver/mysql",
	"modernc.org/sqlite",
	"github.com/mattn/go-sqlite3",
	"github.com/ncruces/go-sqlite3",
	"github.com/glebarez",
	"gorm.io",
	"github.com/jinzhu/gorm",
	"entgo.io",
	"github.com/uptrace/bun",
	"github.com/jmoiron/sqlx",
}

func TestLadder(t *testing.T) {
	for _, pkg := range packages(t) {
		if within(pkg.dir, offLadder) != "" {
			continue
		}
		rung, name := rungOf(pkg.dir)
		if rung < 0 {
			t.Errorf("%s: not on the ladder: add it to the list in ladder_test.go, where the design puts it", pkg.dir)
			continue
		}
		for _, imp := range pkg.imports {
			if fault := wrongImport(rung, name, imp); fault != "" {
				t.Errorf("%s imports %s: %s", pkg.dir, imp, fault)
			}
		}
	}
}

// wrongImport says what is wrong with a package of that rung importing imp; "" when nothing is.
func wrongImport(rung int, name, imp string) string {
	dir, ours := folderOf(imp)
	switch {
	case !ours && rung == 0 && !standard(imp):
		return "the root package imports the standard library only"
	case !ours:
		return ""
	case within(dir, offLadder) != "":
		return "it is for tests only"
	case slices.Contains(suites, dir) && name != dir && !slices.Contains(suites, name):
		return "it is a suite, for tests only"
	}
	other, otherName := rungOf(dir)
	switch {
	case other < 0, otherName == name:
		return "" // its own subpackage; an unknown one is reported where it is
	case other == rung:
		return "siblings do not import each other"
	case other > rung:
		return "it is higher on the ladder"
	}
	return ""
}

func TestRootModuleLinksNoDriver(t *testing.T) {
	for _, pkg := range packages(t) {
		if pkg.module != "." || within(pkg.dir, offLadder) != "" {
			continue
		}
		for _, imp := range append(slices.Clone(pkg.imports), pkg.testImports...) {
			_, ours := folderOf(imp)
			tested := slices.Contains(pkg.testImports, imp) && !slices.Contains(pkg.imports, imp)
			switch {
			case ours, standard(imp), within(imp, rootModuleDeps) != "":
			case tested && within(imp, rootTestDeps) != "":
			case within(imp, sqlDrivers) != "":
				t.Errorf("%s imports %s: the root module takes *sql.DB and opens no driver", pkg.dir, imp)
			default:
				t.Errorf("%s imports %s: not among the few modules the root module links", pkg.dir, imp)
			}
		}
	}
}

// A rule that cannot fail holds nothing.
func TestWrongImport(t *testing.T) {
	for _, c := range []struct {
		dir, imp string
		wrong    bool
	}{
		{".", "context", false},
		{".", "golang.org/x/sync/errgroup", true},
		{".", module + "/diff", true},
		{"diff", module, false},
		{"diff", module + "/internal/clock", false},
		{"dialect", module + "/diff", true},
		{"epoch", module + "/verify", true},
		{"storage/sqlstore", module + "/storage/filestore", true},
		{"storage/sqlstore", module + "/storage", false},
		{"storage", module + "/storage/sqlstore", true},
		{"storage/sqlstore", module + "/storage/storagetest", true},
		{"internal/nearest", module + "/dialect", true},
		{"capture", module + "/capture/conn", false},
		{"capture/conn", module + "/capture", true},
		{"journal", module + "/journal/sql", false},
		{"reader", module + "/internal/testdb", true},
		{"capture/gormcapture", module + "/auditor", false},
	} {
		rung, name := rungOf(c.dir)
		if got := wrongImport(rung, name, c.imp); (got != "") != c.wrong {
			t.Errorf("%s importing %s: %q, want a fault: %v", c.dir, c.imp, got, c.wrong)
		}
	}
}

// rungOf finds the rung of a folder by its longest listed parent.
func rungOf(dir string) (rung int, name string) {
	for d := dir; ; d = path.Dir(d) {
		for i, siblings := range ladder {
			// Only the root folder itself is the root package.
			if slices.Contains(siblings, d) && (d != "." || dir == ".") {
				return i, d
			}
		}
		if d == "." {
			return -1, ""
		}
	}
}

// folderOf turns an import path into a folder of this repository.
func folderOf(imp string) (dir string, ours bool) {
	if imp == module {
		return ".", true
	}
	return strings.CutPrefix(imp, module+"/")
}

// within returns the first of the parents that is the path or contains it.
func within(p string, parents []string) string {
	for _, parent := range parents {
		if p == parent || strings.HasPrefix(p, parent+"/") {
			return parent
		}
	}
	return ""
}

// standard reports whether the import is of the standard library: no dot in its first element.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}
