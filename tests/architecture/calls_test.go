package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mainOnly are functions that only main may call, and why.
func mainOnly() map[*regexp.Regexp]string {
	return map[*regexp.Regexp]string{
		regexp.MustCompile(`^log\.(Fatal|Panic)`): "return an error; only main ends the process",
		regexp.MustCompile(`^os\.Exit$`):          "return an error; only main ends the process",
		regexp.MustCompile(`^fmt\.Print`):         "write to the stdout that was passed in",
	}
}

func TestOnlyMainEndsAndPrints(t *testing.T) {
	sources(t, func(path string) {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) != ".go" || name == "main.go" || name == "activate/agent/flakeops-agent/main.go" || strings.HasPrefix(name, "tests/") || strings.HasSuffix(name, "_test.go") {
			return
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := s.X.(*ast.Ident); ok {
				for pattern, why := range mainOnly() {
					if pattern.MatchString(of.Name + "." + s.Sel.Name) {
						t.Errorf("%s: %s.%s: %s", fset.Position(s.Pos()), of.Name, s.Sel.Name, why)
					}
				}
			}
			return true
		})
	})
}
