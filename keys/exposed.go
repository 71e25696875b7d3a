package keys

import (
	"errors"
	"path/filepath"
	"syscall"
)

// Exposed says why the file, a key's, can hold no secret: it is in the store.
// It is nil for one that is elsewhere, and for one that is not there.
func (r *Reader) Exposed(file string) error {
	name := file
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.flakeDir(), name)
	}
	err := fileSource{dir: r.Dir, root: r.Root, source: r.Source}.refuse(name)
	var missing syscall.Errno
	if errors.As(err, &missing) {
		return nil
	}
	return err
}
