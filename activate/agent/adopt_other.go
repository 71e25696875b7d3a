//go:build !linux

package agent

import "errors"

// adopt fails: hosts run Linux, and elsewhere this program only deploys.
func adopt() error { return errors.New("the agent runs on Linux only") }
