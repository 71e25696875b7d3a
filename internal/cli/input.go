package cli

import (
	"errors"
	"io"
	"os"
)

// inputs reads a file, or stdin where it is -, as often as is asked for; end is for
// when that is over. Without a name there is nothing to read.
func (s *session) inputs(name string) (next func() io.Reader, end func(), err error) {
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
		defer f.Close()
		from = f
	}
	spool, err := os.CreateTemp("", "flakeops-stdin-")
	if err != nil {
		return nil, nil, err
	}
	size, err := io.Copy(spool, from)
	if err = errors.Join(err, os.Remove(spool.Name())); err != nil {
		return nil, nil, errors.Join(err, spool.Close())
	}
	return sections(spool, size), func() { _ = spool.Close() }, nil
}

func sections(f *os.File, size int64) func() io.Reader {
	return func() io.Reader { return io.NewSectionReader(f, 0, size) }
}
