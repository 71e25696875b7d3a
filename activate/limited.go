package activate

import (
	"fmt"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// limited hands on the lines that a host prints, up to a number of bytes, and then
// how many it left out.
type limited struct {
	line    func(string)
	room    int
	leftOut int
}

// lines is for what a command writes; heed sees each line, also those left out.
func (l *limited) lines(heed func(string)) *run.Lines {
	return &run.Lines{Max: wire.MaxOutput, Cut: " [cut]", Handle: func(line []byte) {
		heed(string(line))
		l.take(string(line))
	}}
}

func (l *limited) take(line string) {
	if l.room -= len(line) + 1; l.room < 0 {
		l.leftOut++
		return
	}
	l.line(line)
}

func (l *limited) end() {
	if l.leftOut > 0 {
		l.line(fmt.Sprintf("[%d more lines are left out]", l.leftOut))
	}
}
