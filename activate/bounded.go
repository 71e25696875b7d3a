package activate

import (
	"bytes"
	"errors"
	"fmt"
)

// bounded keeps what a host prints and refuses more than max bytes, which ends
// the session that prints it. The buffer is a field, not embedded: io.Copy
// would fill an embedded one past Write.
type bounded struct {
	max  int
	text bytes.Buffer
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.max {
		b.over = true
		return 0, errors.New("the answer is endless")
	}
	return b.text.Write(p)
}

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
