package ui

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"flakeops/internal/fleet"
)

// line is one line of --json-lines. docs/reference/schema/events.json is its schema.
type line struct {
	Version    int           `json:"version"`
	Time       string        `json:"time"` // RFC 3339
	Kind       fleet.Kind    `json:"kind"`
	Node       string        `json:"node,omitempty"`
	Step       fleet.Step    `json:"step,omitempty"`
	Done       int           `json:"done,omitempty"`
	Total      int           `json:"total,omitempty"`
	Derivation string        `json:"derivation,omitempty"`
	Text       string        `json:"text,omitempty"`
	Outcome    fleet.Outcome `json:"outcome,omitempty"`
	Error      string        `json:"error,omitempty"`
	Hint       string        `json:"hint,omitempty"`
	ExitCode   *int          `json:"exitCode,omitempty"` // of the run, in its last line
}

// linesVersion is the version field of a line.
const linesVersion = 1

func lineOf(e fleet.Event) line {
	l := line{
		Time: stamp(e.Time), Kind: e.Kind, Node: e.Node, Step: e.Step, Done: e.Done, Total: e.Total,
		Derivation: e.Derivation, Text: e.Text,
	}
	if e.Kind == fleet.Ended {
		l.Outcome, l.Text, l.Hint = e.Result.Outcome, e.Result.Note, e.Result.Hint
		if e.Result.Err != nil {
			l.Error = e.Result.Err.Error()
		}
	}
	return l
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// line writes a line when results are lines. That one could not be written is told by
// Over.
func (u *UI) line(l line) {
	if u.form != Lines {
		return
	}
	l.Version = linesVersion
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(l)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		_, err = fmt.Fprint(u.stdout, cleanJSON([]byte(text.String())))
	}
	if err != nil && u.unwritten == nil {
		u.unwritten = fmt.Errorf("writing events: %w", err)
	}
}

// keep keeps, for Over, why something was not written.
func (u *UI) keep(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.unwritten == nil {
		u.unwritten = err
	}
}

// Over writes the last line of a run, when results are lines: its exit code, and why
// it failed as a whole, if it did. The error is that a line could not be written.
func (u *UI) Over(code int, why error) error {
	l := line{Time: stamp(time.Now()), Kind: fleet.Ended, ExitCode: &code}
	if why != nil {
		l.Error = why.Error()
	}
	u.line(l)
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.unwritten
}
