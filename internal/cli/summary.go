package cli

import (
	"fmt"
	"os"
	"strings"

	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// summary is what a run tells the page of the CI job that it is part of.
type summary struct {
	code   int
	header []string // none for a run that had no results
	rows   [][]string
	errors []string // whole texts, for which a table has no room
}

// summarise appends the summary, as Markdown, to the file that GitHub's runners
// (and those like them) name in GITHUB_STEP_SUMMARY. Without it nothing happens.
// A summary that cannot be written is no reason for the verb to fail.
func (s *session) summarise(u *ui.UI, what summary) {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(what.markdown(s.verb))
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		u.Warn(fmt.Sprintf("no summary in GITHUB_STEP_SUMMARY: %v", err))
	}
}

func jobSummary(r *fleet.Run, code int) summary {
	s := summary{code: code, header: []string{"NODE", "HOST", "OUTCOME", "NOTE"}, rows: rows(r)}
	for _, n := range r.Nodes {
		if err := n.Result().Err; err != nil {
			text := n.Name + ": " + fault.Cause(err)
			if hint := fault.Hint(err); hint != "" {
				text += "; " + hint
			}
			s.errors = append(s.errors, text)
		}
	}
	return s
}

// markdown renders the summary under a heading.
func (s summary) markdown(verb string) string {
	var b strings.Builder
	ended := "done"
	if s.code != ExitDone {
		ended = fmt.Sprintf("exit status %d", s.code)
	}
	fmt.Fprintf(&b, "### flakeops %s: %s\n\n", inCell(verb), ended)
	if len(s.header) > 0 {
		writeRow(&b, s.header)
		b.WriteString(strings.Repeat("| --- ", len(s.header)) + "|\n")
		for _, r := range s.rows {
			writeRow(&b, r)
		}
		b.WriteString("\n")
	}
	for _, e := range s.errors {
		fmt.Fprintf(&b, "<pre>%s</pre>\n\n", preformatted(e))
	}
	return b.String()
}

func writeRow(b *strings.Builder, texts []string) {
	for _, t := range texts {
		b.WriteString("| " + inCell(t) + " ")
	}
	b.WriteString("|\n")
}

// inCell is text as it is, on one line: none of it is markup or a mention.
func inCell(text string) string {
	var b strings.Builder
	for _, r := range ui.Clean(strings.Join(strings.Fields(text), " ")) {
		if strings.ContainsRune("\\`*_{}[]<>()#+!|~&@$", r) {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// preformatted is text inside of <pre>, where an empty line would end the HTML.
func preformatted(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimRight(ui.Clean(line), " "); line != "" {
			lines = append(lines, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;").Replace(line))
		}
	}
	return strings.Join(lines, "\n")
}
