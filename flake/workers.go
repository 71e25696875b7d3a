package flake

import (
	"bufio"
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

const (
	// firstGuess is the memory an evaluator is given before one was measured:
	// more than a common NixOS configuration takes, in bytes.
	firstGuess = 1 << 30
	// share of the available memory that evaluators may fill, in percent.
	share = 75
)

// workers decides how many evaluators may run at once. It does nothing but
// count; who calls it serialises the calls.
type workers struct {
	cores   int
	running int
	peak    int64 // largest evaluator so far in bytes, 0 when none has ended
	budget  int64 // bytes for all evaluators together, 0 when not bounded
}

// newWorkers takes the memory that is available before any evaluator runs;
// 0 when unknown, which leaves the cores as the only bound.
func newWorkers(cores int, available int64) *workers {
	return &workers{cores: max(cores, 1), budget: available * share / 100}
}

// limit is how many may run at once: at least one, whatever its size.
func (w *workers) limit() int {
	if w.budget <= 0 {
		return w.cores
	}
	size := w.peak
	if size <= 0 {
		size = firstGuess
	}
	return int(min(max(w.budget/size, 1), int64(w.cores)))
}

// start takes a place, if there is one.
func (w *workers) start() bool {
	if w.running >= w.limit() {
		return false
	}
	w.running++
	return true
}

// done gives a place back. rss is the evaluator's peak memory, 0 when unknown.
func (w *workers) done(rss int64) {
	w.running--
	w.peak = max(w.peak, rss)
}

// slots has those wait who come when as many evaluators run as cores and memory
// allow.
type slots struct {
	once sync.Once
	free chan struct{}
}

// take waits for a place, for as long as ctx lasts.
func (s *slots) take(ctx context.Context) (giveBack func(), err error) {
	s.once.Do(func() { s.free = make(chan struct{}, newWorkers(runtime.NumCPU(), available()).limit()) })
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// available is the memory that new processes can take without swapping, in
// bytes; 0 where the system does not tell.
func available() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	return memAvailable(f)
}

// memAvailable reads MemAvailable, which is in KiB, from /proc/meminfo's text.
func memAvailable(r io.Reader) int64 {
	for s := bufio.NewScanner(r); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "MemAvailable:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil || kib < 0 {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
