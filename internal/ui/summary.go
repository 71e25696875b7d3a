package ui

import (
	"fmt"
	"os"
	"strings"
)

// Summary is what a run tells the page of the CI job that it is part of.
type Summary struct {
	Verb   string
	Code   int      // of its exit
	Header []string // none for a run that had no results
	Rows   [][]string
	Errors []string // whole texts, for which a table has no room
}

// Summarise appends the summary, as Markdown, to the file that GitHub's runners
// (and those like them) name in GITHUB_STEP_SUMMARY. Without it nothing happens.
// A summary that cannot be written is no reason for the verb to fail.
func (u *UI) Summarise(what Summary) {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(what.markdown())
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		u.Warn(fmt.Sprintf("no summary in GITHUB_STEP_SUMMARY: %v", err))
	}
}

// markdown renders the summary under a heading.
func (s Summary) markdown() string {
	var b strings.Builder
	ended := "done"
	if s.Code != 0 {
		ended = fmt.Sprintf("exit status %d", s.Code)
	}
	fmt.Fprintf(&b, "### flakeops %s: %s\n\n", inCell(s.Verb), ended)
	if len(s.Header) > 0 {
		writeRow(&b, s.Header)
		b.WriteString(strings.Repeat("| --- ", len(s.Header)) + "|\n")
		for _, r := range s.Rows {
			writeRow(&b, r)
		}
		b.WriteString("\n")
	}
	for _, e := range s.Errors {
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
	for _, r := range Clean(strings.Join(strings.Fields(text), " ")) {
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
		if line = strings.TrimRight(Clean(line), " "); line != "" {
			lines = append(lines, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;").Replace(line))
		}
	}
	return strings.Join(lines, "\n")
}
