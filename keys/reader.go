package keys

import (
	"context"
	"path/filepath"
	"sync"

	"flakeops/internal/lazy"
	"flakeops/internal/run"
	"flakeops/internal/settings"
)

// atOnce is how many commands of a run may run at the same time: they may ask a
// server, or the operator.
const atOnce = 4

// Reader reads the keys of one run's nodes. It may be used by several
// goroutines at once. It remembers what each command printed, so that a command
// runs once for each node and key however often it is asked for.
type Reader struct {
	Dir    string // the flake's directory on this machine; empty when it has none
	Source string // store path of the flake's source
	Sub    string // the flake's directory below Source
	Root   string // the directory that Source is a copy of; empty means Dir
	// Texts evaluates the values that are in the flake: those of attrs, by
	// attribute. Its error must not hold a value.
	Texts  func(ctx context.Context, node string, attrs []string) (map[string]Secret, error)
	Runner run.Runner // runs commands; nil means run.Local

	memo  lazy.Map[string, Secret]
	once  sync.Once
	slots turn
}

// Read reads all of a node's keys, in the order given. When one cannot be read
// it returns no value and a *ReadError that names every key that failed, and
// never a value; or the cause of ctx, when that ended.
func (r *Reader) Read(ctx context.Context, node string, keys []settings.Key) ([]Value, error) {
	r.once.Do(func() { r.slots = make(turn, atOnce) })
	of := r.sources(node, keys)
	values, failed := make([]Value, len(keys)), make([]error, len(keys))
	var all sync.WaitGroup
	for i, k := range keys {
		all.Go(func() {
			values[i].Key = k
			if failed[i] = check(k); failed[i] != nil {
				return
			}
			values[i].Secret, failed[i] = of(k).Read(ctx, k)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e := &ReadError{Node: node}
	for i, err := range failed {
		if err == nil && values[i].Secret.Len() == 0 {
			err = errEmpty
		}
		if err != nil {
			e.Failures = append(e.Failures, Failure{Attr: keys[i].Attr, Err: err})
		}
	}
	if len(e.Failures) > 0 {
		return nil, e
	}
	return values, nil
}

// flakeDir is the flake's directory; a remote flake has only that in the store.
func (r *Reader) flakeDir() string {
	if r.Dir != "" {
		return r.Dir
	}
	return filepath.Join(r.Source, r.Sub)
}

// sources gives, for the keys of a node, the source of each.
func (r *Reader) sources(node string, keys []settings.Key) func(settings.Key) Source {
	runner := r.Runner
	if runner == nil {
		runner = run.Local{}
	}
	commands := commandSource{node: node, dir: r.flakeDir(), runner: runner, memo: &r.memo, slots: r.slots}
	files := fileSource{dir: r.Dir, root: r.Root, source: r.Source}
	texts := &textSource{node: node, texts: r.Texts}
	for _, k := range keys {
		if k.HasText {
			texts.attrs = append(texts.attrs, k.Attr)
		}
	}
	return func(k settings.Key) Source {
		switch {
		case k.HasText:
			return texts
		case k.File != "":
			return files
		}
		return commands
	}
}
