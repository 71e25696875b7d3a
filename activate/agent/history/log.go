package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"flakeops/activate/wire"
)

// maxLog bounds what an activation may print into the event log, which lives in
// memory (/run). Later output is dropped; other events never are.
const maxLog = 4 << 20

// Log is the file of a deployment's events. It is what every stream reads,
// so a deployer can come back for what it missed.
type Log struct {
	mu   sync.Mutex
	f    *os.File
	seq  int64
	size int
	full bool
	torn bool        // it ends within a line: its writer died, or /run is full
	Last *wire.Event // the deployment's end, where the log had it when it was opened
}

// OpenLog goes on with the numbers where an earlier process stopped. It writes
// nothing: a full /run must not keep a deployment from being recovered.
func OpenLog(name string) (*Log, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Log{f: f}
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		l.size += len(line)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, errors.Join(err, f.Close())
			}
			l.torn = len(line) > 0
			return l, nil
		}
		var e wire.Event
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		l.seq = max(l.seq, e.Seq)
		if e.Kind == wire.Finished || e.Kind == wire.Refused {
			l.Last = &e
		}
	}
}

// Emit numbers and stores an event, and returns it so. It reports no error: the
// host's promise must not hang on whether somebody can be told of it.
func (l *Log) Emit(e wire.Event) wire.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind == wire.Output && l.size > maxLog {
		if l.full {
			return e
		}
		l.full = true
		e.Message = "[further output is not kept]"
	}
	e.Time = time.Now()
	if e.Kind != wire.Refused {
		l.seq++
		e.Seq = l.seq
	}
	b, err := wire.Encode(e)
	if err != nil {
		return e
	}
	if l.torn {
		b = append([]byte("\n"), b...)
	}
	n, _ := l.f.Write(b)
	l.size += n
	if n > 0 {
		l.torn = n < len(b)
	}
	return e
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
