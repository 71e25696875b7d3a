package history

import (
	"bytes"
	"errors"
	"io"
	"os"

	"flakeops/activate/wire"
)

// Follower reads an event log while it grows.
type Follower struct {
	Name string

	f    *os.File
	rest []byte // a line that is not whole yet
}

// Close closes the file.
func (t *Follower) Close() {
	if t.f != nil {
		_ = t.f.Close()
	}
}

// Copy sends the events that are new, n of them, from number from on. last is set with
// the last event.
func (t *Follower) Copy(from int64, send func(wire.Event) error) (last bool, n int, err error) {
	if t.f == nil {
		if t.f, err = os.Open(t.Name); errors.Is(err, os.ErrNotExist) {
			return false, 0, nil // the unit is being started
		} else if err != nil {
			return false, 0, err
		}
	}
	b, err := io.ReadAll(t.f)
	if err != nil {
		return false, 0, err
	}
	t.rest = append(t.rest, b...)
	end := bytes.LastIndexByte(t.rest, '\n') + 1
	events := wire.NewDecoder(bytes.NewReader(t.rest[:end]))
	defer func() { t.rest = append([]byte(nil), t.rest[end:]...) }()
	for {
		e, err := events.Next()
		switch {
		case errors.Is(err, io.EOF):
			return false, n, nil
		case errors.Is(err, wire.ErrLineTooLong):
			return false, n, err
		case err != nil:
			continue // a line its writer died over
		}
		if e.Seq >= from || e.Kind == wire.Refused {
			if err := send(e); err != nil {
				return false, n, err
			}
			n++
		}
		if e.Kind == wire.Finished || e.Kind == wire.Refused {
			return true, n, nil
		}
	}
}
