package ui

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummaryIsNoMarkup(t *testing.T) {
	s := Summary{
		Verb:   "build",
		Code:   3,
		Header: []string{"NODE", "NOTE"},
		Rows:   [][]string{{"a|b", "one\ntwo  three"}, {"<img src=x>", "`code` **bold** [link](http://x) @someone #1 \x1b[31m"}},
		Errors: []string{"node <b>:\n\n  </pre> @someone &amp;\x07"},
	}
	want := `### flakeops build: exit status 3

| NODE | NOTE |
| --- | --- |
| a&#124;b | one two three |
| &#60;img src=x&#62; | &#96;code&#96; &#42;&#42;bold&#42;&#42; &#91;link&#93;&#40;http://x&#41; &#64;someone &#35;1  |

<pre>node &lt;b&gt;:
  &lt;/pre&gt; &#64;someone &amp;amp;�</pre>

`
	got := s.markdown()
	if strings.ContainsAny(got, "\x1b\x07") {
		t.Errorf("control characters in %q", got)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (Summary{Verb: "deploy", Header: []string{"NODE"}}).markdown(); !strings.HasPrefix(got, "### flakeops deploy: done\n") {
		t.Errorf("%s", got)
	}
}

func TestSummaryIsAppended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "summary")
	var stderr bytes.Buffer
	u := New(Options{Stdout: io.Discard, Stderr: &stderr})
	defer u.Close()
	one := Summary{Verb: "push", Header: []string{"NODE"}, Rows: [][]string{{"web"}}}

	t.Setenv("GITHUB_STEP_SUMMARY", "")
	u.Summarise(one)
	t.Setenv("GITHUB_STEP_SUMMARY", name)
	u.Summarise(one)
	u.Summarise(one)
	text, err := os.ReadFile(name)
	if err != nil || strings.Count(string(text), "### flakeops push: done\n") != 2 || strings.Count(string(text), "| web |") != 2 {
		t.Errorf("%v, %s", err, text)
	}
	if stderr.Len() > 0 {
		t.Errorf("said %s", &stderr)
	}

	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(name, "missing"))
	u.Summarise(one)
	u.Close()
	if !strings.Contains(stderr.String(), "warning: no summary in GITHUB_STEP_SUMMARY") {
		t.Errorf("said %s", &stderr)
	}
}
