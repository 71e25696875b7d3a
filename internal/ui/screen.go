package ui

import (
	"io"
	"strings"
	"sync"
	"time"
)

const (
	redrawEvery = 100 * time.Millisecond
	maxHeld     = 10_000 // lines kept while a question is open
)

// screen serialises everything that goes to stderr. In live mode lines are
// written in batches above a region that is drawn again at every tick.
type screen struct {
	w    io.Writer
	size func() (width, height int)
	stop chan struct{}
	done sync.WaitGroup

	mu        sync.Mutex
	live      bool
	suspended int
	resumed   *sync.Cond // when a question is closed
	held      []string   // lines not written yet
	lost      int        // lines over maxHeld
	rows      []row
	drawn     int // lines that the live region holds
}

// row is what the live view knows of a node.
type row struct {
	node, status, detail string
	since                time.Time
}

func newScreen(w io.Writer, size func() (int, int)) *screen {
	s := &screen{w: w, size: size, live: size != nil, stop: make(chan struct{})}
	s.resumed = sync.NewCond(&s.mu)
	if s.live {
		s.done.Go(s.tick)
	}
	return s
}

func (s *screen) tick() {
	t := time.NewTicker(redrawEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.mu.Lock()
			s.flush()
			s.mu.Unlock()
		}
	}
}

func (s *screen) close() {
	s.mu.Lock()
	wasLive := s.live
	s.mu.Unlock()
	if !wasLive {
		return
	}
	close(s.stop)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = nil
	s.flush()
	s.live = false
}

func (s *screen) isLive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live
}

// print writes text, which may hold several lines, at once or with the next tick.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) >= maxHeld {
		s.lost++
		return
	}
	s.held = append(s.held, text)
	if !s.live {
		s.flush()
	}
}

func (s *screen) row(node, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return
	}
	r := row{node: node, status: status, since: time.Now()}
	for i := range s.rows {
		if s.rows[i].node == node {
			s.rows[i] = r
			return
		}
	}
	s.rows = append(s.rows, r)
}

func (s *screen) detail(node, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rows {
		if s.rows[i].node == node {
			s.rows[i].detail = text
		}
	}
}

func (s *screen) drop(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rows {
		if s.rows[i].node == node {
			s.rows = append(s.rows[:i], s.rows[i+1:]...)
			return
		}
	}
}

// suspend takes the live view away and holds everything back until resume.
func (s *screen) suspend() (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(s.erase())
	s.suspended++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.suspended--
		s.resumed.Broadcast()
		s.flush()
	})
}

// flush writes what is held back and draws the live view again. The caller
// holds the lock.
func (s *screen) flush() {
	if s.suspended > 0 || !s.live && len(s.held) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(s.erase())
	for _, l := range s.held {
		b.WriteString(l + "\n")
	}
	if s.lost > 0 {
		b.WriteString("(more lines than could be kept were left out here)\n")
	}
	s.held, s.lost = nil, 0
	if s.live {
		width, height := s.size()
		lines := view(s.rows, width, height, time.Now())
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
		s.drawn = len(lines)
	}
	s.write(b.String())
}

// write ignores errors: a deployment does not end because nobody reads its
// progress any more.
func (s *screen) write(text string) {
	if text != "" {
		_, _ = io.WriteString(s.w, text)
	}
}
