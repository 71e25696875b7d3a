package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

// item is one key of a message and what is to be done with it.
type item struct {
	key      message.Key
	dir      *dir
	owner    owner
	deferred bool
	state    message.State
}

// plan is what a message means on this host as it is.
type plan struct {
	items    []*item
	remove   []string // paths of keys that are not declared any more, and there
	dirs     *dirs
	old, new manifest
}

func (p *plan) close() { p.dirs.close() }

// dirs are open directories, each opened once.
type dirs struct {
	open map[string]*dir
	made []string // in the order in which they were made
}

func (ds *dirs) get(path string, create func(parent int, path, name string) error) (*dir, error) {
	if d := ds.open[path]; d != nil {
		return d, nil
	}
	d, err := openDir(path, create)
	if err != nil {
		return nil, err
	}
	if ds.open == nil {
		ds.open = map[string]*dir{}
	}
	ds.open[path] = d
	return d, nil
}

func (ds *dirs) close() {
	for _, d := range ds.open {
		d.close()
	}
}

// unmake removes again what was made, as far as nobody uses it yet.
func (ds *dirs) unmake() {
	for _, name := range slices.Backward(ds.made) {
		_ = unix.Rmdir(name)
	}
	ds.made = nil
}

// plan looks at everything the message is about. All that is wrong is named at
// once, in the order of the keys; then nothing was changed.
func (i *installer) plan(ctx context.Context, m message.Message) (*plan, error) {
	old, err := i.readManifest()
	if err != nil {
		return nil, err
	}
	found := &owners{runner: i.runner, known: map[string]resolved{}}
	p := &plan{dirs: &dirs{}, old: old}
	var failed []error
	for _, k := range m.Keys {
		o, unknown, err := found.of(ctx, k)
		if err == nil && m.Mode == message.Full {
			err = unknown
		}
		failed = append(failed, err)
		p.items = append(p.items, &item{key: k, owner: o, deferred: unknown != nil})
	}
	gid, err := found.group(ctx, i.group)
	if err != nil && !errors.Is(err, errUnknown) {
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	if err := p.openAndCompare(gid); err != nil {
		p.dirs.unmake()
		p.close()
		return nil, err
	}
	if err := p.forget(m); err != nil {
		p.dirs.unmake()
		p.close()
		return nil, err
	}
	return p, nil
}

// openAndCompare opens the directories, makes those that are missing, and compares.
func (p *plan) openAndCompare(gid int) error {
	create := func(parent int, at, name string) error {
		err := makeDir(parent, name, gid)
		if err == nil {
			p.dirs.made = append(p.dirs.made, at)
		}
		return err
	}
	var failed []error
	for _, it := range p.items {
		d, err := p.dirs.get(it.key.Dir, create)
		if err == nil && !d.memory && !it.key.Persistent {
			err = fmt.Errorf("%s is on a disk, where it would outlast the host's power: choose a tmpfs such as /run/keys, or set allowPersistent", it.key.Dir)
		}
		if err == nil {
			it.dir = d
			it.state, err = compare(d, it.key, it.owner)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("key %s: %w", it.key.Name, err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return p.regroup(gid)
}

// regroup gives directories that an earlier message made to the group that
// exists only now.
func (p *plan) regroup(gid int) error {
	for _, name := range p.old.Dirs {
		if gid == 0 {
			break
		}
		d, err := openDir(name, nil)
		if err != nil {
			continue // gone, or not ours any more
		}
		if d.gid == 0 {
			err = unix.Fchown(d.fd(), -1, gid)
		}
		d.close()
		if err != nil {
			return fmt.Errorf("giving %s to its group: %w", name, err)
		}
	}
	return nil
}

// forget finds what is to be removed, and what is on record from now on.
func (p *plan) forget(m message.Message) error {
	var declared []string
	for _, it := range p.items {
		declared = append(declared, it.key.Path())
	}
	p.new = manifest{Version: stateVersion, Keys: sorted(declared)}
	if m.Mode == message.Pre {
		p.new.Keys = sorted(slices.Concat(p.old.Keys, declared))
	}
	for _, dir := range sorted(slices.Concat(p.old.Dirs, p.dirs.made)) {
		if slices.ContainsFunc(p.new.Keys, func(key string) bool { return strings.HasPrefix(key, dir+"/") }) {
			p.new.Dirs = append(p.new.Dirs, dir)
		}
	}
	for _, key := range p.old.Keys {
		if slices.Contains(p.new.Keys, key) {
			continue
		}
		there, err := p.there(key)
		if err != nil {
			return fmt.Errorf("%s is no longer declared and cannot be removed: %w", key, err)
		}
		if there {
			p.remove = append(p.remove, key)
		}
	}
	return nil
}

// there says whether a key is in its place. Where no directory for keys leads
// to it any more, nothing being there is fine, and something is an error.
func (p *plan) there(key string) (bool, error) {
	var st unix.Stat_t
	d, err := p.dirs.get(path.Dir(key), nil)
	if err == nil {
		err = unix.Fstatat(d.fd(), path.Base(key), &st, unix.AT_SYMLINK_NOFOLLOW)
	} else if _, gone := os.Lstat(key); gone != nil {
		err = os.ErrNotExist
	}
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR, err
}

// tell says what was done.
func (p *plan) tell(reply *message.Reply) {
	for _, it := range p.items {
		if it.state == message.Present {
			reply.Unchanged = append(reply.Unchanged, it.key.Name)
		} else {
			reply.Changed = append(reply.Changed, it.key.Name)
		}
		if it.deferred {
			reply.Deferred = append(reply.Deferred, it.key.Name)
		}
	}
	reply.Removed = p.remove
}
