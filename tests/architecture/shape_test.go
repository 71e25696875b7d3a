package architecture

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "../.."
	maxLines = 800
)

// entries are what may lie at the top of the project.
func entries() []string {
	return []string{
		".ci", ".github", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
		"activate", "docs", "flake", "flake.lock", "flake.nix", "go.mod", "go.sum",
		"internal", "keys", "main.go", "tests",
	}
}

// ignored are the patterns of .gitignore that concern the top, and git's own directory.
func ignored(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patterns := []string{".git"}
	for s := bufio.NewScanner(f); s.Scan(); {
		patterns = append(patterns, strings.Trim(s.Text(), "/"))
	}
	return patterns
}

func TestTopLevel(t *testing.T) {
	found, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		skip := slices.ContainsFunc(ignored(t), func(p string) bool {
			match, _ := filepath.Match(p, e.Name())
			return match
		})
		if !skip && !slices.Contains(entries(), e.Name()) {
			t.Errorf("%s does not belong at the top of the project", e.Name())
		}
	}
}

func TestOneDocCommentPerPackage(t *testing.T) {
	for _, p := range packages(t) {
		var documented []string
		files := p.GoFiles
		if len(files) == 0 {
			files = slices.Concat(p.TestGoFiles, p.XTestGoFiles)
		}
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				documented = append(documented, name)
			}
		}
		if len(documented) != 1 {
			t.Errorf("%s is documented in %d files %v, not in one", p.ImportPath, len(documented), documented)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	if n := len(lines(t, filepath.Join(root, "main.go"))); n > 60 {
		t.Errorf("main.go has %d lines, more than 60: main only gives out parts", n)
	}
}

func TestFilesAreShort(t *testing.T) {
	sources(t, func(path string) {
		if n := len(lines(t, path)); n > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by purpose", path, n, maxLines)
		}
	})
}

func TestNothingIsLeftForLater(t *testing.T) {
	// Taken apart, so that this line is not what the test finds.
	unfinished := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
	sources(t, func(path string) {
		for i, line := range lines(t, path) {
			if unfinished.MatchString(line) {
				t.Errorf("%s:%d: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	})
}

// sources calls check for each file that was written by hand.
func sources(t *testing.T, check func(path string)) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.Type().IsRegular() && slices.Contains([]string{".go", ".nix", ".sh", ".yml", ".md"}, filepath.Ext(path)):
			seen++
			check(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Fatalf("only %d files were looked at", seen)
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
