package orphans

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the one that inherits orphaned descendants, so that
// Kill finds what an activation put into the background.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming subreaper: %w", err)
	}
	return nil
}
