package ui

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table writes a table of results to stdout, a line for each row. On a terminal
// the last column is cut where that ends, and nothing is cut elsewhere. It is
// quiet when results are no text.
func (u *UI) Table(header []string, rows [][]string) error {
	if u.form != Text {
		return nil
	}
	if _, err := fmt.Fprint(u.stdout, grid(header, rows, u.paper)); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// Aside is Table on stderr, for a verb whose results are no table.
func (u *UI) Aside(header []string, rows [][]string) {
	if u.form == Text {
		u.screen.print(strings.TrimSuffix(grid(header, rows, u.screen.size), "\n"))
	}
}

func grid(header []string, rows [][]string, paper func() (width, height int)) string {
	lines := make([]table.Row, 0, len(rows)+1)
	for _, r := range append([][]string{header}, rows...) {
		lines = append(lines, cells(r))
	}
	if paper != nil {
		width, _ := paper()
		cutNotes(lines, width)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(lines[0])
	t.AppendRows(lines[1:])
	var b strings.Builder
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// fewest is how much of a note is shown, however narrow the terminal.
const fewest = 20

// cutNotes cuts the last column of rows to what the others leave of a width.
func cutNotes(rows []table.Row, width int) {
	last := len(rows[0]) - 1
	if last < 0 {
		return
	}
	for column := range last {
		widest := 0
		for _, r := range rows {
			widest = max(widest, text.StringWidth(fmt.Sprint(r[column])))
		}
		width -= widest + len(between)
	}
	for _, r := range rows {
		r[last] = text.Snip(fmt.Sprint(r[last]), max(width, fewest), "...")
	}
}

// between stands between two columns.
const between = "  "

// plainStyle is columns with two spaces between them: it reads well, and cuts
// well with awk.
func plainStyle() table.Style {
	s := table.StyleDefault
	s.Options = table.OptionsNoBordersAndSeparators
	s.Box.PaddingLeft, s.Box.PaddingRight = "", between
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
