package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// show is what the onlooker reads.
type show struct {
	stdout, stderr *os.File
	colour         bool
	promises       []promise
}

// promise is something that should be so, and whether it is.
type promise struct {
	text string
	kept bool
}

func newShow(stdout, stderr *os.File) *show {
	return &show{
		stdout: stdout, stderr: stderr,
		colour: term.IsTerminal(int(stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func (s *show) heading(title string) {
	s.line("\n" + s.paint("== "+title+" ==", text.Bold, text.FgCyan))
}

func (s *show) say(lines ...string) { s.line(lines...) }

// command shows a command line before it runs.
func (s *show) command(line string) { s.line("", s.paint("$ "+line, text.Bold)) }

// promise writes down whether something is as it should be.
func (s *show) promise(kept bool, what string) {
	s.promises = append(s.promises, promise{what, kept})
	s.line(s.mark(kept) + " " + what)
}

func (s *show) mark(kept bool) string {
	if kept {
		return s.paint("[ok]", text.FgGreen)
	}
	return s.paint("[NOT SO]", text.Bold, text.FgRed)
}

// summary repeats all promises. It is an error if one is not kept.
func (s *show) summary() error {
	s.heading("Summary")
	broken := 0
	for _, p := range s.promises {
		s.line(s.mark(p.kept) + " " + p.text)
		if !p.kept {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d things are not as promised", broken, len(s.promises))
	}
	if len(s.promises) == 0 {
		return errors.New("nothing was shown")
	}
	return nil
}

func (s *show) line(lines ...string) { _, _ = io.WriteString(s.stdout, strings.Join(lines, "\n")+"\n") }

func (s *show) paint(line string, colours ...text.Color) string {
	if !s.colour {
		return line
	}
	return text.Colors(colours).EscapeSeq() + line + text.Reset.EscapeSeq()
}
