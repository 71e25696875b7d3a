package ui

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"
)

// Results is a stdout on which results are written. A reader that goes away, as head does, has read enough:
// what is written after that is dropped, and is no failure of the verb. unread is then
// called, once.
func Results(to io.Writer, unread func()) io.Writer { return &results{to: to, unread: unread} }

type results struct {
	to     io.Writer
	unread func()
	gone   bool
}

func (r *results) Write(p []byte) (int, error) {
	if r.gone {
		return len(p), nil
	}
	n, err := r.to.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		r.gone = true
		r.unread()
		return len(p), nil
	}
	return n, err
}

// SizeOf gives a function that measures the terminal behind a stream, and nil
// where there is none.
func SizeOf(stream any) func() (width, height int) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
}
