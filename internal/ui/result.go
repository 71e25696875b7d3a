package ui

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table writes a table of results to stdout, a line for each row. On a terminal
// no line is longer than that is wide. It is quiet when results are JSON.
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
		line = strings.TrimRight(line, " \n")
		if u.paper != nil {
			width, _ := u.paper()
			line = text.Snip(line, width, "...")
		}
		b.WriteString(line + "\n")
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
