package remote

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"flakeops/internal/remote/lend"
	"flakeops/internal/run"

	"golang.org/x/sys/unix"
)

// waiting is a shim whose store waits for its client to say something.
func waiting(t *testing.T, h *sshd, l *lend.Lender, host string) (*exec.Cmd, io.WriteCloser) {
	t.Helper()
	before := h.logged("Starting session")
	cmd := shim(t, l, host, "nix-store --serve --write")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	eventually(t, "the session", func() bool { return h.logged("Starting session") > before })
	return cmd, in
}

func TestTheStoreEndsWithNix(t *testing.T) {
	for name, end := range map[string]func(*exec.Cmd, io.WriteCloser){
		"killed": func(cmd *exec.Cmd, _ io.WriteCloser) { _ = cmd.Process.Kill() },
		"eof":    func(_ *exec.Cmd, in io.WriteCloser) { _ = in.Close() },
	} {
		h, c := easy(t)
		l := newLender(t)
		cmd, in := waiting(t, h, l, lendTo(t, l, c))
		end(cmd, in)
		eventually(t, name+": the session's end", func() bool { return h.logged("Close session") == 1 })
		_ = cmd.Wait()
		_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
		must(t, err) // the connection lives on
	}
}

func TestTheStoreUnderSudoEndsWithNix(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)
	l := newLender(t)
	cmd, _ := waiting(t, h, l, lendTo(t, l, as(t, h, k, "ops", nil)))
	must(t, cmd.Process.Kill())
	eventually(t, "the session's end", func() bool { return h.logged("Close session") == 1 })
	_ = cmd.Wait()
}

func TestTakeBackEndsWhatRuns(t *testing.T) {
	h, c := easy(t)
	l := newLender(t)
	host, takeBack := l.Lend(c.Root(), time.Hour)
	cmd, _ := waiting(t, h, l, host)
	start := time.Now()
	_ = takeBack()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != shimFailed {
		t.Errorf("exit status %d", code)
	}
	if code, _, _ := shimEnds(t, l, host, "nix-store --serve --write"); code != shimFailed {
		t.Errorf("afterwards: exit status %d", code)
	}
}

func TestTakeBackWhileNobodyReads(t *testing.T) {
	_, c := easy(t)
	l := newLender(t)
	host, takeBack := l.Lend(c.Root(), time.Hour)
	chatty := filepath.Join(t.TempDir(), "nix-store")
	write(t, chatty, "#!/bin/sh\nexec yes\n")
	must(t, os.Chmod(chatty, 0o700))
	r, w, err := os.Pipe()
	must(t, err)
	defer func() { _ = r.Close() }()
	cmd := shim(t, l, host, chatty+" --serve --write")
	cmd.Stdout = w
	must(t, cmd.Start())
	must(t, w.Close())
	eventually(t, "a full pipe", func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n > 3*(256<<10)/4
	})
	done := make(chan struct{})
	go func() {
		_ = takeBack()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(testTimeout):
		t.Error("takeBack waits for a reader")
	}
	_ = r.Close()
	_ = cmd.Wait()
}

func TestShimOverALostConnection(t *testing.T) {
	r, c := overRelay(t)
	l := newLender(t)
	cmd, _ := waiting(t, r.to, l, lendTo(t, l, c))
	r.cut()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != shimFailed {
		t.Errorf("exit status %d", code)
	}
	code, _, text := shimEnds(t, l, lendTo(t, l, c), "nix-store --serve --write")
	if code != shimFailed {
		t.Errorf("exit status %d", code)
	}
	contains(t, text, "lost the connection")
}
