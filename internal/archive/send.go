package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"flakeops/internal/run"
)

// Files are what is copied, as cp has it: sources, and where they go.
type Files struct {
	Sources []string
	Place   string
}

// errEnough is a host that reads no more.
var errEnough = errors.New("the host reads no more")

// Send copies this machine's files to the host behind by: into the place, where that is
// a directory there, or else as the place.
func Send(ctx context.Context, by run.Runner, f Files) (c Count, err error) {
	dir, name := f.Place, ""
	_, err = by.Run(ctx, run.Command{Argv: []string{"test", "-d", f.Place}})
	var is *run.Error
	switch no := errors.As(err, &is) && is.Err == nil; {
	case no && (len(f.Sources) > 1 || strings.HasSuffix(f.Place, "/")):
		return c, fmt.Errorf("%s is no directory there", f.Place)
	case no:
		dir, name = path.Split(path.Clean(f.Place))
	case err != nil:
		return c, err
	}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(w, f.Sources, name, &c)
		_ = w.CloseWithError(err)
		packed <- err
	}()
	_, err = by.Run(ctx, run.Command{Argv: []string{"tar", "-xof", "-", "-C", path.Join(dir, ".")}, Stdin: r})
	_ = r.CloseWithError(errEnough)
	if here := <-packed; here != nil && !errors.Is(here, errEnough) {
		return c, here // what the host says is its consequence
	}
	return c, err
}

// pack writes sources into an archive: each under its own name, or the only one under
// another.
func pack(to io.Writer, sources []string, name string, c *Count) error {
	w := tar.NewWriter(to)
	for _, source := range sources {
		whole, err := filepath.Abs(source)
		if err != nil {
			return err
		}
		as := name
		if as == "" {
			as = filepath.Base(whole)
		}
		packed, err := Pack(w, whole, as)
		c.add(packed)
		if err != nil {
			return err
		}
	}
	return w.Close()
}

func (c *Count) add(more Count) { c.Files, c.Bytes = c.Files+more.Files, c.Bytes+more.Bytes }
