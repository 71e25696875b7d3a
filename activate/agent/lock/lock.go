package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"flakeops/activate/wire"
	"flakeops/internal/onhost"
)

// TakenError says that another deployment holds the host.
type TakenError struct {
	Holder *wire.Holder // nil where it has not named itself yet
}

// Error names the deployment, as far as it has named itself.
func (e *TakenError) Error() string {
	if e.Holder == nil {
		return "another deployment is running on this host"
	}
	return fmt.Sprintf("deployment %s of %s is running on this host since %s (agent PID %d)",
		e.Holder.ID, e.Holder.Operator, e.Holder.Since.Format(time.RFC3339), e.Holder.PID)
}

// Lock is the host's, held for as long as a deployment can change the host. The kernel
// drops it with the process; the file tells others who has it. The zero Lock stands for
// one that somebody else holds.
type Lock struct{ f *os.File }

// Take takes the host's lock, waiting until the deadline of ctx when there is one and
// not at all when there is none. Where another has it the error is a *TakenError.
func Take(ctx context.Context, name string, holder wire.Holder) (*Lock, error) {
	if _, wait := ctx.Deadline(); !wait {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	f, err := onhost.Lock(ctx, name)
	if errors.Is(err, onhost.ErrLocked) {
		return nil, &TakenError{Holder(name)}
	}
	if err != nil {
		return nil, err
	}
	l := &Lock{f: f}
	l.name(holder)
	return l, nil
}

// name writes down who holds the lock. It is held without that, too: where /run
// is full, a deployment must still be recovered.
func (l *Lock) name(holder wire.Holder) {
	b, err := json.Marshal(holder)
	if err != nil || l.f.Truncate(0) != nil {
		return
	}
	_, _ = l.f.WriteAt(append(b, '\n'), 0)
}

// Release lets go.
func (l *Lock) Release() {
	if l.f == nil {
		return
	}
	_ = l.f.Truncate(0)
	_ = l.f.Close()
}

// Check is nil where nobody has the lock, and a *TakenError where somebody does.
func Check(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	// Shared, so that those who only ask are not in each other's way.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return &TakenError{Holder(name)}
	}
	return nil
}

// Holder is who the lock's file names, nil for nobody.
func Holder(name string) *wire.Holder {
	b, err := os.ReadFile(name)
	var h wire.Holder
	if err != nil || json.Unmarshal(b, &h) != nil {
		return nil
	}
	return &h
}
