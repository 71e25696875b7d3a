// Package ui is what the operator sees.
//
// stdout carries results and only results: the store paths of `build`, the
// nodes of `list`, what a dry activation would do, and the final table; or,
// with --json, one JSON document instead of all of these; or, with --json-lines, the
// events of the run, one a line as they happen.
//
// stderr carries the rest: progress, the output of builds and activations,
// warnings, errors and diagnostics. On a terminal a live view at its bottom
// says what each node is doing; elsewhere each change is a line, `web: building`
// for what flakeops does and `web | text` for what a build or a host printed.
//
// /dev/tty carries questions and their answers, so that both streams may be
// redirected. The live view stands still while a question is open.
//
// Text that comes from a host, a build or a flake passes Clean before it is
// written anywhere, so that it cannot steer the terminal. What a command of the
// operator's own writes on a host is the result of `exec`: it passes Clean where a
// terminal shows it, and stays as it is elsewhere.
package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Options say where a UI writes.
type Options struct {
	Stdout io.Writer
	Stderr io.Writer
	Form   Form
	Size   func() (width, height int) // of the terminal behind Stderr; nil: plain lines
	Paper  func() (width, height int) // of the terminal behind Stdout; nil: tables are as wide as they are
}

// Form is what results are written as.
type Form int

// The forms.
const (
	Text  Form = iota // for people
	JSON              // one document
	Lines             // what happens, one document a line, as it does
)

// UI writes results and progress. It is safe for concurrent use.
type UI struct {
	stdout io.Writer
	form   Form
	paper  func() (width, height int)
	seen   bool // stderr is a terminal
	screen *screen

	mu        sync.Mutex
	hints     []string          // what to do about errors, for Advise
	rests     map[origin]string // what commands wrote, of lines without an end
	unwritten error             // why a line of results is not written
}

// New makes a UI. Close it before the process ends.
func New(o Options) *UI {
	return &UI{
		stdout: o.Stdout, form: o.Form, paper: o.Paper, seen: o.Size != nil || SizeOf(o.Stderr) != nil,
		rests: map[origin]string{}, screen: newScreen(o.Stderr, o.Size),
	}
}

// Close writes what is still held back and takes the live view away. What comes
// after it is written as plain lines.
func (u *UI) Close() { u.screen.close() }

// Status says what a node is doing from now on.
func (u *UI) Status(node, text string) {
	node, text = Clean(node), Clean(text)
	u.screen.row(node, text)
	if !u.screen.isLive() {
		u.screen.print(node + ": " + text)
	}
}

// Detail adds to a node's status what changes too often for a line of its own;
// only the live view shows it.
func (u *UI) Detail(node, text string) { u.screen.detail(Clean(node), Clean(text)) }

// Log is one line of a build's log: a detail on a terminal, a line elsewhere.
func (u *UI) Log(node, line string) {
	if u.screen.isLive() {
		u.Detail(node, line)
		return
	}
	u.Line(node, line)
}

// Line is one line that a node's activation printed.
func (u *UI) Line(node, line string) { u.screen.print(Clean(node) + " | " + Clean(line)) }

// End says how a node ended, and takes it out of the live view.
func (u *UI) End(node, text string) {
	node = Clean(node)
	u.screen.drop(node)
	u.screen.print(block(node+": ", text))
}

// Message is a line about the whole run.
func (u *UI) Message(text string) { u.screen.print(block("", text)) }

// Warn is a message about something that may not be as intended.
func (u *UI) Warn(text string) { u.screen.print(block("warning: ", text)) }

// Error is a message that something failed.
func (u *UI) Error(err error) { u.screen.print(block("error: ", err.Error())) }

// Diagnostics is where a logger writes, one line per call.
func (u *UI) Diagnostics() io.Writer { return diagnostics{u.screen} }

// Suspend stops all writing to stderr until resume is called; what is written
// meanwhile is kept and follows then.
func (u *UI) Suspend() (resume func()) { return u.screen.suspend() }

type diagnostics struct{ screen *screen }

func (d diagnostics) Write(p []byte) (int, error) {
	line := string(p)
	if strings.HasPrefix(line, "{") { // of a logger that writes JSON
		line = cleanJSON(p)
	}
	d.screen.print(block("", line))
	return len(p), nil
}

// block cleans text of several lines and indents all but the first.
func block(prefix, text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = Clean(l)
	}
	return prefix + strings.Join(lines, "\n"+strings.Repeat(" ", 2))
}

// Print writes one line of a result. It is quiet when results are no text.
func (u *UI) Print(line string) error {
	if u.form != Text {
		return nil
	}
	if _, err := fmt.Fprintln(u.stdout, Clean(line)); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// Forget takes what Status said of a node out of the live view.
func (u *UI) Forget(node string) { u.screen.drop(Clean(node)) }
