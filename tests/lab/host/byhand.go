package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// DefaultName is what a lab by hand is called unless it is given another name.
const DefaultName = "lab"

// ErrNoLab says that no lab was made by hand, or that it is down by now.
var ErrNoLab = errors.New("no lab is up: run `go run ./tests/lab up`")

// NewByHand makes a lab that lives on after this process. Open finds it by its
// name, of which there is one on this machine; names are as those of hosts.
func NewByHand(ctx context.Context, name string) (*Lab, error) {
	if !hostName.MatchString(name) {
		return nil, fmt.Errorf("%q can't be the name of a lab", name)
	}
	release, err := oneAtATime(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	switch _, err := Open(ctx, name); {
	case err == nil:
		return nil, fmt.Errorf("the lab %s is up already: take it down first, or call this one otherwise with --lab NAME", name)
	case !errors.Is(err, ErrNoLab):
		return nil, err
	}
	return inFreeSlot(ctx, func(s slot) (*Lab, error) { return newLab(ctx, s, "/var/tmp", name, true) })
}

// oneAtATime waits until nobody else makes a lab by hand. The socket is free
// again when its holder is gone, however it ended.
func oneAtATime(ctx context.Context) (release func(), err error) {
	for {
		l, err := listen(&net.UnixAddr{Net: "unix", Name: "@flakeops-lab/by-hand"})
		if err != nil {
			return nil, fmt.Errorf("making a lab by hand: %w", err)
		}
		if l != nil {
			return func() { _ = l.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for who else makes a lab by hand: %w", ctx.Err())
		case <-time.After(retryEvery):
		}
	}
}

// Open finds a lab that was made by hand by its name. An empty name means the
// only one there is. Without such a lab it is ErrNoLab.
func Open(ctx context.Context, name string) (*Lab, error) {
	labs, err := ByHand(ctx)
	if err != nil {
		return nil, err
	}
	if name != "" {
		labs = slices.DeleteFunc(labs, func(l *Lab) bool { return l.name != name })
	}
	switch {
	case len(labs) == 0 && name != "" && name != DefaultName:
		return nil, fmt.Errorf("%w --lab %s", ErrNoLab, name)
	case len(labs) == 0:
		return nil, ErrNoLab
	case len(labs) > 1:
		return nil, fmt.Errorf("several labs are up: say which with --lab NAME: %s", strings.Join(names(labs), ", "))
	}
	return labs[0], nil
}

func names(labs []*Lab) []string {
	var all []string
	for _, l := range labs {
		all = append(all, l.name)
	}
	return all
}

// ByHand finds all labs that were made by hand, by name.
func ByHand(ctx context.Context) ([]*Lab, error) {
	taken, err := recorded()
	if err != nil {
		return nil, err
	}
	var labs []*Lab
	for _, s := range taken {
		r, err := s.recall()
		if errors.Is(err, os.ErrNotExist) || err == nil && r.Name == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		l, err := open(ctx, s)
		if errors.Is(err, ErrNoLab) || err == nil && l.dir != r.Dir { // dead, and perhaps another's slot by now
			continue
		}
		if err != nil {
			return nil, err
		}
		l.name = r.Name
		labs = append(labs, l)
	}
	slices.SortFunc(labs, func(x, y *Lab) int { return strings.Compare(x.name, y.name) })
	return labs, nil
}
