package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"flakeops/internal/run"
)

// copyIn copies through the machine's own eyes, because what it has mounted on
// /tmp and /run is not on its disk.
func (m *machine) copyIn(ctx context.Context, from, to string) error {
	if !path.IsAbs(to) {
		return fmt.Errorf("copying to host %s: %q is not an absolute path", m.def.Name, to)
	}
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("copying to host %s: %w", m.def.Name, err)
	}
	if info.IsDir() {
		err = m.copyTree(ctx, from, to)
	} else {
		err = m.copyFile(ctx, from, to, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("copying %s to host %s: %w", from, m.def.Name, err)
	}
	return nil
}

func (m *machine) copyFile(ctx context.Context, from, to string, mode os.FileMode) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	// The file may be a program that runs: it is replaced, not written over.
	const script = `mkdir -p -- "$(dirname -- "$1")" && cat >"$1.new" && chmod "$2" -- "$1.new" && mv -fT -- "$1.new" "$1"`
	return m.receive(ctx, f, script, to, strconv.FormatUint(uint64(mode), 8))
}

// receive runs a script in the machine that reads from.
func (m *machine) receive(ctx context.Context, from io.Reader, script string, args ...string) error {
	var stderr bytes.Buffer
	code, err := m.enter(ctx, from, nil, &stderr, append([]string{"-c", script, "sh"}, args...)...)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	}
	return err
}

func (m *machine) copyTree(ctx context.Context, from, to string) error {
	r, w := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := run.Local{}.Run(ctx, run.Command{
			Argv: []string{"tar", "-C", filepath.Clean(from), "-cf", "-", "."}, Stdout: w,
		})
		w.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		err := m.receive(ctx, r, `mkdir -p -- "$1" && tar --no-same-owner -C "$1" -xf -`, to)
		r.CloseWithError(err)
		return err
	})
	return group.Wait()
}
