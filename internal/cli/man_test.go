package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"

	"github.com/alecthomas/kong"
)

// plain takes from roff what is no text.
func plain(page string) string {
	return strings.NewReplacer(`\-`, "-", `\&`, "", `\fB`, "", `\fP`, "", `\fI`, "", `\e`, `\`).Replace(page)
}

func TestManualSaysWhatTheGrammarSays(t *testing.T) {
	code, page, stderr := runMain(t.Context(), "man")
	if code != exit.Done || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	text := plain(page)
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS"} {
		if !strings.Contains(text, "\n.SH "+section+"\n") {
			t.Errorf("no section %s", section)
		}
	}
	parser, err := newParser(t.Context(), &grammar{}, &session{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range parser.Model.Leaves(true) {
		// Up to the next verb.
		_, own, found := strings.Cut(text, "\n"+v.Summary()+"\n")
		own, _, _ = strings.Cut(own, " [flags]\n")
		if !found || !strings.Contains(own, v.Help) || !strings.Contains(own, strings.ReplaceAll(v.Detail, "\n", " ")) {
			t.Errorf("%s is not told of", spelled(v))
		}
		for _, arg := range v.Positional {
			if !strings.Contains(text, arg.Name+": "+arg.Help) || !strings.Contains(text, "FLAKEOPS_FLAKE") {
				t.Errorf("%s: %s is not told of", spelled(v), arg.Name)
			}
		}
		for _, f := range v.Flags {
			if f.Tag.Negatable != "" && !strings.Contains(text, "--no-"+f.Name) {
				t.Errorf("--no-%s is not told of", f.Name)
			}
			if !strings.Contains(own, "--"+f.Name) || !strings.Contains(own, f.Help) {
				t.Errorf("%s lacks --%s", spelled(v), f.Name)
			}
		}
	}
	for _, e := range exit.Table() {
		if !strings.Contains(text, fmt.Sprintf("\n%d: %s\n", e.Code, e.Text)) {
			t.Errorf("no exit code %d", e.Code)
		}
	}
	if strings.Contains(text, "agent [") || strings.Contains(text, "completion") {
		t.Error("it tells of hidden verbs")
	}
}

// What roff would not understand, or take for something else.
func TestManualIsRoff(t *testing.T) {
	_, page, _ := runMain(t.Context(), "man")
	known := map[string]bool{".SH": true, ".PP": true, ".TP": true, ".IP": true, ".RS": true, ".RE": true}
	depth := 0
	for i, line := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		request, _, _ := strings.Cut(line, " ")
		switch {
		case i == 0:
			if !strings.HasPrefix(line, `.TH FLAKEOPS 1 "" "flakeops `) {
				t.Errorf("it begins with %q", line)
			}
		case line == "", line[0] == '\'', line[0] == '.' && !known[request]:
			t.Errorf("line %d: %q", i+1, line)
		case request == ".RS":
			depth++
		case request == ".RE":
			depth--
		}
		if depth < 0 {
			t.Fatalf("line %d ends an indentation that did not begin", i+1)
		}
		if strings.Contains(line, "%!") {
			t.Errorf("line %d is a format's: %q", i+1, line)
		}
	}
	if depth != 0 {
		t.Errorf("%d indentations do not end", depth)
	}
}

func TestManualTakesTextsAsTheyAre(t *testing.T) {
	var odd struct {
		Half bool `help:"50%s of .it\\all"`
	}
	parser, err := kong.New(&odd, kong.Name("odd"))
	if err != nil {
		t.Fatal(err)
	}
	if page := manualOf(parser.Model); !strings.Contains(plain(page), `50%s of .it\all`) {
		t.Error(page)
	}
}
