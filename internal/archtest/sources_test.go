package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const repository = "../.."

// source is one parsed Go file.
type source struct {
	path      string // in the repository
	module    string // folder of its go.mod
	text      []byte
	ast       *ast.File
	fset      *token.FileSet
	generated bool
}

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// line is where a node starts.
func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// pkg is one folder of Go files.
type pkg struct {
	dir, module string
	imports     []string // of the files that are no tests
	testImports []string
	files       []*source
}

var parsed = sync.OnceValues(parseRepository)

// sources returns every Go file of every module, tools' own and test data apart.
func sources(t *testing.T) []*source {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(all))
	}
	return all
}

func parseRepository() ([]*source, error) {
	root := os.DirFS(repository)
	var all []*source
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := path.Base(name)
			hidden := name != "." && strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
			if hidden || base == "testdata" || base == "node_modules" || name == "tools" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		s, err := parseSource(root, name)
		if err == nil {
			all = append(all, s)
		}
		return err
	})
	return all, err
}

func parseSource(root fs.FS, name string) (*source, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	s := &source{path: name, text: text, fset: token.NewFileSet(), module: "."}
	s.ast, err = parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s.generated = ast.IsGenerated(s.ast)
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, err := fs.Stat(root, dir+"/go.mod"); err == nil {
			s.module = dir
			break
		}
	}
	return s, nil
}

// packages groups the sources by folder.
func packages(t *testing.T) []*pkg {
	t.Helper()
	byDir := map[string]*pkg{}
	var order []*pkg
	for _, s := range sources(t) {
		dir := path.Dir(s.path)
		p, ok := byDir[dir]
		if !ok {
			p = &pkg{dir: dir, module: s.module}
			byDir[dir] = p
			order = append(order, p)
		}
		p.files = append(p.files, s)
		for _, spec := range s.ast.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: %v", s.path, err)
			}
			list := &p.imports
			if s.test() {
				list = &p.testImports
			}
			if !slices.Contains(*list, imp) {
				*list = append(*list, imp)
			}
		}
	}
	return order
}

// lines counts the lines of a file.
func (s *source) lines() int { return bytes.Count(s.text, []byte("\n")) }
