package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 800
	maxFunctionLines = 100
	// A test that holds its table of cases is as long as the cases are.
	maxTestLines = 200
)

// allowedSkips lists the test files that may skip, each with why. A skip needs a comment on its
// line as well. "It needs a database" is no reason: tests that need one fail without it.
var allowedSkips = map[string]string{}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated {
			continue
		}
		if n := s.lines(); n > maxFileLines {
			t.Errorf("%s has %d lines, at most %d: split it by what it does", s.path, n, maxFileLines)
		}
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			start, end := s.line(f), s.fset.Position(f.End()).Line
			limit := maxFunctionLines
			if strings.HasSuffix(s.path, "_test.go") {
				limit = maxTestLines
			}
			if n := end - start + 1; n > limit {
				t.Errorf("%s:%d: %s has %d lines, at most %d", s.path, start, f.Name.Name, n, limit)
			}
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		var documented, code bool
		for _, s := range p.files {
			if s.test() {
				continue
			}
			code = true
			documented = documented || s.ast.Doc.Text() != ""
		}
		if code && !documented {
			t.Errorf("%s: no package doc comment: say what it is for", p.dir)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: func init: pass values in instead", s.path, s.line(f))
			}
		}
	}
}

func TestNothingIsSkipped(t *testing.T) {
	skips := []string{"Skip", "Skipf", "SkipNow"}
	for _, s := range sources(t) {
		lines := strings.Split(string(s.text), "\n")
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(skips, method.Sel.Name) {
				return true
			}
			// By the customary name of the receiver: other types have a Skip method too.
			on, ok := method.X.(*ast.Ident)
			if !ok || !slices.Contains([]string{"t", "b", "f", "tb", "s", "ts"}, on.Name) {
				return true
			}
			line := s.line(n)
			_, listed := allowedSkips[s.path]
			if !listed || !strings.Contains(lines[line-1], "//") {
				t.Errorf("%s:%d: a skipped test: make it fail, or list it in rules_test.go and say why on its line",
					s.path, line)
			}
			return true
		})
	}
}

func TestAllowedSkipsExist(t *testing.T) {
	for file := range allowedSkips {
		if !slices.ContainsFunc(sources(t), func(s *source) bool { return s.path == file }) {
			t.Errorf("%s is allowed to skip but does not exist", file)
		}
	}
}
