package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"flakeops/activate/wire"
)

// errLocked says that another deployment holds the host.
type errLocked struct{ holder *wire.Holder }

func (e *errLocked) Error() string {
	if e.holder == nil {
		return "another deployment is running on this host"
	}
	return fmt.Sprintf("deployment %s of %s is running on this host since %s (agent PID %d)",
		e.holder.ID, e.holder.Operator, e.holder.Since.Format(time.RFC3339), e.holder.PID)
}

// hostLock is held for as long as a deployment can change the host. The kernel
// drops it with the process; the file tells others who has it.
type hostLock struct{ f *os.File }

// takeLock takes the host's lock, waiting until the deadline of ctx when there
// is one and not at all when there is none. Only root can open its file: whoever
// can open a file, to read it even, can lock it.
func takeLock(ctx context.Context, name string, holder wire.Holder) (*hostLock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	_, wait := ctx.Deadline()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || !wait || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &errLocked{holder: readHolder(f)}
		}
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	l := &hostLock{f: f}
	l.name(holder)
	return l, nil
}

// name writes down who holds the lock. It is held without that, too: where /run
// is full, a deployment must still be recovered.
func (l *hostLock) name(holder wire.Holder) {
	b, err := json.Marshal(holder)
	if err != nil || l.f.Truncate(0) != nil {
		return
	}
	_, _ = l.f.WriteAt(append(b, '\n'), 0)
}

// release lets go. The zero hostLock stands for one that somebody else holds.
func (l *hostLock) release() {
	if l.f == nil {
		return
	}
	_ = l.f.Truncate(0)
	_ = l.f.Close()
}

// busyHost says who is changing this host, a deployment or somebody by hand; it is
// nil when nobody is.
func busyHost() error {
	if err := busy(layout{}.lock()); err != nil {
		return fmt.Errorf("%w: wait for it to end, then try again", err)
	}
	return switchable(layout{})
}

func busy(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	// Shared, so that those who only ask are not in each other's way.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return &errLocked{holder: readHolder(f)}
	}
	return nil
}

func readHolder(f *os.File) *wire.Holder {
	b := make([]byte, 4<<10)
	n, _ := f.ReadAt(b, 0)
	var h wire.Holder
	if json.Unmarshal(b[:n], &h) != nil {
		return nil // just taken, not named yet
	}
	return &h
}
