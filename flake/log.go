package flake

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// The numbers that nix's internal-json log gives activities and results
// (libutil/logging.hh); the same in all versions.
const (
	actCopyPath   = 100 // fields: path, from, to
	actCopyPaths  = 103 // text: "copying N paths"
	actBuilds     = 104 // all builds together
	actBuild      = 105 // fields: derivation, machine, ...
	actSubstitute = 108 // fields: path, from

	resLogLine  = 101 // fields: line
	resProgress = 105 // fields: done, expected, running, failed
)

// logEvent is one line of nix's internal-json log.
type logEvent struct {
	action string // start, stop, result or msg
	id     uint64 // activity
	kind   int    // of activity for start, of result for result
	level  int    // for msg: 0 is an error
	text   string // of start and msg, without colours
	fields []gjson.Result
}

// parseLog reads one line of nix's stderr. It is false for a line that is not
// of the log, such as what a program that nix started wrote. Of a line that was
// cut because of its length it reads what is there: an error message may quote
// a build's output, and begins with what matters.
func parseLog(line []byte) (logEvent, bool) {
	body, ok := bytes.CutPrefix(line, []byte("@nix "))
	if ok && len(line) >= maxLine {
		body = mend(body)
	}
	if !ok || !gjson.ValidBytes(body) {
		return logEvent{}, false
	}
	m := gjson.ParseBytes(body)
	if !m.IsObject() {
		return logEvent{}, false
	}
	ev := logEvent{
		action: m.Get("action").String(),
		id:     m.Get("id").Uint(),
		kind:   int(m.Get("type").Int()),
		level:  int(m.Get("level").Int()),
		text:   plain(m.Get("text").String()),
	}
	if f := m.Get("fields"); f.IsArray() {
		ev.fields = f.Array()
	}
	if ev.action == "msg" {
		ev.text = plain(m.Get("msg").String())
	}
	return ev, ev.action != ""
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

// subject is the first field as text, "" when there is none.
func (e logEvent) subject() string {
	if len(e.fields) == 0 {
		return ""
	}
	return e.fields[0].String()
}

// count is the i-th field as a number that is not negative, 0 when there is none.
func (e logEvent) count(i int) int {
	if i >= len(e.fields) {
		return 0
	}
	return int(min(max(e.fields[i].Int(), 0), 1<<31-1))
}

// failure is the text of an error message. A message of level 0 may also be a
// warning that a nix daemon passed on.
func (e logEvent) failure() (string, bool) {
	if e.action != "msg" || e.level != 0 {
		return "", false
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(e.text), "error:")
	return strings.TrimSpace(text), ok
}

// logTail is the end of a build's log.
type logTail struct {
	lines []string
}

const (
	tailLines = 10
	tailWidth = 500 // bytes of one line
)

func (t *logTail) add(line string) {
	if len(line) > tailWidth {
		line = strings.ToValidUTF8(line[:tailWidth], "") + "..."
	}
	if len(t.lines) == tailLines {
		copy(t.lines, t.lines[1:])
		t.lines = t.lines[:tailLines-1]
	}
	t.lines = append(t.lines, line)
}

// remember keeps the last few lines, for an error that says why by itself.
func remember(list *[]string, s string) {
	const most = 10
	if *list = append(*list, s); len(*list) > most {
		*list = (*list)[1:]
	}
}
