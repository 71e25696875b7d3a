package agent

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// adopt makes this process the one that inherits orphaned descendants, so that
// killStrays finds what an activation put into the background.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming subreaper: %w", err)
	}
	return nil
}
