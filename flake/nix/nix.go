package nix

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/rs/zerolog"

	"flakeops/internal/run"
)

// Programs calls the nix programs of this machine. The zero value is ready to use.
type Programs struct {
	Runner run.Runner     // nil means run.Local{}
	Flags  []string       // options for nix, passed through to every call they are valid for
	Log    zerolog.Logger // diagnostics; the zero value writes nothing
}

const (
	maxAnswer = 64 << 20  // bytes of stdout kept; a large flake.lock is a few MB
	maxErrors = 256 << 10 // bytes of stderr kept, enough for a --show-trace
)

// Answer is what one call of nix gave.
type Answer struct {
	Out    []byte
	Errors string // the end of stderr
	RSS    int64  // peak memory in bytes, 0 when unknown
}

// Lines are those of stdout, without empty ones.
func (a Answer) Lines() []string {
	var out []string
	for l := range strings.SplitSeq(string(a.Out), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// Ask runs one of the nix programs, or git, to its end. Its error is ctx's cause, a
// missing program, or an *ExitError with what nix wrote to stderr.
func (n *Programs) Ask(ctx context.Context, argv []string) (Answer, error) {
	return n.answer(ctx, run.Command{Argv: argv})
}

// Calculate evaluates an expression that needs no flake, and gives its JSON.
func (n *Programs) Calculate(ctx context.Context, expression string) ([]byte, error) {
	a, err := n.answer(ctx, run.Command{
		Argv:  []string{"nix-instantiate", "--eval", "--strict", "--json", "-"},
		Stdin: strings.NewReader(expression),
	})
	return a.Out, err
}

func (n *Programs) answer(ctx context.Context, cmd run.Command) (Answer, error) {
	out := run.Head{Max: maxAnswer}
	tail := run.Tail{Max: maxErrors}
	cmd.Stdout, cmd.Stderr = &out, &tail
	res, err := n.Run(ctx, cmd)
	a := Answer{Out: out.Bytes(), Errors: tail.String(), RSS: res.MaxRSS}
	if out.Over && ctx.Err() == nil {
		return a, fmt.Errorf("%s wrote more than %d MB where a short answer was expected: check that the nix in PATH works", spoken(cmd.Argv), maxAnswer>>20)
	}
	if err != nil {
		return a, n.Explain(ctx, err, a.Errors)
	}
	return a, nil
}

// Stream runs one of the nix programs and hands on its stdout line by line, which is not
// kept. Its error is that of Ask.
func (n *Programs) Stream(ctx context.Context, argv []string, line func([]byte)) error {
	out, tail := &run.Lines{Max: MaxLine, Handle: line}, run.Tail{Max: maxErrors}
	_, err := n.Run(ctx, run.Command{Argv: argv, Stdout: out, Stderr: &tail})
	out.End()
	if err != nil {
		return n.Explain(ctx, err, tail.String())
	}
	return nil
}

// Run runs cmd. The arguments are not logged: an option may hold a token.
func (n *Programs) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	r := n.Runner
	if r == nil {
		r = run.Local{}
	}
	res, err := r.Run(ctx, cmd)
	n.Log.Debug().Str("command", spoken(cmd.Argv)).Int("code", res.Code).Int64("rss", res.MaxRSS).Msg("nix")
	return res, err
}

// Explain turns a Runner's error into this package's: ctx's cause, a missing program, or
// an *ExitError with the end of what it wrote to stderr.
func (n *Programs) Explain(ctx context.Context, err error, stderr string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var re *run.Error
	if !errors.As(err, &re) {
		return err
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not in PATH: install Nix (https://nixos.org/download), "+
			"or put the directory of its programs in PATH: %w", re.Program(), exec.ErrNotFound)
	}
	if re.Err != nil {
		return fmt.Errorf("%s: %w", spoken(re.Argv), re.Err)
	}
	return &ExitError{command: spoken(re.Argv), code: re.Code, Stderr: stderr, Traced: n.showTrace()}
}

// ExitError is a nix program that ended with an exit status other than 0.
type ExitError struct {
	command string
	code    int
	Stderr  string // the end of it
	Traced  bool   // nix was to show where the error comes from
}

func (e *ExitError) Error() string { return fmt.Sprintf("%s: %s", e.command, e.Message()) }

// Message is what nix gave as the reason.
func (e *ExitError) Message() string {
	if m := reason(e.Stderr, e.Traced); m != "" {
		return m
	}
	return fmt.Sprintf("exit status %d without a message", e.code)
}

// Says says whether stderr has a part.
func (e *ExitError) Says(part string) bool { return strings.Contains(e.Stderr, part) }

// OfProgram says whether it is about a program that nix ran, such as git.
func (e *ExitError) OfProgram() bool { return program.MatchString(e.Message()) }

// spoken names a command as its user knows it, without options and arguments.
func spoken(argv []string) string {
	if len(argv) == 0 {
		return "nix"
	}
	for i := 1; argv[0] == "nix" && i < len(argv); i++ {
		switch a := argv[i]; {
		case a == "eval" || a == "copy":
			return "nix " + a
		case a == "flake" && i+1 < len(argv):
			return "nix flake " + argv[i+1]
		}
	}
	return argv[0]
}
