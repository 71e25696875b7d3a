package agent

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

// eventLog is the file of a deployment's events. It is what every stream reads,
// so a deployer can come back for what it missed.
type eventLog struct {
	mu   sync.Mutex
	f    *os.File
	seq  int64
	size int
	full bool
}

// openLog goes on with the numbers where an earlier process stopped.
func openLog(name string) (*eventLog, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l := &eventLog{f: f}
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		l.size += len(line)
		if err != nil {
			if len(line) > 0 { // cut short when its writer died
				_, err = f.Write([]byte("\n"))
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, errors.Join(err, f.Close())
			}
			return l, nil
		}
		var e wire.Event
		if json.Unmarshal(line, &e) == nil && e.Seq > l.seq {
			l.seq = e.Seq
		}
	}
}

// emit numbers and stores an event. It reports nothing: the host's promise must
// not hang on whether somebody can be told of it.
func (l *eventLog) emit(e wire.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind == wire.Output && l.size > maxLog {
		if l.full {
			return
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
		return
	}
	n, _ := l.f.Write(b)
	l.size += n
}

func (l *eventLog) close() error { return l.f.Close() }
