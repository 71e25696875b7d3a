package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Unpack writes what is in an archive into a directory. All of it has to be named name,
// or be below that.
func Unpack(r io.Reader, into *os.Root, name string) (Count, error) {
	var c Count
	for archive := tar.NewReader(r); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return c, fmt.Errorf("what the host sent is no archive: %w", err)
		}
		to := strings.TrimSuffix(head.Name, "/")
		if !within(to, name) {
			return c, fmt.Errorf("the host sent %.200q, which is not below %s", head.Name, name)
		}
		if err := c.unpack(archive, head, into, to, name); err != nil {
			return c, fmt.Errorf("%.200q: %w", to, err)
		}
	}
}

func within(to, name string) bool {
	return fs.ValidPath(to) && (to == name || strings.HasPrefix(to, name+"/"))
}

func (c *Count) unpack(content io.Reader, head *tar.Header, into *os.Root, to, name string) error {
	mode := head.FileInfo().Mode().Perm()
	if head.Typeflag == tar.TypeDir {
		err := into.Mkdir(to, mode|0o700)
		if errors.Is(err, fs.ErrExist) {
			info, lerr := into.Lstat(to)
			if lerr == nil && info.IsDir() {
				return nil
			}
		}
		return err
	}
	if err := into.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	// Never through what is there: it may be a link.
	if err := into.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.Files++
	switch head.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		f, err := into.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		n, err := io.Copy(f, content)
		c.Bytes += n
		return errors.Join(err, f.Close())
	case tar.TypeSymlink:
		return into.Symlink(head.Linkname, to)
	case tar.TypeLink:
		if !within(head.Linkname, name) {
			return errors.New("it is a link to a file outside")
		}
		return into.Link(head.Linkname, to)
	}
	return errors.New("it is neither a file nor a directory nor a link, and cannot be copied")
}
