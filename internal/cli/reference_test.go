package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"

	"github.com/alecthomas/kong"
)

//go:generate go test . -run TestVerbsReference -update

const verbsReference = "../../docs/reference/verbs.md"

var update = flag.Bool("update", false, "write the reference of the verbs instead of comparing it")

// docs/reference/verbs.md is the grammar in another form.
func TestVerbsReference(t *testing.T) {
	// A default that comes from the environment must not get into the page.
	for _, name := range []string{"FLAKEOPS_FLAKE", "FLAKEOPS_AGENTS"} {
		t.Setenv(name, "")
	}
	parser, err := newParser(t.Context(), &grammar{}, &session{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := renderVerbs(parser.Model)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(verbsReference, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(verbsReference)
	if err != nil {
		t.Fatal(err)
	}
	if line, differs := firstDifference(string(want), got); differs {
		t.Errorf("docs/reference/verbs.md is not what the grammar says: run `go test ./internal/cli -run TestVerbsReference -update`; %s", line)
	}
}

func TestVerbsReferenceNoticesDrift(t *testing.T) {
	if _, differs := firstDifference("a\nb\n", "a\nb\n"); differs {
		t.Error("equal texts differ")
	}
	for _, other := range []string{"a\nc\n", "a\n", "a\nb\nc\n", ""} {
		if line, differs := firstDifference("a\nb\n", other); !differs || line == "" {
			t.Errorf("%q is taken for the same", other)
		}
	}
}

// renderVerbs writes every visible verb of the grammar as Markdown.
func renderVerbs(app *kong.Application) (string, error) {
	var b strings.Builder
	b.WriteString("# Verbs\n\n<!-- Written by `go test ./internal/cli -run TestVerbsReference -update` from the grammar in internal/cli. -->\n\n")
	b.WriteString("`flakeops` without a verb is `flakeops deploy`. A flag that takes a value takes it after a blank or after `=`.\n\n")
	verbs := app.Leaves(true)
	b.WriteString("| verb | |\n| --- | --- |\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", spelled(v), anchor(v), pageCell(v.Help))
	}
	groups := map[string]*group{}
	for _, v := range verbs {
		if err := renderVerb(&b, v, groups); err != nil {
			return "", err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&b, "\n## %s\n\n", groups[key].title)
		renderFlags(&b, groups[key].flags)
	}
	b.WriteString("\n## Every verb\n\n")
	renderFlags(&b, app.Flags)
	b.WriteString("\n## Exit status\n\nOf several nodes' codes the one furthest down this list wins.\n\n| code | |\n| --- | --- |\n")
	for _, e := range exit.Table() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.Code, pageCell(e.Text))
	}
	return b.String(), nil
}

// group is flags that several verbs have in common.
type group struct {
	title string
	flags []*kong.Flag
}

func renderVerb(b *strings.Builder, v *kong.Node, groups map[string]*group) error {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\nflakeops %s", spelled(v), v.Help, spelled(v))
	for _, p := range v.Positional {
		fmt.Fprintf(b, " [%s]", p.Name)
	}
	b.WriteString(" [flags]\n```\n")
	if v.Detail != "" {
		fmt.Fprintf(b, "\n%s\n", v.Detail)
	}
	for _, p := range v.Positional {
		fmt.Fprintf(b, "\n`%s`: %s%s\n", p.Name, p.Help, beside(p))
	}
	var own []*kong.Flag
	shared := map[string][]*kong.Flag{}
	for _, f := range v.Flags {
		switch {
		case f.Hidden:
		case f.Group == nil:
			own = append(own, f)
		default:
			shared[f.Group.Key] = append(shared[f.Group.Key], f)
			groups[f.Group.Key] = firstGroup(groups[f.Group.Key], &group{title: strings.TrimSuffix(f.Group.Title, ":")})
		}
	}
	if len(own) > 0 {
		b.WriteString("\n")
		renderFlags(b, own)
	}
	var also []string
	for _, key := range slices.Sorted(maps.Keys(shared)) {
		g := groups[key]
		if g.flags == nil {
			g.flags = shared[key]
		}
		// They are described once, so they must be the same everywhere.
		if !reflect.DeepEqual(flagNames(g.flags), flagNames(shared[key])) {
			return fmt.Errorf("the flags %q of %s are others than those of another verb", g.title, spelled(v))
		}
		also = append(also, fmt.Sprintf("[%s](#%s)", lowerFirst(g.title), strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(g.title, "'", "")), " ", "-")))
	}
	also = append(also, "[of every verb](#every-verb)")
	fmt.Fprintf(b, "\nAlso the flags %s.\n", strings.Join(also, ", and those "))
	return nil
}

func renderFlags(b *strings.Builder, flags []*kong.Flag) {
	b.WriteString("| flag | |\n| --- | --- |\n")
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		fmt.Fprintf(b, "| %s | %s%s |\n", flagWords(f), pageCell(f.Help), beside(f.Value))
	}
}

// flagWords is how a flag is written: `-p`, `--parallel N`.
func flagWords(f *kong.Flag) string {
	var words []string
	if f.Short != 0 {
		words = append(words, fmt.Sprintf("`-%c`", f.Short))
	}
	name := "--" + f.Name
	if f.Tag.Negatable != "" {
		name = "--[no-]" + f.Name
	}
	if !f.IsBool() && !f.IsCounter() && f.PlaceHolder != "" {
		name += " " + f.PlaceHolder
	} else if f.Enum != "" {
		name += " " + strings.ReplaceAll(f.Enum, ",", "|")
	}
	words = append(words, "`"+strings.ReplaceAll(name, "|", `\|`)+"`")
	for _, a := range f.Aliases {
		words = append(words, "`--"+a+"`")
	}
	return strings.Join(words, ", ")
}

// beside is what the grammar knows of a value and its help does not say.
func beside(v *kong.Value) string {
	var notes []string
	if v.HasDefault && v.Default != "" && !strings.Contains(v.Help, "default") {
		notes = append(notes, "default `"+v.Default+"`")
	}
	for _, name := range v.Tag.Envs {
		notes = append(notes, "environment: `"+name+"`")
	}
	if len(v.Tag.Xor) > 0 {
		notes = append(notes, "not with another "+strings.Join(v.Tag.Xor, ", "))
	}
	if len(notes) == 0 {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}

func flagNames(flags []*kong.Flag) []string {
	var names []string
	for _, f := range flags {
		names = append(names, flagWords(f)+f.Help)
	}
	return names
}

// spelled is a verb as it is typed: keys list.
func spelled(v *kong.Node) string { return strings.TrimPrefix(v.FullPath(), "flakeops ") }

func anchor(v *kong.Node) string { return strings.ReplaceAll(spelled(v), " ", "-") }

// pageCell makes a text fit a table.
func pageCell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func firstGroup(g, otherwise *group) *group {
	if g != nil {
		return g
	}
	return otherwise
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(want, got string) (string, bool) {
	if want == got {
		return "", false
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	line := func(of []string) string {
		if i < len(of) {
			return of[i]
		}
		return "(the end)"
	}
	return fmt.Sprintf("line %d: %q, should be %q", i+1, line(a), line(b)), true
}

// What the pages tell readers to type is understood by the grammar.
func TestDocumentedCommandsParse(t *testing.T) {
	pages := []string{"../../README.md"}
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") && path != verbsReference {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("(?m)(?:^\\$ |`)(?:nix run \\.#deploy -- |flakeops )([^`\n]*)")
	n := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			line, _, _ := strings.Cut(m[1], " # ")
			line = strings.NewReplacer("'", "", `"`, "", " SECONDS", " 7", " N ", " 7 ").Replace(line + " ")
			words := strings.Fields(line)
			if len(words) > 0 && words[0] == "agent" {
				continue // what the deployer calls on a host
			}
			n++
			own, _ := usage.CutCommand(words)
			if _, _, err := parse(t, own...); err != nil && !errors.Is(err, errAnswered) {
				t.Errorf("%s: flakeops %s: %v", page, m[1], err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d commands are found", n)
	}
}

// The README's table is that of the program.
func TestReadmeListsTheExitCodes(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Exit codes")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, e := range exit.Table() {
		if row := fmt.Sprintf("| %d | %s |", e.Code, e.Text); !strings.Contains(section, row) {
			t.Errorf("README.md lacks %q", row)
		}
	}
	if rows := strings.Count(section, "\n| "); rows != len(exit.Table())+2 {
		t.Errorf("README.md has %d rows, want %d and the head's two", rows, len(exit.Table()))
	}
}
