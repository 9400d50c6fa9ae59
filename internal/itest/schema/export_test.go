package schema_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ariga.io/atlas/sql/migrate"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/schema"
)

// exporter is a manager whose clock stands still.
func (s *setup) exporter(t *testing.T) *schema.Manager {
	t.Helper()
	m, err := schema.New(schema.Config{
		Targets: []schema.Target{s.target()},
		Now:     func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *setup) export(t *testing.T, format schema.Format) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	paths, err := s.exporter(t).Export([]schema.Plan{s.plan(t)}, format, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rel)
	}
	return dir, files
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// gooseUp reads the statements of a goose file: they end with a semicolon at the
// end of a line, unless they are framed.
func gooseUp(t *testing.T, text string) (statements []string) {
	t.Helper()
	up, down, ok := strings.Cut(text, "-- +goose Down\n")
	if !ok || strings.TrimSpace(regexp.MustCompile(`(?m)^--.*$`).ReplaceAllString(down, "")) != "" {
		t.Fatalf("going down does something:\n%s", text)
	}
	if _, up, ok = strings.Cut(up, "-- +goose Up\n"); !ok {
		t.Fatalf("nothing goes up:\n%s", text)
	}
	var current strings.Builder
	framed := false
	for line := range strings.Lines(up) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "-- +goose StatementBegin":
			framed = true
			continue
		case line == "-- +goose StatementEnd":
			framed = false
			statements = append(statements, current.String())
			current.Reset()
			continue
		case strings.HasPrefix(line, "--") || line == "":
			continue
		}
		current.WriteString(line + "\n")
		if !framed && strings.HasSuffix(line, ";") {
			statements = append(statements, current.String())
			current.Reset()
		}
	}
	if strings.TrimSpace(current.String()) != "" {
		t.Fatalf("left over: %q", current.String())
	}
	return statements
}

func TestExportGoose(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "a;b")
		dir, files := s.export(t, schema.FormatGoose)
		if !slices.Equal(files, []string{"20260102020405_annals.sql"}) {
			t.Fatalf("files %q", files)
		}
		s.exec(t, gooseUp(t, read(t, dir, files[0]))...)
		s.mustBeDone(t)
	})
}

func TestExportMigrate(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		dir, files := s.export(t, schema.FormatMigrate)
		want := []string{"20260102020405_annals.up.sql", "20260102020405_annals.down.sql"}
		if !slices.Equal(files, want) {
			t.Fatalf("files %q", files)
		}
		s.exec(t, splitScript(read(t, dir, files[0]))...)
		s.mustBeDone(t)
		s.exec(t, read(t, dir, files[1]))
		s.mustBeDone(t)
	})
}

// splitScript is good enough for names without semicolons.
func splitScript(text string) (statements []string) {
	for _, s := range strings.Split(text, ";\n") {
		if strings.TrimSpace(s) != "" {
			statements = append(statements, s)
		}
	}
	return statements
}

func TestExportSQL(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		plan := s.plan(t)
		dir, files := s.export(t, schema.FormatSQL)
		if text := read(t, dir, files[0]); text != plan.SQL() {
			t.Errorf("exported\n%s\ninstead of\n%s", text, plan.SQL())
		}
		if _, err := s.exporter(t).Export([]schema.Plan{plan}, schema.FormatSQL, dir); err == nil {
			t.Error("a file was overwritten")
		}
	})
}

func TestExportAtlas(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "it's", "a;b", `back\slash`)
		dir, _ := s.export(t, schema.FormatAtlas)
		local, err := migrate.NewLocalDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := migrate.Validate(local); err != nil {
			t.Fatal(err)
		}
		s.exec(t, s.atlasStatements(t, local)...)
		s.mustBeDone(t)
		// Another migration joins those that are there, also foreign ones.
		if err := os.WriteFile(filepath.Join(dir, "1_mine.sql"), []byte("-- atlas:sum ignore\nSELECT 1;\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.dropIndex(t, "posts_audit", "idx_posts_audit_transaction_hash")
		m, err := schema.New(schema.Config{
			Targets: []schema.Target{s.target()},
			Now:     func() time.Time { return time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Export([]schema.Plan{s.plan(t)}, schema.FormatAtlas, dir); err != nil {
			t.Fatal(err)
		}
		if err := migrate.Validate(local); err != nil {
			t.Fatal(err)
		}
	})
}

// What must not run in a transaction has a file of its own that says so.
func TestExportAlone(t *testing.T) {
	s := newSetup(t, testdb.New(t, "postgres"), "posts")
	s.update(t)
	s.exec(t, "ALTER TABLE posts_audit DROP COLUMN blame_id, DROP COLUMN transaction_hash")
	tests := map[schema.Format]string{
		schema.FormatGoose: "-- +goose NO TRANSACTION\n", schema.FormatAtlas: "-- atlas:txmode none\n\n",
		schema.FormatMigrate: "-- index",
	}
	for format, head := range tests {
		dir, files := s.export(t, format)
		ups := slices.DeleteFunc(files, func(f string) bool {
			return strings.HasSuffix(f, ".down.sql") || !strings.HasSuffix(f, ".sql")
		})
		if len(ups) != 3 || !slices.IsSorted(ups) {
			t.Fatalf("%s: files %q", format, ups)
		}
		for i, f := range ups {
			text := read(t, dir, f)
			if n := strings.Count(text, "CONCURRENTLY"); n != min(i, 1) {
				t.Errorf("%s: %s builds %d indexes", format, f, n)
			}
			if i > 0 && !strings.HasPrefix(text, head) {
				t.Errorf("%s: %s begins %q", format, f, text)
			}
		}
	}
}

func TestExportPerStorage(t *testing.T) {
	s := newSetup(t, testdb.New(t, "sqlite"), "posts")
	dir := t.TempDir()
	statement := []schema.Statement{{SQL: "SELECT 1", Comment: "nothing"}}
	files, err := s.exporter(t).Export([]schema.Plan{
		{Storage: "a", Statements: statement}, {Storage: "b", Statements: statement}, {Storage: "empty"},
	}, schema.FormatSQL, dir)
	want := []string{
		filepath.Join(dir, "a", "20260102020405_annals.sql"),
		filepath.Join(dir, "b", "20260102020405_annals.sql"),
	}
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("wrote %q, %v", files, err)
	}
	for _, name := range []string{"../up", "a/b", ""} {
		_, err := s.exporter(t).Export([]schema.Plan{{Storage: name, Statements: statement}, {}}, schema.FormatSQL, dir)
		if err == nil {
			t.Errorf("wrote to folder %q", name)
		}
	}
}
