package fleet

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"flakeops/internal/archive"
	"flakeops/internal/limit"
	"flakeops/internal/run"
)

// Transfer is files that are copied, as cp has it: sources, and where they go.
type Transfer struct {
	Sources []string
	Place   string
	AsRoot  bool // on the hosts
}

// Send copies this machine's files to the node's host: into the place, where that is a
// directory there, or else as the place.
func (n *Node) Send(ctx context.Context, t Transfer) (c archive.Count, err error) {
	by, err := n.copier(ctx, t.AsRoot)
	if err != nil {
		return c, err
	}
	dir, name := t.Place, ""
	var is *run.Error
	switch _, err := by.Run(ctx, run.Command{Argv: []string{"test", "-d", t.Place}}); {
	case errors.As(err, &is) && is.Err == nil && (len(t.Sources) > 1 || strings.HasSuffix(t.Place, "/")):
		return c, fmt.Errorf("%s is no directory there", t.Place)
	case errors.As(err, &is) && is.Err == nil:
		dir, name = path.Split(path.Clean(t.Place))
	case err != nil:
		return c, limit.Because(ctx, err)
	}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(w, t.Sources, name, &c)
		_ = w.CloseWithError(err)
		packed <- err
	}()
	_, err = by.Run(ctx, run.Command{Argv: []string{"tar", "-xof", "-", "-C", path.Join(dir, ".")}, Stdin: r})
	_ = r.CloseWithError(errEnough)
	if here := <-packed; here != nil && !errors.Is(here, errEnough) {
		return c, here // what the host says is its consequence
	}
	return c, limit.Because(ctx, err)
}

// errEnough is a host that reads no more.
var errEnough = errors.New("the host reads no more")

// pack writes sources into an archive: each under its own name, or the only one under
// another.
func pack(to io.Writer, sources []string, name string, c *archive.Count) error {
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
		packed, err := archive.Pack(w, whole, as)
		c.Files, c.Bytes = c.Files+packed.Files, c.Bytes+packed.Bytes
		if err != nil {
			return err
		}
	}
	return w.Close()
}

// Fetch copies files of the node's host, whose names are whole, to this machine: into a
// directory of the node's name in the place, which is made.
func (n *Node) Fetch(ctx context.Context, t Transfer) (c archive.Count, err error) {
	by, err := n.copier(ctx, t.AsRoot)
	if err != nil {
		return c, err
	}
	if !filepath.IsLocal(n.Name) || filepath.Base(n.Name) != n.Name || n.Name == "." {
		return c, errors.New("the node's name cannot be that of a directory")
	}
	dir := filepath.Join(t.Place, n.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, err
	}
	into, err := os.OpenRoot(dir)
	if err != nil {
		return c, err
	}
	defer into.Close()
	for _, source := range t.Sources {
		got, err := fetch(ctx, by, path.Clean(source), into)
		c.Files, c.Bytes = c.Files+got.Files, c.Bytes+got.Bytes
		if err != nil {
			return c, limit.Because(ctx, err)
		}
	}
	return c, nil
}

func fetch(ctx context.Context, by run.Runner, source string, into *os.Root) (archive.Count, error) {
	r, w := io.Pipe()
	ran := make(chan error, 1)
	dir, name := path.Split(source)
	go func() {
		_, err := by.Run(ctx, run.Command{Argv: []string{"tar", "-cf", "-", "-C", dir, "--", name}, Stdout: w})
		_ = w.CloseWithError(err)
		ran <- err
	}()
	c, err := archive.Unpack(r, into, name)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // tar fills its last block
	}
	_ = r.CloseWithError(err)
	there := <-ran
	var is *run.Error
	if errors.As(there, &is) && (err == nil || errors.Is(err, there)) {
		return c, there
	}
	return c, err
}

// copier runs what copies on the node's host.
func (n *Node) copier(ctx context.Context, asRoot bool) (run.Runner, error) {
	if err := n.locate(ctx); err != nil {
		return nil, err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return nil, err
	}
	n.began(Copying)
	return as(h, asRoot), nil
}

// as runs commands on a host as root, or as the login user.
func as(h Host, root bool) run.Runner {
	if root {
		return h.Root()
	}
	return h.User()
}
