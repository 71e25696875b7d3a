package keys

import (
	"context"
	"errors"

	"flakeops/internal/run"
)

// Reader reads the keys of one run's nodes. It may be used by several
// goroutines at once. It remembers what each command printed, so that a command
// runs once for each node and key however often it is asked for.
type Reader struct {
	Dir    string // the flake's directory on this machine; empty when it has none
	Source string // store path of the flake's source
	Root   string // the directory that Source is a copy of; empty means Dir
	// Texts evaluates the values that are in the flake: those of attrs, by
	// attribute. Its error must not hold a value.
	Texts  func(ctx context.Context, node string, attrs []string) (map[string]Secret, error)
	Runner run.Runner // runs commands; nil means run.Local
}

// Read reads all of a node's keys, in the order given. When one cannot be read
// it returns no value and a *ReadError that names every key that failed, and
// never a value; or the cause of ctx, when that ended.
func (r *Reader) Read(ctx context.Context, node string, keys []Key) ([]Value, error) {
	return nil, errors.New("not yet")
}
