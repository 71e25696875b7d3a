package install

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

// owner is who a key belongs to, and how.
type owner struct {
	uid, gid int
	mode     uint32
	interim  bool // until the real one exists; a key that is there keeps its own
}

func (o owner) has(st *unix.Stat_t) bool {
	return st.Uid == uint32(o.uid) && st.Gid == uint32(o.gid) && modeOf(st)&0o7777 == o.mode
}

// errIsDir is a directory in the place of a key.
var errIsDir = errors.New("is a directory: move it away")

// compare says how what is in d under the key's name differs from the key. Only
// a regular file without another name can be Present.
func compare(d *dir, k message.Key, o owner) (message.State, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd(), k.Name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return message.Missing, nil
	case err != nil:
		return "", fmt.Errorf("looking at %s: %w", k.Path(), err)
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return message.Different, fmt.Errorf("%s %w", k.Path(), errIsDir)
	case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 || !o.interim && !o.has(&st):
		return message.Different, nil
	case k.Digest == nil:
		return message.Present, nil
	case st.Size != k.Digest.Size:
		return message.Different, nil
	}
	fd, err := unix.Openat(d.fd(), k.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", k.Path(), err)
	}
	f := os.NewFile(uintptr(fd), k.Path())
	defer f.Close()
	same, err := holds(f, *k.Digest)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", k.Path(), err)
	}
	if !same {
		return message.Different, nil
	}
	return message.Present, nil
}

// holds says whether f, from its start, is what the digest stands for.
func holds(f *os.File, want message.Digest) (bool, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, want.Size+1))
	return n == want.Size && [sha256.Size]byte(sum.Sum(nil)) == want.SHA256, err
}

// check compares all keys and changes nothing.
func (i *installer) check(ctx context.Context, m message.Message) (map[string]message.State, error) {
	states := make(map[string]message.State, len(m.Keys))
	found := &owners{runner: i.runner, known: map[string]resolved{}}
	open := &dirs{}
	defer open.close()
	var failed []error
	for _, k := range m.Keys {
		d, err := open.get(k.Dir, nil)
		switch {
		case errors.Is(err, os.ErrNotExist):
			states[k.Name] = message.Missing
			continue
		case err != nil: // a place that no key is put in
			states[k.Name] = message.Different
			continue
		}
		o, unknown, err := found.of(ctx, k)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		state, err := compare(d, k, o)
		if err != nil && !errors.Is(err, errIsDir) {
			failed = append(failed, fmt.Errorf("key %s: %w", k.Name, err))
			continue
		}
		if unknown != nil && state == message.Present {
			state = message.Different // it waits for its owner
		}
		states[k.Name] = state
	}
	return states, errors.Join(failed...)
}

// of resolves the owner of a key. Where the user or group does not exist it
// says so in unknown, and o is root's for the time being.
func (o *owners) of(ctx context.Context, k message.Key) (own owner, unknown, err error) {
	uid, errUser := o.user(ctx, k.User)
	gid, errGroup := o.group(ctx, k.Group)
	for _, err := range []error{errUser, errGroup} {
		switch {
		case errors.Is(err, errUnknown) && unknown == nil:
			unknown = fmt.Errorf("key %s: %w: declare it, or change deployment.keys", k.Name, err)
		case err != nil && !errors.Is(err, errUnknown):
			return owner{}, nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
	}
	if unknown != nil {
		return owner{mode: 0o400, interim: true}, unknown, nil
	}
	return owner{uid: uid, gid: gid, mode: uint32(k.Mode.Perm())}, nil, nil
}
