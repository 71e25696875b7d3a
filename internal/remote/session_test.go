package remote

import (
	"errors"
	"io"
	"strings"
	"testing"

	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

func TestASessionIsWaitedFor(t *testing.T) {
	h, c := easy(t, "MaxSessions 1")
	r, w := io.Pipe()
	first := make(chan error)
	go func() {
		_, err := c.Run(testContext(t), run.Command{Argv: []string{"cat"}, Stdin: r})
		first <- err
	}()
	eventually(t, "the first session", func() bool { return h.logged("Starting session") == 1 })
	go func() {
		eventually(t, "a refusal", func() bool { return h.logged("no more sessions") > 0 })
		_ = w.Close()
	}()
	out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("once")})
	if err != nil || string(out) != "once" {
		t.Errorf("%q, %v", out, err)
	}
	must(t, <-first)
}

func TestWhetherStdinWasSentIsKnown(t *testing.T) {
	r, c := overRelay(t, "ServerAliveInterval 1", "ServerAliveCountMax 1")
	r.freeze()
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("never")})
	var lost *sessions.LostError
	var never *run.NotStartedError
	if !errors.As(err, &lost) || !errors.As(err, &never) {
		t.Fatalf("before: %#v", err)
	}

	r, c = overRelay(t)
	_, err = c.Run(testContext(t), run.Command{
		Argv: []string{"cat"}, Stdin: io.MultiReader(strings.NewReader("sent"), neverEnds{c.Done()}),
		Stdout: writerFunc(func(p []byte) (int, error) { r.cut(); return len(p), nil }),
	})
	if !errors.As(err, &lost) || errors.As(err, &never) {
		t.Fatalf("after: %#v", err)
	}
}
