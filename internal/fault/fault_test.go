package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestClasses(t *testing.T) {
	lost := As(Unreachable, io.ErrClosedPipe)
	for name, c := range map[string]struct {
		err  error
		want Class
	}{
		"none":                      {nil, Other},
		"unknown":                   {io.EOF, Other},
		"step":                      {During(Push, io.EOF), Push},
		"step, said around it":      {fmt.Errorf("web: %w", During(Push, io.EOF)), Push},
		"cause of a step":           {During(Push, fmt.Errorf("nix copy: %w", lost)), Unreachable},
		"outermost of steps":        {During(Evaluation, During(Push, io.EOF)), Evaluation},
		"said whatever the cause":   {As(Keys, During(Push, lost)), Keys},
		"first of several":          {fmt.Errorf("%w: %w", lost, As(Push, io.EOF)), Unreachable},
		"second where one has none": {errors.Join(io.EOF, lost), Unreachable},
		"interrupted in a step":     {During(Build, ErrInterrupted), Interrupted},
		"cancelled":                 {During(Build, context.Canceled), Interrupted},
		"lost as it was cancelled":  {As(Unreachable, context.Canceled), Unreachable},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: class %d, want %d", name, got, c.want)
		}
	}
	if During(Push, nil) != nil {
		t.Error("no error became one")
	}
}

type locked struct{}

func (locked) Error() string { return "locked: wait" }
func (locked) Cause() string { return "locked" }
func (locked) Hint() string  { return "wait" }

type told struct{}

func (told) Error() string { return "told" }
func (told) Hint() string  { return "look" }

type hintless struct{}

func (hintless) Error() string { return "hintless" }
func (hintless) Hint() string  { return "" }

func TestHints(t *testing.T) {
	err := fmt.Errorf("web: %w", During(Push, locked{}))
	if Hint(err) != "wait" || Cause(err) != "locked" {
		t.Errorf("%q, %q", Hint(err), Cause(err))
	}
	err = fmt.Errorf("jump host: %w", errors.Join(io.EOF, hintless{}, told{}))
	if Hint(err) != "look" || Cause(err) != err.Error() {
		t.Errorf("%q, %q", Hint(err), Cause(err))
	}
	if Hint(io.EOF) != "" || Cause(io.EOF) != "EOF" {
		t.Errorf("%q, %q", Hint(io.EOF), Cause(io.EOF))
	}
}

// What to do is said once, whether the error has it in its own text or not.
func TestText(t *testing.T) {
	for want, err := range map[string]error{
		"locked":                 fmt.Errorf("locked"),
		"web: in use: wait":      fmt.Errorf("web: %w", advised{"in use", "wait"}),
		"in use: wait, then":     advised{"in use: wait, then", "wait"},
		"two\nlines\nlook there": advised{"two\nlines", "look there"},
	} {
		if got := Text(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

type advised struct{ text, hint string }

func (a advised) Error() string { return a.text }
func (a advised) Hint() string  { return a.hint }
