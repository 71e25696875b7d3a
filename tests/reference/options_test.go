// Package reference holds docs/reference/options.md against the table of options.
package reference

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

//go:generate go test . -run TestOptionsReference -update

const page = "../../docs/reference/options.md"

var update = flag.Bool("update", false, "write the reference of the options instead of comparing it")

// option is one option as flake/lib.nix describes it.
type option struct {
	Name        string
	Type        string
	Text        string
	ReadOnly    bool
	DefaultText string
	Default     json.RawMessage // absent when it has none
	Example     json.RawMessage // the same
}

type declared struct{ Deployment, Keys []option }

// docs/reference/options.md is the table of options in another form.
func TestOptionsReference(t *testing.T) {
	got := render(t, evaluate(t))
	if *update {
		if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("docs/reference/options.md is not what flake/schema.nix says: run `go test ./tests/reference -update`; %s",
			difference(string(want), got))
	}
}

// Every option has what a reader needs, so a new one cannot slip in bare.
func TestOptionsAreDocumented(t *testing.T) {
	all := evaluate(t)
	if len(all.Deployment) < 10 || len(all.Keys) < 10 {
		t.Fatalf("only %d and %d options are found", len(all.Deployment), len(all.Keys))
	}
	for _, o := range slices.Concat(all.Deployment, all.Keys) {
		if strings.TrimSpace(o.Text) == "" || o.Type == "" {
			t.Errorf("%s has no description or no type", o.Name)
		}
		if o.Default == nil && o.DefaultText == "" {
			t.Errorf("%s has neither a default nor a defaultText", o.Name)
		}
	}
}

func evaluate(t *testing.T) declared {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := flakes.Nix(t, ".", "eval", "--impure", "--json", "--expr",
		fmt.Sprintf("(import (/. + %s) { }).reference", strconv.Quote(root+"/flake/lib.nix")))
	var all declared
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

func render(t *testing.T, all declared) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Options\n\n<!-- Written by `go test ./tests/reference -update` from flake/schema.nix. -->\n\n" +
		"The settings of a node, declared by `flakeops.nixosModules.default`. flakeops reads them on the\n" +
		"operator's machine. Except for the units of keys they do not change the system that is built.\n" +
		"A node that does not import the module is deployed with the defaults.\n")
	section := func(title string, options []option) {
		fmt.Fprintf(&b, "\n## %s\n", title)
		for _, o := range options {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", o.Name, strings.TrimSpace(o.Text))
			fmt.Fprintf(&b, "- Type: %s", o.Type)
			if o.ReadOnly {
				b.WriteString(", read-only")
			}
			b.WriteString("\n")
			switch {
			case o.DefaultText != "":
				fmt.Fprintf(&b, "- Default: %s\n", o.DefaultText)
			case o.Default != nil:
				fmt.Fprintf(&b, "- Default: `%s`\n", nixValue(t, o.Default))
			}
			if o.Example != nil {
				fmt.Fprintf(&b, "- Example: `%s`\n", nixValue(t, o.Example))
			}
		}
	}
	section("Deployment", all.Deployment)
	section("Keys", all.Keys)
	return b.String()
}

// nixValue writes a JSON value in the Nix language.
func nixValue(t *testing.T, text json.RawMessage) string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case []any:
		words := []string{"["}
		for _, e := range v {
			inner, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, nixValue(t, inner))
		}
		return strings.Join(append(words, "]"), " ")
	case map[string]any:
		if len(v) > 0 {
			t.Fatalf("a set with attributes, which no option has so far: %s", text)
		}
		return "{ }"
	}
	return fmt.Sprint(v) // a number or a boolean
}

// difference shows the first line in which two texts differ.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d: %q, should be %q", i+1, x, y)
		}
	}
	return "they differ in their ends"
}
