package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"flakeops/internal/onhost"
)

const maxState = 8 << 20 // bytes of a manifest or journal

// writeState replaces a file of flakeops's own as a whole and durably.
func writeState(name string, v any) error {
	if err := onhost.OwnedDir(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return onhost.WriteJSON(name, v)
}

// readState reads such a file. It says false where there is none.
func readState(name string, v any) (bool, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return false, err
	}
	if len(b) > maxState || json.Unmarshal(b, v) != nil {
		return false, fmt.Errorf("%s is damaged: move it away, and remove by hand the keys that are no longer declared", name)
	}
	return true, nil
}

func removeState(name string) error {
	err := os.Remove(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
