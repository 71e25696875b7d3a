package activate

import "fmt"

// limited hands on the lines that a host prints, up to a number of bytes, and then
// how many it left out.
type limited struct {
	line    func(string)
	room    int
	leftOut int
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
