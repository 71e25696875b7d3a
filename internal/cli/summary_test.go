package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/ui"
)

func TestSummaryIsNoMarkup(t *testing.T) {
	s := summary{
		code:   exitBuild,
		header: []string{"NODE", "NOTE"},
		rows:   [][]string{{"a|b", "one\ntwo  three"}, {"<img src=x>", "`code` **bold** [link](http://x) @someone #1 \x1b[31m"}},
		errors: []string{"node <b>:\n\n  </pre> @someone &amp;\x07"},
	}
	want := `### flakeops build: exit status 3

| NODE | NOTE |
| --- | --- |
| a&#124;b | one two three |
| &#60;img src=x&#62; | &#96;code&#96; &#42;&#42;bold&#42;&#42; &#91;link&#93;&#40;http://x&#41; &#64;someone &#35;1  |

<pre>node &lt;b&gt;:
  &lt;/pre&gt; &#64;someone &amp;amp;�</pre>

`
	got := s.markdown("build")
	if strings.ContainsAny(got, "\x1b\x07") {
		t.Errorf("control characters in %q", got)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (summary{header: []string{"NODE"}}).markdown("deploy"); !strings.HasPrefix(got, "### flakeops deploy: done\n") {
		t.Errorf("%s", got)
	}
}

func TestSummaryIsAppended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "summary")
	var stderr bytes.Buffer
	s := &session{verb: "push", stdout: &bytes.Buffer{}, stderr: &stderr}
	u, _ := s.open(ui.Text)
	defer u.Close()
	one := summary{header: []string{"NODE"}, rows: [][]string{{"web"}}}

	t.Setenv("GITHUB_STEP_SUMMARY", "")
	s.summarise(u, one)
	t.Setenv("GITHUB_STEP_SUMMARY", name)
	s.summarise(u, one)
	s.summarise(u, one)
	text, err := os.ReadFile(name)
	if err != nil || strings.Count(string(text), "### flakeops push: done\n") != 2 || strings.Count(string(text), "| web |") != 2 {
		t.Errorf("%v, %s", err, text)
	}
	if stderr.Len() > 0 {
		t.Errorf("said %s", &stderr)
	}

	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(name, "missing"))
	s.summarise(u, one)
	u.Close()
	if !strings.Contains(stderr.String(), "warning: no summary in GITHUB_STEP_SUMMARY") {
		t.Errorf("said %s", &stderr)
	}
}

// A run that came to no node is told of, too.
func TestSummaryOfARefusal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "summary")
	t.Setenv("GITHUB_STEP_SUMMARY", name)
	t.Setenv("PATH", t.TempDir())
	if code, _, _ := runMain(t.Context(), "validate", "."); code != exitEvaluation {
		t.Errorf("exit code %d", code)
	}
	text, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(text), "### flakeops validate: exit status 2\n\n<pre>nix is not in PATH") {
		t.Errorf("%v, %s", err, text)
	}
}
