package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Table writes a table of results to stdout. It is quiet when results are JSON.
func (u *UI) Table(header []string, rows [][]string) error {
	if u.json {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(cells(header))
	for _, r := range rows {
		t.AppendRow(cells(r))
	}
	var b strings.Builder
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if _, err := fmt.Fprint(u.stdout, b.String()); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// plainStyle is columns with two spaces between them: it reads well, and cuts
// well with awk.
func plainStyle() table.Style {
	s := table.StyleDefault
	s.Options = table.OptionsNoBordersAndSeparators
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	s.Format.Header = 0
	return s
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, t := range texts {
		lines := strings.Split(strings.TrimSpace(t), "\n")
		row[i] = Clean(lines[0])
	}
	return row
}

// JSON writes v to stdout as one indented document when results are JSON, and
// nothing otherwise.
func (u *UI) JSON(v any) error {
	if !u.json {
		return nil
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding results: %w", err)
	}
	if _, err := fmt.Fprint(u.stdout, printable(doc.Bytes())); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// printable escapes what encoding/json leaves as it is although a terminal may
// act on it. Such characters occur in strings only, where the escape means the same.
func printable(doc []byte) string {
	var b strings.Builder
	b.Grow(len(doc))
	for _, r := range string(doc) {
		switch {
		case r == '\n' || r < utf8.RuneSelf && r >= ' ' && r != 0x7f || r >= utf8.RuneSelf && unicode.IsGraphic(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
