package remote

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flakeops/internal/remote/lend"
)

// lentStore lends a connection, calls a store there that is script, and returns
// what nix would see and what the Lender knows.
func lentStore(t *testing.T, silence time.Duration, script string) (code int, stderr string, err error) {
	t.Helper()
	_, c := easy(t)
	l := newLender(t)
	host, takeBack := l.Lend(c.Root(), silence)
	store := filepath.Join(t.TempDir(), "nix-store")
	write(t, store, "#!/bin/sh\n"+script+"\n")
	must(t, os.Chmod(store, 0o700))
	cmd := shim(t, l, host, store+" --serve --write")
	in, err := cmd.StdinPipe()
	must(t, err)
	errs := &tailFile{t: t, name: filepath.Join(t.TempDir(), "stderr")}
	cmd.Stderr = errs.open()
	must(t, cmd.Start())
	_, _ = in.Write([]byte("greeting"))
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), read(t, errs.name), takeBack()
}

type tailFile struct {
	t    *testing.T
	name string
}

func (f *tailFile) open() *os.File {
	w, err := os.Create(f.name)
	must(f.t, err)
	f.t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestTheLenderKnowsWhatTheHostSaid(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'no entry for you' >&2; exit 3": "nix-store on the host: exit status 3: no entry for you",
		"kill -KILL $$":                       "nix-store on the host: killed by signal: KILL",
	} {
		_, _, err := lentStore(t, time.Hour, script)
		if err == nil {
			t.Fatalf("%s: no error", script)
		}
		contains(t, err.Error(), want)
	}
	if code, _, err := lentStore(t, time.Hour, "exit 0"); code != 0 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

func TestAStoreThatIsSilentIsGivenUp(t *testing.T) {
	code, said, err := lentStore(t, 100*time.Millisecond, "exec sleep 600")
	var silent *lend.SilentError
	if code != shimFailed || !errors.As(err, &silent) {
		t.Fatalf("%d, %v", code, err)
	}
	contains(t, err.Error(), "nix-store on the host", "silent for 100ms")
	contains(t, said, "silent for 100ms")
}
