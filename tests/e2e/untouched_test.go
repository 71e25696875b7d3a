package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// What shows that a refused run has changed nothing and reached nobody.

// tree describes all files below a directory: names, modes, times and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" { // git itself refreshes its index
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s %s", path, info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(text))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// keeps returns a function that asserts that dir is as it is now.
func keeps(t *testing.T, dir string) func() {
	t.Helper()
	before := tree(t, dir)
	return func() {
		t.Helper()
		if after := tree(t, dir); after != before {
			t.Errorf("%s was\n%sand is\n%s", dir, before, after)
		}
	}
}

// decoy is an address that nobody may connect to.
type decoy struct {
	t    *testing.T
	port int
	seen atomic.Int32
}

func newDecoy(t *testing.T) *decoy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &decoy{t: t, port: l.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.seen.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return d
}

// settings are those of a node whose host is the decoy.
func (d *decoy) settings() map[string]any {
	return brief(map[string]any{"targetHost": "127.0.0.1", "targetPort": d.port})
}

// isUntouched asserts that nobody has connected.
func (d *decoy) isUntouched() {
	d.t.Helper()
	if n := d.seen.Load(); n > 0 {
		d.t.Errorf("%d connections to a host that nobody should have connected to", n)
	}
}

// letNobodyIn asserts that nobody has logged in on the host.
func (m *machine) letNobodyIn() {
	m.t.Helper()
	if m.holds("journalctl --no-pager -t sshd -t sshd-session | grep -q Accepted") {
		m.t.Errorf("somebody has logged in on %s", m.Name)
	}
}

// hasNoTraces asserts that no deployment was begun on the host.
func (m *machine) hasNoTraces() {
	m.t.Helper()
	if out := m.sh("ls /run/flakeops /var/lib/flakeops /nix/var/nix/gcroots/flakeops 2>/dev/null || :"); out != "" {
		m.t.Errorf("%s has traces of a deployment:\n%s", m.Name, out)
	}
}
