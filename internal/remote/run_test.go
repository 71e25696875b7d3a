package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

func TestRunPassesArgvAsItIs(t *testing.T) {
	_, c := easy(t)
	want := []string{"", "a b", "$(id)", "`id`", `"quoted"`, "it's", "new\nline", `back\slash`, "*", "~", "-n", "é"}
	out, err := run.Output(testContext(t), c, run.Command{Argv: append([]string{"printf", `%s\0`}, want...)})
	must(t, err)
	if got := strings.Join(want, "\x00") + "\x00"; string(out) != got {
		t.Errorf("got %q, want %q", out, got)
	}
}

func TestRunEnvAndDir(t *testing.T) {
	_, c := easy(t)
	dir := t.TempDir() + "/a 'dir"
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"mkdir", dir}})
	must(t, err)
	out, err := run.Output(testContext(t), c, run.Command{
		Argv: []string{"sh", "-c", `pwd; echo "$FLAKEOPS_X"`}, Env: []string{"FLAKEOPS_X=it's $x"}, Dir: dir,
	})
	must(t, err)
	if want := dir + "\nit's $x\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestRunExitStatus(t *testing.T) {
	_, c := easy(t)
	for _, code := range []int{0, 1, 2, 4, 100, 255} {
		res, err := c.Run(testContext(t), run.Command{Argv: []string{"sh", "-c", fmt.Sprintf("echo out; echo err >&2; exit %d", code)}})
		if res.Code != code {
			t.Errorf("code %d, want %d", res.Code, code)
		}
		if code == 0 {
			must(t, err)
			continue
		}
		var re *run.Error
		if !errors.As(err, &re) || re.Code != code || re.Stderr != "err\n" || re.Err != nil || re.Program() != "sh" {
			t.Errorf("code %d: error %#v", code, err)
		}
	}
}

func TestRunSignal(t *testing.T) {
	_, c := easy(t)
	res, err := c.Run(testContext(t), run.Command{Argv: []string{"sh", "-c", "kill -KILL $$"}})
	var re *run.Error
	if res.Code != -1 || !errors.As(err, &re) || re.Code != -1 || re.Err == nil {
		t.Fatalf("code %d, error %#v", res.Code, err)
	}
	contains(t, err.Error(), "killed by signal: KILL")
}

func TestRunUnknownCommand(t *testing.T) {
	_, c := easy(t)
	res, err := c.Run(testContext(t), run.Command{Argv: []string{"/no/such/program"}})
	if res.Code != 127 || err == nil {
		t.Fatalf("code %d, error %v", res.Code, err)
	}
	contains(t, err.Error(), "/no/such/program")
}

// neverEnds is a stdin that nobody types into.
type neverEnds struct{ done <-chan struct{} }

func (n neverEnds) Read([]byte) (int, error) {
	<-n.done
	return 0, io.EOF
}

func TestRunDoesNotWaitForStdin(t *testing.T) {
	_, c := easy(t)
	done := make(chan struct{})
	defer close(done)
	out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"echo", "done"}, Stdin: neverEnds{done}})
	must(t, err)
	if string(out) != "done\n" {
		t.Errorf("got %q", out)
	}
}

func TestRunWithoutStdinIsAtItsEnd(t *testing.T) {
	_, c := easy(t)
	out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"cat"}})
	if err != nil || len(out) != 0 {
		t.Errorf("%q, %v", out, err)
	}
}

func TestRunMovesMuchDataBothWays(t *testing.T) {
	_, c := easy(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	var out bytes.Buffer
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: &out})
	must(t, err)
	if sha256.Sum256(out.Bytes()) != sha256.Sum256(data) {
		t.Errorf("%d bytes came back changed, of %d", out.Len(), len(data))
	}
}

func TestRunStopsWhenOutputCannotBePassedOn(t *testing.T) {
	_, c := easy(t)
	full := errors.New("the disk is full")
	_, err := c.Run(testContext(t), run.Command{
		Argv: []string{"yes"}, Stdout: writerFunc(func([]byte) (int, error) { return 0, full }),
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	_, c := easy(t)
	ctx, cancel := context.WithCancel(testContext(t))
	start := time.Now()
	_, err := c.Run(ctx, run.Command{
		Argv:   []string{"sh", "-c", "echo ready; exec cat"},
		Stdin:  neverEnds{ctx.Done()},
		Stdout: writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }),
		Grace:  20 * time.Second,
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	_, err = c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	must(t, err) // the connection lives on
}

func TestRunGivesUpOnWhatWillNotEnd(t *testing.T) {
	_, c := easy(t)
	ctx, cancel := context.WithCancel(testContext(t))
	start := time.Now()
	_, err := c.Run(ctx, run.Command{
		Argv:   []string{"sh", "-c", "trap '' TERM; echo ready; cat; while :; do sleep 0.05 || exit; echo x || exit; done"},
		Stdout: writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }),
		Stdin:  strings.NewReader(""), Grace: 300 * time.Millisecond,
	})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 10*time.Second {
		t.Fatalf("after %v: %v", time.Since(start), err)
	}
}

// Callers read their buffers as soon as Run is back.
func TestNothingIsWrittenOnceRunIsBack(t *testing.T) {
	_, c := easy(t)
	for range 3 {
		ctx, cancel := context.WithCancel(testContext(t))
		var back, late atomic.Bool
		_, err := c.Run(ctx, run.Command{
			Argv: []string{"sh", "-c", "trap '' TERM; yes & yes >&2"}, Grace: time.Millisecond,
			Stdout: writerFunc(func(p []byte) (int, error) {
				cancel()
				late.CompareAndSwap(false, back.Load())
				return len(p), nil
			}),
			Stderr: writerFunc(func(p []byte) (int, error) {
				late.CompareAndSwap(false, back.Load())
				return len(p), nil
			}),
		})
		back.Store(true)
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		_, err = c.Run(testContext(t), run.Command{Argv: []string{"true"}}) // what was under way has come by now
		must(t, err)
		if late.Load() {
			t.Fatal("a stream was written to afterwards")
		}
	}
}

func TestRunInParallel(t *testing.T) {
	_, c := easy(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"cat"}, Stdin: strings.NewReader(fmt.Sprint(n))})
			if err != nil || string(out) != fmt.Sprint(n) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	wg.Wait()
}

func TestRunAfterClose(t *testing.T) {
	_, c := easy(t)
	must(t, c.Close())
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	if err == nil || errors.As(err, new(*sessions.LostError)) {
		t.Errorf("error %v", err)
	}
	contains(t, err.Error(), "the connection is closed")
}

func TestRunWithoutArgv(t *testing.T) {
	_, c := easy(t)
	res, err := c.Run(testContext(t), run.Command{})
	var re *run.Error
	if !errors.As(err, &re) || res.Code != -1 {
		t.Errorf("code %d, error %v", res.Code, err)
	}
}

func TestRootOfRootIsTheConnection(t *testing.T) {
	_, c := easy(t)
	if c.User() != "root" {
		t.Fatal("run the tests as root: otherwise no login is root's")
	}
	if c.Root() != run.Runner(c) {
		t.Error("root is elevated")
	}
}
