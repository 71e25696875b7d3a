package ui

import (
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// erase returns what moves the cursor to the live region's first line and clears
// everything from there on. The caller holds the lock.
func (s *screen) erase() string {
	if s.drawn == 0 {
		return ""
	}
	n := s.drawn
	s.drawn = 0
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", n)
}

// view renders the live region: one line per node, none wider than the
// terminal, and no more of them than leave room for the lines above.
func view(rows []row, width, height int, now time.Time) []string {
	room := max(height-2, 1)
	shown, rest := rows, 0
	if len(rows) > room {
		shown, rest = rows[:max(room-1, 0)], len(rows)-max(room-1, 0)
	}
	names := 0
	for _, r := range shown {
		names = max(names, text.StringWidth(r.node))
	}
	var lines []string
	for _, r := range shown {
		line := fmt.Sprintf("  %s  %4s  %s", text.Pad(r.node, names, ' '), elapsed(now.Sub(r.since)), r.status)
		if r.detail != "" {
			line += "  " + r.detail
		}
		lines = append(lines, text.Trim(line, max(width-1, 1)))
	}
	if rest > 0 {
		lines = append(lines, text.Trim(fmt.Sprintf("  ... and %d more", rest), max(width-1, 1)))
	}
	return lines
}

// elapsed renders a duration in at most four characters up to a day.
func elapsed(d time.Duration) string {
	switch s := int(d.Seconds()); {
	case s < 600:
		return fmt.Sprintf("%ds", s)
	case s < 100*60:
		return fmt.Sprintf("%dm", s/60)
	default:
		return fmt.Sprintf("%dh", s/3600)
	}
}
