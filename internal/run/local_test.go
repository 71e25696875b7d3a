package run_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flakeops/internal/run"
)

func sh(script string, args ...string) run.Command {
	return run.Command{Argv: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func TestLocalPassesEverythingOn(t *testing.T) {
	var stderr bytes.Buffer
	dir := t.TempDir()
	cmd := sh(`cat; printf '%s|' "$@"; echo "$GREETING"; pwd; echo warn >&2`, "a b", "$(id)", "")
	cmd.Stdin, cmd.Stderr, cmd.Dir = strings.NewReader("in\n"), &stderr, dir
	cmd.Env = []string{"GREETING=hello there"}
	out, err := run.Output(t.Context(), run.Local{}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	if want := "in\na b|$(id)||hello there\n" + dir + "\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if stderr.String() != "warn\n" {
		t.Errorf("stderr %q", stderr.String())
	}
}

func TestLocalErrors(t *testing.T) {
	for name, c := range map[string]struct {
		cmd  run.Command
		code int
		want string
		is   error
	}{
		"exit status":     {sh("echo out of luck >&2; exit 3"), 3, "sh: exit status 3: out of luck", nil},
		"no such program": {run.Command{Argv: []string{"flakeops-no-such-program"}}, -1, "flakeops-no-such-program: executable file not found", exec.ErrNotFound},
		"no such file":    {run.Command{Argv: []string{"/nonexistent/program"}}, -1, "no such file", os.ErrNotExist},
		"signal":          {sh("kill -9 $$"), -1, "killed by signal: killed", nil},
		"nothing":         {run.Command{}, -1, "empty command", nil},
		"hides arguments": {sh("exit 1 # hunter2"), 1, "sh: exit status 1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := run.Local{}.Run(t.Context(), c.cmd)
			var failed *run.Error
			if !errors.As(err, &failed) {
				t.Fatalf("error %v", err)
			}
			if res.Code != c.code || failed.Code != c.code {
				t.Errorf("code %d and %d, want %d", res.Code, failed.Code, c.code)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q, want %q", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
}

// alive says whether a process is there and not a zombie.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestLocalEndsTheWholeGroupWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	pidFile := filepath.Join(t.TempDir(), "pid")
	// Neither the shell nor its child heeds SIGTERM.
	cmd := sh(`trap '' TERM; (trap '' TERM; echo $$ >"$1.new"; exec sleep 600) & mv "$1.new" "$1" 2>/dev/null; while [ ! -e "$1" ]; do mv "$1.new" "$1" 2>/dev/null; done; wait`, pidFile)
	cmd.Grace = 50 * time.Millisecond
	ended := make(chan error, 1)
	go func() {
		_, err := run.Local{}.Run(ctx, cmd)
		ended <- err
	}()
	var group int
	for deadline := time.Now().Add(20 * time.Second); group == 0; {
		if b, err := os.ReadFile(pidFile); err == nil {
			group, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		if time.Now().After(deadline) {
			t.Fatal("the command does not start")
		}
		time.Sleep(time.Millisecond)
	}
	why := errors.New("the operator left")
	cancel(why)
	select {
	case err := <-ended:
		if !errors.Is(err, why) {
			t.Errorf("error %v does not tell the cause", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run does not return")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := syscall.Kill(-group, 0); errors.Is(err, syscall.ESRCH) || !alive(group) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("something of the group is left")
		}
	}
}

func TestLocalCommandsHaveNoTerminal(t *testing.T) {
	var out bytes.Buffer
	cmd := sh(`read -r pid comm state parent group session terminal rest </proc/$$/stat; echo $((session - $$)) $terminal`)
	cmd.Stdout = &out
	if _, err := (run.Local{}).Run(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if out.String() != "0 0\n" {
		t.Errorf("another session's, or a terminal: %q", out.String())
	}
}

func TestLocalDoesNotWaitForWhatWasLeftBehind(t *testing.T) {
	cmd := sh(`sleep 600 & echo $!`)
	cmd.Grace = 50 * time.Millisecond
	var out bytes.Buffer
	cmd.Stdout = &out
	if _, err := (run.Local{}).Run(t.Context(), cmd); err != nil {
		t.Errorf("a command that ended well is an error: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
	if err != nil || !alive(pid) {
		t.Fatalf("what it left behind: %q, %v", out.String(), err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestLocalKeepsOnlyTheTailOfStderr(t *testing.T) {
	_, err := run.Local{}.Run(t.Context(), sh(`i=0; while [ $i -lt 3000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1`))
	var failed *run.Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if len(failed.Stderr) > 8<<10 || !strings.HasSuffix(failed.Stderr, "line 2999\n") || !strings.HasPrefix(failed.Stderr, "line ") {
		t.Errorf("%d bytes, from %.20q", len(failed.Stderr), failed.Stderr)
	}
}

func TestLocalReportsPeakMemory(t *testing.T) {
	res, err := run.Local{}.Run(t.Context(), sh("true"))
	if err != nil || res.MaxRSS < 100<<10 {
		t.Errorf("%d bytes, %v", res.MaxRSS, err)
	}
}

// A shell must split what Quote joins into the very same words.
func FuzzQuote(f *testing.F) {
	f.Add("plain", "with space", "")
	f.Add("$(touch x)", "it's", "-rf")
	f.Add("a\nb", "\\", "`id`; rm")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if strings.ContainsRune(a+b+c, 0) {
			return // no argument can hold one
		}
		out, err := exec.Command("sh", "-c", `printf '%s\0' `+run.Quote([]string{a, b, c})).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := a + "\x00" + b + "\x00" + c + "\x00"; string(out) != want {
			t.Fatalf("%q came back as %q", want, out)
		}
	})
}
