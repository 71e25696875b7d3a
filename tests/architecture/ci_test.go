package architecture

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Tests run with those programs only that setup brings.
func TestMakeTestsWithWhatIsBrought(t *testing.T) {
	found := 0
	for _, line := range lines(t, filepath.Join(root, "Makefile")) {
		if strings.HasPrefix(line, "\t") && strings.Contains(line, "go test ") {
			found++
			if !strings.Contains(line, "$(BROUGHT) go test ") {
				t.Errorf("%q: without $(BROUGHT)", line)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d lines run tests", found)
	}
}

// The workflow runs what everybody runs, with a Go that is new enough.
func TestWorkflow(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	workflow := read(".github/workflows/ci.yml")
	for _, command := range []string{"run: .ci/run\n", "run: nix flake check"} {
		if !strings.Contains(workflow, command) {
			t.Errorf("it does not %s", command)
		}
	}
	if !strings.Contains(read(".ci/run"), "make test\n") {
		t.Error(".ci/run does not make test")
	}
	image := regexp.MustCompile(`image: golang:([0-9]+\.[0-9]+)-bookworm\n`).FindStringSubmatch(workflow)
	needed := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindStringSubmatch(read("go.mod"))
	if image == nil || needed == nil || image[1] != needed[1] {
		t.Errorf("the workflow's image is of %q, go.mod wants %q", image, needed)
	}
}
