package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Those whose packages flake.nix offers: a Mac deploys, and is never a host.
// Types are checked and nothing is compiled, which for each platform would take
// longer than all else that is compiled for the tests.
func TestTypesAreRightForEveryDeployer(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}} {
		if err := typeCheck(t, platform[0], platform[1]); err != nil {
			t.Errorf("%s/%s: %v", platform[0], platform[1], err)
		}
	}
}

// typeCheck checks main with all that it is made of, from source.
func typeCheck(t *testing.T, goos, goarch string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Standard", ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	fset := token.NewFileSet()
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; { // what is imported comes first
		var p struct {
			ImportPath, Dir string
			GoFiles         []string
			ImportMap       map[string]string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		ours := p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")
		config := types.Config{
			Sizes:            types.SizesFor("gc", goarch),
			IgnoreFuncBodies: !ours,
			Importer: importer(func(path string) (*types.Package, error) {
				if to, ok := p.ImportMap[path]; ok {
					path = to
				}
				if found := checked[path]; found != nil {
					return found, nil
				}
				return nil, fmt.Errorf("%s is not listed", path)
			}),
		}
		if checked[p.ImportPath], err = config.Check(p.ImportPath, fset, files, nil); err != nil {
			return err
		}
	}
	if checked[module] == nil {
		t.Fatalf("go list did not come to %s", module)
	}
	return nil
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }
