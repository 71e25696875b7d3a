package ui

import (
	"fmt"
	"io"
	"strings"

	"flakeops/internal/fleet"
)

// maxLine is how much is kept of a line that has no end yet, in bytes.
const maxLine = 1 << 20

// origin is one of the streams of a command on a node's host.
type origin struct {
	node   string
	stderr bool
}

// pass passes on what a command writes on a node's host, once its lines are whole.
func (u *UI) pass(e fleet.Event) {
	from := origin{e.Node, e.Stderr}
	u.mu.Lock()
	text := u.rests[from] + e.Text
	end := strings.LastIndexByte(text, '\n') + 1
	if len(text)-end > maxLine {
		end = len(text)
	}
	u.rests[from] = text[end:]
	u.mu.Unlock()
	u.passLines(e, text[:end])
}

// passRest passes on what the node's command wrote without the end of a line.
func (u *UI) passRest(e fleet.Event) {
	for _, stderr := range []bool{false, true} {
		u.mu.Lock()
		rest := u.rests[origin{e.Node, stderr}]
		delete(u.rests, origin{e.Node, stderr})
		u.mu.Unlock()
		u.passLines(fleet.Event{Time: e.Time, Node: e.Node, Step: fleet.Executing, Kind: fleet.Output, Stderr: stderr}, rest)
	}
}

func (u *UI) passLines(e fleet.Event, text string) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if u.form == Lines {
			e.Text = line
			u.line(lineOf(e))
			continue
		}
		b.WriteString(Clean(e.Node) + " | " + u.shown(line, e.Stderr) + "\n")
	}
	u.keep(u.passTo(e.Stderr, b.String()))
}

// Pass writes what a command wrote to one of its streams, all of it: to a terminal in
// a form that cannot steer it.
func (u *UI) Pass(stderr bool, text []byte) error {
	if u.form != Text {
		return nil
	}
	if !u.isTerminal(stderr) {
		return u.passTo(stderr, string(text))
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		b.WriteString(u.shown(strings.TrimSuffix(line, "\n"), stderr) + "\n")
	}
	return u.passTo(stderr, b.String())
}

func (u *UI) isTerminal(stderr bool) bool { return stderr && u.seen || !stderr && u.paper != nil }

func (u *UI) shown(line string, stderr bool) string {
	if u.isTerminal(stderr) {
		return Clean(line)
	}
	return line
}

func (u *UI) passTo(stderr bool, text string) error {
	if text == "" {
		return nil
	}
	if stderr {
		_ = u.screen.aside(u.screen.w, text) // as with all that goes there
		return nil
	}
	if err := u.screen.aside(u.stdout, text); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// aside writes to another stream, which may be on the same terminal, or past the lines
// of this one. It waits while a question is open.
func (s *screen) aside(to io.Writer, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.suspended > 0 {
		s.resumed.Wait()
	}
	lines := ""
	for _, l := range s.held {
		lines += l + "\n"
	}
	s.write(s.erase() + lines)
	s.held = nil
	_, err := io.WriteString(to, text)
	return err
}
