package flake

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/rs/zerolog"

	"flakeops/internal/run"
)

// Nix calls the nix programs of this machine. The zero value is ready to use.
type Nix struct {
	Runner run.Runner     // nil means run.Local{}
	Flags  []string       // options for nix, passed through to every call they are valid for
	Log    zerolog.Logger // diagnostics; the zero value writes nothing
}

const (
	maxAnswer = 64 << 20  // bytes of stdout kept; a large flake.lock is a few MB
	maxErrors = 256 << 10 // bytes of stderr kept, enough for a --show-trace
)

// answer is what one call of nix gave.
type answer struct {
	out    []byte
	errors string // the end of stderr
	rss    int64  // peak memory in bytes, 0 when unknown
}

// ask runs one of the nix programs to its end. Its error is ctx's cause, a
// missing program, or an *exitError with what nix wrote to stderr.
func (n *Nix) ask(ctx context.Context, argv []string) (answer, error) {
	out := run.Head{Max: maxAnswer}
	tail := run.Tail{Max: maxErrors}
	res, err := n.run(ctx, run.Command{Argv: argv, Stdout: &out, Stderr: &tail})
	a := answer{out: out.Bytes(), errors: tail.String(), rss: res.MaxRSS}
	if out.Over && ctx.Err() == nil {
		return a, fmt.Errorf("%s wrote more than %d MB where a short answer was expected: check that the nix in PATH works", spoken(argv), maxAnswer>>20)
	}
	if err != nil {
		return a, n.explain(ctx, err, a.errors)
	}
	return a, nil
}

// run starts cmd. The arguments are not logged: an option may hold a token.
func (n *Nix) run(ctx context.Context, cmd run.Command) (run.Result, error) {
	r := n.Runner
	if r == nil {
		r = run.Local{}
	}
	res, err := r.Run(ctx, cmd)
	n.Log.Debug().Str("command", spoken(cmd.Argv)).Int("code", res.Code).Int64("rss", res.MaxRSS).Msg("nix")
	return res, err
}

// explain turns a Runner's error into this package's.
func (n *Nix) explain(ctx context.Context, err error, stderr string) error {
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
	return &exitError{command: spoken(re.Argv), code: re.Code, stderr: stderr, trace: n.showTrace()}
}

// exitError is a nix program that ended with an exit status other than 0.
type exitError struct {
	command string
	code    int
	stderr  string
	trace   bool
}

func (e *exitError) Error() string { return fmt.Sprintf("%s: %s", e.command, e.message()) }

// message is what nix gave as the reason.
func (e *exitError) message() string {
	if m := reason(e.stderr, e.trace); m != "" {
		return m
	}
	return fmt.Sprintf("exit status %d without a message", e.code)
}

func (e *exitError) says(part string) bool { return strings.Contains(e.stderr, part) }

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
