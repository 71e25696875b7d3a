package remote

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/remote/lend"
	"flakeops/internal/run"
)

// zeros is n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

const benchBytes = 256 << 20

func benchSetup(b *testing.B) (*sshd, *setup) {
	b.Helper()
	k := newKey(b, "ed25519", "")
	h := startSSHD(b, []key{k})
	return h, newSetup(b, h.known(), h.host("h", "IdentityFile "+k.file))
}

func BenchmarkDial(b *testing.B) {
	_, s := benchSetup(b)
	for b.Loop() {
		c, err := s.Dial(testContext(b), target("h"))
		must(b, err)
		_ = c.Close()
	}
}

func BenchmarkRun(b *testing.B) {
	_, s := benchSetup(b)
	c := s.dial(b, "h")
	for b.Loop() {
		_, err := c.Run(testContext(b), run.Command{Argv: []string{"true"}})
		must(b, err)
	}
}

func BenchmarkUpload(b *testing.B) {
	_, s := benchSetup(b)
	c := s.dial(b, "h")
	b.SetBytes(benchBytes)
	for b.Loop() {
		_, err := c.Run(testContext(b), run.Command{Argv: []string{"sh", "-c", "cat >/dev/null"}, Stdin: zeros(benchBytes)})
		must(b, err)
	}
}

// BenchmarkUploadOpenSSH is what BenchmarkUpload has to beat.
func BenchmarkUploadOpenSSH(b *testing.B) {
	_, s := benchSetup(b)
	b.SetBytes(benchBytes)
	for b.Loop() {
		cmd := exec.Command("ssh", "-F", s.config, "h", "cat >/dev/null")
		cmd.Stdin = zeros(benchBytes)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, bytes.TrimSpace(out))
		}
	}
}

// benchStore is a store of 400 paths, 64 MB together.
func benchStore(b *testing.B, l *lend.Lender) (store string, paths []string) {
	b.Helper()
	store = filepath.Join(b.TempDir(), "store")
	argv := []string{"nix-store", "--store", store, "--add"}
	dir := b.TempDir()
	for n := range 400 {
		data := make([]byte, 160<<10)
		_, err := rand.Read(data)
		must(b, err)
		file := filepath.Join(dir, fmt.Sprintf("payload-%d", n))
		write(b, file, string(data))
		argv = append(argv, file)
	}
	out, err := run.Output(testContext(b), run.Local{}, run.Command{Argv: argv, Env: nixEnv(b, l)})
	must(b, err)
	return store, strings.Fields(string(out))
}

func benchCopy(b *testing.B, l *lend.Lender, host string, env []string) {
	store, paths := benchStore(b, l)
	for b.Loop() {
		url := "ssh://" + host + "?remote-store=" + filepath.Join(b.TempDir(), "there")
		_, err := run.Local{}.Run(testContext(b), run.Command{
			Argv: append([]string{"nix", "copy", "--no-check-sigs", "--from", store, "--to", url}, paths...), Env: env,
		})
		must(b, err)
	}
}

func BenchmarkNixCopy(b *testing.B) {
	_, s := benchSetup(b)
	l := newLender(b)
	benchCopy(b, l, lendTo(b, l, s.dial(b, "h")), nixEnv(b, l))
}

// BenchmarkNixCopyOpenSSH is what BenchmarkNixCopy has to beat.
func BenchmarkNixCopyOpenSSH(b *testing.B) {
	_, s := benchSetup(b)
	l := newLender(b)
	env := append(nixEnv(b, l), "PATH="+os.Getenv("PATH"), "NIX_SSHOPTS=-F "+s.config)
	benchCopy(b, l, "h", env)
}
