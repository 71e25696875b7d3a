package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"time"

	"flakeops/internal/run"
)

const lookupTimeout = 20 * time.Second

// errUnknown is a user or group that does not exist.
var errUnknown = errors.New("does not exist on the host")

// owners resolves names, each once.
type owners struct {
	runner run.Runner
	known  map[string]resolved // by "user NAME" and "group NAME"
}

type resolved struct {
	id  int
	err error
}

func (o *owners) user(ctx context.Context, name string) (int, error) {
	return o.resolve(ctx, "user", name, "passwd", func() (string, error) {
		u, err := user.Lookup(name)
		var unknown user.UnknownUserError
		switch {
		case errors.As(err, &unknown):
			return "", errUnknown
		case err != nil:
			return "", err
		}
		return u.Uid, nil
	})
}

func (o *owners) group(ctx context.Context, name string) (int, error) {
	return o.resolve(ctx, "group", name, "group", func() (string, error) {
		g, err := user.LookupGroup(name)
		var unknown user.UnknownGroupError
		switch {
		case errors.As(err, &unknown):
			return "", errUnknown
		case err != nil:
			return "", err
		}
		return g.Gid, nil
	})
}

func (o *owners) resolve(ctx context.Context, kind, name, database string, lookup func() (string, error)) (int, error) {
	r, ok := o.known[kind+" "+name]
	if !ok {
		r = o.ask(ctx, name, database, lookup)
		if r.err != nil {
			r.err = fmt.Errorf("%s %s %w", kind, name, r.err)
		}
		o.known[kind+" "+name] = r
	}
	return r.id, r.err
}

// ask looks a name up in the files, then wherever the host's name service looks,
// and takes it for a number last.
func (o *owners) ask(ctx context.Context, name, database string, lookup func() (string, error)) resolved {
	text, err := lookup()
	if errors.Is(err, errUnknown) || errors.Is(err, os.ErrNotExist) {
		number, errNumber := parseID(name)
		if errNumber == nil {
			return resolved{id: number}
		}
		text, err = o.getent(ctx, database, name)
	}
	if err != nil {
		return resolved{err: err}
	}
	id, err := parseID(text)
	if err != nil {
		return resolved{err: fmt.Errorf("has the ID %.20q, which is none", text)}
	}
	return resolved{id: id}
}

func (o *owners) getent(ctx context.Context, database, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	out, err := run.Output(ctx, o.runner, run.Command{Argv: []string{"getent", "--", database, name}})
	var failed *run.Error
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.As(err, &failed) && failed.Code == 2:
		return "", errUnknown
	case err != nil:
		return "", fmt.Errorf("cannot be looked up: %w", err)
	}
	fields := strings.Split(strings.TrimSpace(string(out)), ":")
	if len(fields) < 3 {
		return "", errUnknown
	}
	return fields[2], nil
}

func parseID(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 { // which means "leave it" to chown(2)
		return 0, errors.New("no ID")
	}
	return int(n), nil
}
