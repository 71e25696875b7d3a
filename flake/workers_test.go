package flake

import (
	"strings"
	"testing"
)

func TestWorkersLimit(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		cores     int
		available int64
		peak      int64
		want      int
	}{
		{2, 0, 0, 2},                  // unknown memory: the cores alone
		{2, 0, 100 * gib, 2},          //
		{8, 16 * gib, 0, 8},           // 12 of the first guess fit
		{8, 4 * gib, 0, 3},            // 3 GiB for guesses of 1 GiB
		{8, 4 * gib, gib / 2, 6},      // measured smaller
		{8, 16 * gib, 5 * gib, 2},     // measured larger
		{8, 1 * gib, 5 * gib, 1},      // never none
		{0, 1 * gib, 0, 1},            //
		{64, 4 * gib, 100 << 20, 30},  // 3 GiB / 100 MiB
		{64, 400 << 20, 100 << 20, 3}, // exactly 300 MiB
	} {
		w := newWorkers(c.cores, c.available)
		w.peak = c.peak
		if got := w.limit(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestWorkersFollowThePeak(t *testing.T) {
	const gib = 1 << 30
	w := newWorkers(4, 8*gib) // budget 6 GiB
	started := 0
	for w.start() {
		started++
	}
	if started != 4 {
		t.Fatalf("%d started", started)
	}
	w.done(3 * gib) // so two fit, and three are running
	if w.start() {
		t.Error("a third was started")
	}
	w.done(gib) // a smaller one does not lower the peak
	if w.start() {
		t.Error("a third was started")
	}
	w.done(0) // one is running
	if !w.start() {
		t.Error("the second was not started")
	}
	if w.start() {
		t.Error("a third was started")
	}
}

func TestMemAvailable(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal:  100 kB\nMemAvailable:    24317 kB\nBuffers: 1 kB\n": 24317 << 10,
		"MemTotal:  100 kB\n":     0,
		"MemAvailable: lots kB\n": 0,
		"MemAvailable: -5 kB\n":   0,
		"":                        0,
		"MemAvailable:    7 kB":   7 << 10,
	} {
		if got := memAvailable(strings.NewReader(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if available() <= 0 {
		t.Error("this machine does not tell its available memory")
	}
}
