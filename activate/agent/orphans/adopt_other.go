//go:build !linux

package orphans

import "errors"

// Adopt fails: hosts run Linux, and elsewhere this program only deploys.
func Adopt() error { return errors.New("the agent runs on Linux only") }
