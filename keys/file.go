package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"flakeops/internal/nixname"
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// fileSource reads files of this machine.
type fileSource struct {
	dir    string // of the flake
	root   string // of the tree that source is a copy of
	source string // store path
}

// Read gives the content of a key's file.
func (s fileSource) Read(ctx context.Context, k settings.Key) (Secret, error) {
	if ctx.Err() != nil {
		return Secret{}, context.Cause(ctx)
	}
	name := k.File
	if !filepath.IsAbs(name) {
		if s.dir == "" {
			return Secret{}, fmt.Errorf("keyFile %s is relative to the flake's directory, and this flake has none here: give an absolute path", name)
		}
		name = filepath.Join(s.dir, name)
	}
	value, err := s.read(name)
	if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(k.File, "~") {
		err = fmt.Errorf("%w (~ is not expanded: give an absolute path)", err)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("keyFile %s: %w", name, err)
	}
	return NewSecret(value), nil
}

func (s fileSource) read(name string) ([]byte, error) {
	if err := s.refuse(name); err != nil {
		return nil, err
	}
	// Not to wait for somebody to write to it, should it be a pipe.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return nil, reason(err)
	case !fi.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case fi.Size() > message.MaxValue:
		return nil, errTooLarge
	}
	value, err := io.ReadAll(io.LimitReader(f, message.MaxValue+1))
	if err != nil {
		return nil, reason(err)
	}
	return value, checkValue(value)
}

// refuse says why a file is no secret any more: everything in the flake's
// source was copied to the store, which all users of the machine can read.
func (s fileSource) refuse(name string) error {
	real, err := filepath.EvalSymlinks(name)
	if nixname.InStore(name) || nixname.InStore(real) {
		return errors.New("it is in the store, which all users of this machine can read: keep it elsewhere and give the path as a string")
	}
	if err != nil {
		return reason(err)
	}
	root := s.root
	if root == "" {
		root = s.dir
	}
	if root == "" || s.source == "" {
		return nil
	}
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return reason(err)
	}
	for _, at := range [][2]string{{root, name}, {realRoot, real}} {
		if rel, err := filepath.Rel(at[0], at[1]); err == nil && filepath.IsLocal(rel) && s.holds(rel) {
			return errors.New("it is part of the flake's source, which nix copied to the store, where all users of this machine can read it: " +
				"let git ignore it and remove it from the index, or keep it elsewhere; then replace the secret")
		}
	}
	return nil
}

// holds says whether the source has the file. A link in the source, to the file
// or on the way to it, is only a link: what counts is where it leads.
func (s fileSource) holds(rel string) bool {
	source, err := filepath.EvalSymlinks(s.source)
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(filepath.Join(source, rel))
	return err == nil && inside(source, real)
}

func inside(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && filepath.IsLocal(rel)
}

// reason drops the path of an error, which is told anyway.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
