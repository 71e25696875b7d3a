package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// ownerVariable makes the test binary the owner of a lab, for tests that kill it.
const ownerVariable = "FLAKEOPS_LAB_TEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) != "" {
		if err := own(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := Ensure(context.Background(), zerolog.New(os.Stderr)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// own makes a lab with a host, says its directory and slot, and waits to be killed.
func own(ctx context.Context) error {
	lab, err := New(ctx, os.Getenv(ownerVariable))
	if err != nil {
		return err
	}
	if _, err := lab.Start(ctx, Options{Name: "orphan"}); err != nil {
		return err
	}
	fmt.Println(lab.dir, int(lab.slot))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func newTestLab(t *testing.T) *Lab {
	t.Helper()
	lab, err := New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func startHost(t *testing.T, lab *Lab, o Options) *Host {
	t.Helper()
	h, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// shell runs a script on the host, which must succeed.
func shell(t *testing.T, h *Host, script string) string {
	t.Helper()
	out, err := h.Shell(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// login runs a command line through OpenSSH, with nothing but the lab's file.
func login(ctx context.Context, lab *Lab, args ...string) (string, error) {
	args = append([]string{"-F", lab.SSHConfig(), "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"}, args...)
	out, err := exec.CommandContext(ctx, "ssh", args...).CombinedOutput()
	return string(out), err
}

func mustLogin(t *testing.T, lab *Lab, args ...string) string {
	t.Helper()
	out, err := login(t.Context(), lab, args...)
	if err != nil {
		t.Fatalf("ssh %q: %v: %s", args, err, out)
	}
	return out
}

// eventually waits until a condition holds; it names the last reason why not.
func eventually(t *testing.T, limit time.Duration, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", limit, err)
		}
		time.Sleep(retryEvery)
	}
}
