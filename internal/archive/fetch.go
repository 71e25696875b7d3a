package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"flakeops/internal/run"
)

// Fetch copies files of the host behind by, whose names are whole, to this machine: into
// a directory in the place, which is made.
func Fetch(ctx context.Context, by run.Runner, f Files, directory string) (c Count, err error) {
	if !filepath.IsLocal(directory) || filepath.Base(directory) != directory || directory == "." {
		return c, fmt.Errorf("%q cannot be the name of a directory", directory)
	}
	dir := filepath.Join(f.Place, directory)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, err
	}
	into, err := os.OpenRoot(dir)
	if err != nil {
		return c, err
	}
	defer into.Close()
	for _, source := range f.Sources {
		got, err := fetch(ctx, by, path.Clean(source), into)
		c.add(got)
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func fetch(ctx context.Context, by run.Runner, source string, into *os.Root) (Count, error) {
	r, w := io.Pipe()
	ran := make(chan error, 1)
	dir, name := path.Split(source)
	go func() {
		_, err := by.Run(ctx, run.Command{Argv: []string{"tar", "-cf", "-", "-C", dir, "--", name}, Stdout: w})
		_ = w.CloseWithError(err)
		ran <- err
	}()
	c, err := Unpack(r, into, name)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // tar fills its last block
	}
	_ = r.CloseWithError(err)
	there := <-ran
	if there != nil && (err == nil || errors.Is(err, there)) {
		return c, there
	}
	return c, err
}
