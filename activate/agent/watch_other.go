//go:build !linux

package agent

// watch cannot tell.
func watch(string) (changes <-chan struct{}, stop func()) { return nil, func() {} }
