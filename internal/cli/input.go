package cli

import (
	"context"
	"errors"
	"io"
	"os"
)

// inputs reads a file, or stdin where it is -, as often as is asked for; end is for
// when that is over. Without a name there is nothing to read.
func (s *session) inputs(ctx context.Context, name string) (next func() io.Reader, end func(), err error) {
	if name == "" {
		return nil, func() {}, nil
	}
	from := s.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return sections(f, info.Size()), func() { _ = f.Close() }, nil
		}
		from = f // a pipe or a device, which is read to its end
	}
	spool, err := os.CreateTemp("", "flakeops-stdin-")
	if err != nil {
		return nil, nil, err
	}
	// It may be a secret, so no name leads to it, however this process ends.
	if err := os.Remove(spool.Name()); err != nil {
		return nil, nil, errors.Join(err, spool.Close())
	}
	type copied struct {
		size int64
		err  error
	}
	done := make(chan copied, 1)
	go func() {
		n, err := io.Copy(spool, from)
		done <- copied{n, err}
	}()
	select {
	case c := <-done:
		if c.err != nil {
			return nil, nil, errors.Join(c.err, spool.Close())
		}
		return sections(spool, c.size), func() { _ = spool.Close() }, nil
	case <-ctx.Done(): // nobody may ever end stdin
		return nil, nil, context.Cause(ctx)
	}
}

func sections(f *os.File, size int64) func() io.Reader {
	return func() io.Reader { return io.NewSectionReader(f, 0, size) }
}
