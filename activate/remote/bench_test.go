package remote

import (
	"bytes"
	"io"
	"os/exec"
	"testing"

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
