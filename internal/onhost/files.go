package onhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// WriteJSON is WriteFile with a value's JSON.
func WriteJSON(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return WriteFile(name, b)
}

// Unfinished is the file that WriteFile fills before it gets its name.
func Unfinished(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".new")
}

// WriteFile makes a new file of mode 0600 and has it take the name, so that there is
// the old or the new one whenever the power is cut, and the new one once it has
// returned. The directory must be one of OwnedDir, and callers keep each other out. One
// that was killed in between leaves the new file to the next.
func WriteFile(name string, b []byte) error {
	fresh := Unfinished(name)
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(fresh, name)
	}
	if err != nil {
		_ = os.Remove(fresh)
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes durable what names a directory holds.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OwnedDir makes a directory that only root may change. One that exists and
// belongs to somebody else, or is a link, is refused: who could plant it could
// also choose what this process reads from it.
func OwnedDir(name string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(name, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	fi, err := os.Lstat(name)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || !ok || int(st.Uid) != os.Geteuid() || fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only root can change", name)
	}
	return nil
}
