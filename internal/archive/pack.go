package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Count is how much was copied.
type Count struct {
	Files int   // directories apart
	Bytes int64 // of content
}

// Pack writes a file, or a directory and all that is in it, under another name. A link
// that is named itself is followed, one in a directory stays a link.
func Pack(w *tar.Writer, file, name string) (Count, error) {
	var c Count
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return c, err
	}
	return c, filepath.WalkDir(file, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(file, at)
		if err != nil {
			return err
		}
		return c.pack(w, at, path.Join(name, filepath.ToSlash(below)))
	})
}

func (c *Count) pack(w *tar.Writer, file, name string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	target := ""
	switch info.Mode().Type() {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s is neither a file nor a directory nor a link", file)
	}
	head, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	// Whose it is there is the host's business, so it gives nobody's rights to others.
	head.Name, head.Mode = name, head.Mode&0o777
	head.Uid, head.Gid, head.Uname, head.Gname = 0, 0, "", ""
	if err := w.WriteHeader(head); err != nil || info.IsDir() {
		return err
	}
	c.Files++
	if target != "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, f)
	c.Bytes += n
	return errors.Join(err, f.Close())
}
