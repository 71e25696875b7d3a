// Package cli is the command line: the grammar, and one file per verb.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fault"
	"flakeops/internal/ui"
)

// session is what a verb is given: the process's streams and what the flags
// that all verbs share ask for.
type session struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	paper          func() (width, height int) // size of the terminal that stdout is; nil: none
	unread         <-chan struct{}            // closed when nobody reads stdout any more
	verb           string
	command        []string // what is to be run on hosts, after --
	verbose        int
	logFormat      string
}

// Main runs one command line, args[0] being the program's name, and returns
// its exit code. When ctx ends, what is under way is undone or left to the
// hosts to undo, and Main returns exit.Interrupted.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	unread := make(chan struct{})
	s := &session{stdin: stdin, stdout: ui.Results(stdout, func() { close(unread) }), stderr: stderr, paper: ui.SizeOf(stdout), unread: unread}
	g := &grammar{}
	parser, err := newParser(ctx, g, s)
	if err != nil { // a mistake in the grammar itself
		fmt.Fprintf(stderr, "error: %v\n", err)
		return exit.Other
	}
	err = s.follow(ctx, parser, g, args[min(1, len(args)):])
	if err != nil && !exit.Told(err) {
		s.fail(err, args)
	}
	return exit.Of(err)
}

// follow does what a command line says.
func (s *session) follow(ctx context.Context, parser *kong.Kong, g *grammar, args []string) error {
	args, s.command = usage.CutCommand(args)
	parsed, err := parser.Parse(args)
	switch {
	case errors.Is(err, errAnswered):
		return nil
	case err != nil:
		return usage.Explain(parser.Model, err)
	}
	s.verbose, s.logFormat = g.Verbose, g.LogFormat
	s.verb = usage.SpelledVerb(parsed.Selected())
	if err := usage.CheckCommand(s.verb, s.command); err != nil {
		return err
	}
	if err := usage.CheckFlake(ctx, parsed); err != nil {
		return err
	}
	return parsed.Run()
}

// whileRead ends with ctx, or when nobody reads stdout any more, which is then an
// interruption. It is for a verb that has no other end than being read.
func (s *session) whileRead(ctx context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.unread:
			end(fault.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { end(nil) }
}

// fail tells an error that was not told yet. A command line that could not be
// followed had no verb that answers, so the answer is made here.
func (s *session) fail(err error, args []string) {
	form := ui.Text
	for _, arg := range args {
		form = cmp.Or(map[string]ui.Form{"--json": ui.JSON, "--json-lines": ui.Lines}[arg], form)
	}
	u := ui.New(ui.Options{Stdout: s.stdout, Stderr: s.stderr, Form: form})
	u.Error(err)
	var mistake *usage.Error
	if errors.As(err, &mistake) {
		verb := cmp.Or(mistake.Verb, s.verb)
		u.Message("Run \"" + strings.Join(strings.Fields("flakeops "+verb+" --help"), " ") + "\" for how it is used.")
		_ = document.WriteError(u, err, exit.Of(err))
		_ = u.Over(exit.Of(err), err)
	}
}

// newParser builds the parser that fills g and runs verbs with ctx and s.
func newParser(ctx context.Context, g *grammar, s *session) (*kong.Kong, error) {
	return kong.New(g,
		kong.Name("flakeops"),
		kong.Description("Deploys the nixosConfigurations of a flake to hosts, and cannot lock you out."),
		kong.NoDefaultHelp(),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "override", Title: "Instead of every node's own settings:"},
			{Key: "nix", Title: "For nix:"},
		}),
		kong.Writers(s.stdout, s.stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
}

// open makes the UI of a verb that answers in a form, and the logger that writes through it.
func (s *session) open(form ui.Form) (*ui.UI, zerolog.Logger) {
	o := ui.Options{Stdout: s.stdout, Stderr: s.stderr, Form: form, Paper: s.paper}
	if os.Getenv("TERM") != "dumb" {
		o.Size = ui.SizeOf(s.stderr)
	}
	u := ui.New(o)
	return u, s.logger(u)
}

// logger writes diagnostics: warnings always, more with -v.
func (s *session) logger(u *ui.UI) zerolog.Logger {
	w := u.Diagnostics()
	if s.logFormat != "json" {
		w = zerolog.ConsoleWriter{Out: w, NoColor: true, TimeFormat: "15:04:05.000"}
	}
	level := zerolog.WarnLevel
	switch {
	case s.verbose >= 2:
		level = zerolog.TraceLevel
	case s.verbose == 1:
		level = zerolog.DebugLevel
	}
	return zerolog.New(w).Level(level).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
	}))
}
