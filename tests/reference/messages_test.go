package reference

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The headings of the pages about errors are messages. Each is in the sources,
// but for what "..." stands for.
func TestTroubleshootingQuotesRealMessages(t *testing.T) {
	said := messages(t)
	quoted := regexp.MustCompile("`([^`]+)`")
	n := 0
	for _, line := range headings(t) {
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			n++
			if part, ok := isSaid(m[1], said); !ok {
				t.Errorf("no message of the program has %q, which %q quotes", part, m[1])
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d messages are quoted", n)
	}
}

func TestInventedMessagesAreNoticed(t *testing.T) {
	said := []string{"cannot reach %s: %v", "host key of %s has changed"}
	for text, want := range map[string]bool{
		"...: cannot reach ...: ...":  true,
		"host key of ... has changed": true,
		"cannot reach the moon":       false,
		"it does not work":            false,
	} {
		if _, ok := isSaid(text, said); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

// headings are those of the pages about errors.
func headings(t *testing.T) []string {
	t.Helper()
	var all []string
	for name, page := range pages(t) {
		if !strings.HasPrefix(name, "docs/troubleshooting") {
			continue
		}
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "##") {
				all = append(all, line)
			}
		}
	}
	return all
}

// isSaid looks for each part of a quoted message among the program's texts, and
// returns the first that is not there. Parts that say nothing are passed over.
func isSaid(text string, said []string) (missing string, ok bool) {
	const tells = 6
	for _, part := range strings.Split(text, "...") {
		part = strings.Trim(part, " :;,.")
		if len(part) < tells {
			continue
		}
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, part) }) {
			return part, false
		}
	}
	return "", true
}

// messages are the texts in the program's sources, with those that + joins
// taken as one. A .nix file is one text.
func messages(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "tests" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".nix") {
			text, err := os.ReadFile(path)
			all = append(all, string(text))
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := joined(e); ok {
					all = append(all, s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 500 {
		t.Fatalf("only %d texts are found", len(all))
	}
	return all
}

// joined is the text of a literal, or of the literals in a sum.
func joined(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		x, ok := joined(e.X)
		y, also := joined(e.Y)
		if !ok && !also {
			return "", false
		}
		return x + y, true
	}
	return "", false
}
