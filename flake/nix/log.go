package nix

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// The numbers that nix's internal-json log gives activities and results
// (libutil/logging.hh); the same in all versions.
const (
	ActCopyPath   = 100 // fields: path, from, to
	ActCopyPaths  = 103 // text: "copying N paths"
	ActBuilds     = 104 // all builds together
	ActBuild      = 105 // fields: derivation, machine, ...
	ActSubstitute = 108 // fields: path, from

	ResLogLine  = 101 // fields: line
	ResProgress = 105 // fields: done, expected, running, failed
)

// MaxLine is the longest line kept, in bytes. Nix puts a whole line of a
// build's output into one line of its log, however long it is.
const MaxLine = 256 << 10

// Event is one line of nix's internal-json log.
type Event struct {
	Action string // start, stop, result or msg
	ID     uint64 // activity
	Kind   int    // of activity for start, of result for result
	Level  int    // for msg: 0 is an error
	Text   string // of start and msg, without colours
	fields []gjson.Result
}

// ParseLog reads one line of nix's stderr. It is false for a line that is not
// of the log, such as what a program that nix started wrote. Of a line that was
// cut because of its length it reads what is there: an error message may quote
// a build's output, and begins with what matters.
func ParseLog(line []byte) (Event, bool) {
	body, ok := bytes.CutPrefix(line, []byte("@nix "))
	if ok && len(line) >= MaxLine {
		body = mend(body)
	}
	if !ok || !gjson.ValidBytes(body) {
		return Event{}, false
	}
	m := gjson.ParseBytes(body)
	if !m.IsObject() {
		return Event{}, false
	}
	ev := Event{
		Action: m.Get("action").String(),
		ID:     m.Get("id").Uint(),
		Kind:   int(m.Get("type").Int()),
		Level:  int(m.Get("level").Int()),
		Text:   Plain(m.Get("text").String()),
	}
	if f := m.Get("fields"); f.IsArray() {
		ev.fields = f.Array()
	}
	if ev.Action == "msg" {
		ev.Text = Plain(m.Get("msg").String())
	}
	return ev, ev.Action != ""
}

// mend closes an object that was cut inside a string, perhaps in the middle of
// an escape, which has six bytes at most.
func mend(body []byte) []byte {
	for i := range 6 {
		if whole := append(body[:len(body)-i:len(body)-i], `"}`...); gjson.ValidBytes(whole) {
			return whole
		}
	}
	return body
}

// Subject is the first field as text, "" when there is none.
func (e Event) Subject() string {
	if len(e.fields) == 0 {
		return ""
	}
	return e.fields[0].String()
}

// Count is the i-th field as a number that is not negative, 0 when there is none.
func (e Event) Count(i int) int {
	if i >= len(e.fields) {
		return 0
	}
	return int(min(max(e.fields[i].Int(), 0), 1<<31-1))
}

// Failure is the text of an error message. A message of level 0 may also be a
// warning that a nix daemon passed on.
func (e Event) Failure() (string, bool) {
	if e.Action != "msg" || e.Level != 0 {
		return "", false
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(e.Text), "error:")
	return strings.TrimSpace(text), ok
}

// LogTail is the end of a build's log.
type LogTail struct {
	Lines []string // the last ones
}

const (
	tailLines = 10
	tailWidth = 500 // bytes of one line
)

// Add takes in a line.
func (t *LogTail) Add(line string) {
	if len(line) > tailWidth {
		line = strings.ToValidUTF8(line[:tailWidth], "") + "..."
	}
	if len(t.Lines) == tailLines {
		copy(t.Lines, t.Lines[1:])
		t.Lines = t.Lines[:tailLines-1]
	}
	t.Lines = append(t.Lines, line)
}

// Remember keeps the last few lines, for an error that says why by itself.
func Remember(list *[]string, s string) {
	const most = 10
	if *list = append(*list, s); len(*list) > most {
		*list = (*list)[1:]
	}
}
