package schema

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
)

// Format is the form of exported migration files.
type Format string

// The formats.
const (
	// FormatSQL is one plain script.
	FormatSQL Format = "sql"
	// FormatGoose is pressly/goose: one annotated file a migration.
	FormatGoose Format = "goose"
	// FormatMigrate is golang-migrate: an .up.sql and a .down.sql.
	FormatMigrate Format = "migrate"
	// FormatAtlas is Atlas' versioned folder with its atlas.sum.
	FormatAtlas Format = "atlas"
)

// ParseFormat reads a format's name; others give an error that matches
// annals.ErrConfig.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case FormatSQL, FormatGoose, FormatMigrate, FormatAtlas:
		return f, nil
	}
	return "", &annals.Error{
		Op: "read", Subject: fmt.Sprintf("format %q", s), Err: annals.ErrConfig,
		Remedy: "use sql, goose, migrate or atlas",
	}
}

// Export writes plans as migration files and returns their paths. A plan that
// lacks nothing gives no file. Several plans go into a folder per storage
// ("source-<name>" for a source), for each has a history of migrations of its own. Versions are seconds of the clock
// in UTC. A statement that must not run in a transaction gets a file of its own,
// a second later. Going down drops nothing. No file is overwritten.
func (m *Manager) Export(plans []Plan, format Format, dir string) ([]string, error) {
	if _, err := ParseFormat(string(format)); err != nil {
		return nil, err
	}
	var written []string
	for _, p := range plans {
		if p.Empty() {
			continue
		}
		into := dir
		if len(plans) > 1 {
			if !filepath.IsLocal(p.Storage) || strings.ContainsAny(p.Storage, `/\`) {
				return written, &annals.Error{
					Op: "export", Subject: "storage " + p.Storage, Err: annals.ErrConfig,
					Remedy: "give the storage a name that can name a folder",
				}
			}
			into = filepath.Join(dir, p.folder())
		}
		files, err := exportPlan(p, format, into, m.now().UTC())
		written = append(written, files...)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// folder is the plan's own folder where there are several.
func (p Plan) folder() string {
	if p.Source {
		return "source-" + p.Storage
	}
	return p.Storage
}

// file is a migration file.
type file struct{ name, text string }

func exportPlan(p Plan, format Format, dir string, at time.Time) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // the umask decides
		return nil, &annals.Error{Op: "export to", Subject: dir, Err: err}
	}
	var written []string
	for _, f := range render(p, format, at) {
		path := filepath.Join(dir, f.name)
		if err := writeNew(path, f.text); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	if format != FormatAtlas {
		return written, nil
	}
	path, err := writeAtlasSum(dir)
	if err != nil {
		return written, &annals.Error{Op: "export to", Subject: dir, Err: err}
	}
	return append(written, path), nil
}

func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // umask
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		e := &annals.Error{Op: "export to", Subject: path, Err: err}
		if errors.Is(err, os.ErrExist) {
			e.Remedy = "choose another folder, or try again a second later"
		}
		return e
	}
	return nil
}

func render(p Plan, format Format, at time.Time) []file {
	if format == FormatSQL {
		return []file{{version(at) + "_annals.sql", script(p.Statements)}}
	}
	together, alone := split(p.Statements)
	var files []file
	add := func(statements []Statement, alone bool) {
		switch format {
		case FormatGoose:
			files = append(files, gooseFile(statements, alone, at))
		case FormatMigrate:
			files = append(files, migrateFiles(statements, at)...)
		default:
			files = append(files, atlasFile(statements, alone, at))
		}
		at = at.Add(time.Second)
	}
	if len(together) > 0 {
		add(together, false)
	}
	for _, s := range alone {
		add([]Statement{s}, true)
	}
	return files
}

func version(at time.Time) string { return at.Format("20060102150405") }

const nothingToUndo = "-- annals drops no table and no column: there is nothing to undo.\n"

func gooseFile(statements []Statement, alone bool, at time.Time) file {
	var b strings.Builder
	if alone {
		b.WriteString("-- +goose NO TRANSACTION\n")
	}
	b.WriteString("-- +goose Up\n")
	for _, s := range statements {
		if !strings.Contains(s.SQL, ";") {
			b.WriteString(script([]Statement{s}))
			continue
		}
		// A semicolon within a name or a value does not end the statement.
		b.WriteString("-- +goose StatementBegin\n" + script([]Statement{s}) +
			"-- +goose StatementEnd\n")
	}
	b.WriteString("\n-- +goose Down\n" + nothingToUndo)
	return file{version(at) + "_annals.sql", b.String()}
}

// migrateFiles: a file without a statement is an error on MySQL.
func migrateFiles(statements []Statement, at time.Time) []file {
	name := version(at) + "_annals"
	return []file{
		{name + ".up.sql", script(statements)},
		{name + ".down.sql", nothingToUndo + "SELECT 1;\n"},
	}
}

func atlasFile(statements []Statement, alone bool, at time.Time) file {
	text := script(statements)
	if alone {
		text = "-- atlas:txmode none\n\n" + text
	}
	return file{version(at) + "_annals.sql", text}
}
