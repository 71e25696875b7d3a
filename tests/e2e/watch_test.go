package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// watchProcesses looks at the argv and environment of every process on this
// machine, hosts' included, for as long as the test runs. The function it
// returns ends that and tells where word was seen.
func watchProcesses(t *testing.T, word string) func() string {
	t.Helper()
	end := make(chan struct{})
	var once sync.Once
	stop := func() { once.Do(func() { close(end) }) }
	t.Cleanup(stop)
	var seen string
	rounds := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if s := lookAtProcesses(word); s != "" && seen == "" {
				seen = s
			}
			rounds++
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() string {
		stop()
		<-done
		if rounds < 20 {
			t.Errorf("processes were looked at %d times only", rounds)
		}
		return seen
	}
}

func lookAtProcesses(word string) string {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	own := strconv.Itoa(os.Getpid())
	for _, p := range processes {
		if filepath.Base(p) == own {
			continue
		}
		for _, what := range []string{"cmdline", "environ"} {
			b, err := os.ReadFile(filepath.Join(p, what))
			// The searches for the word carry it themselves.
			if err == nil && bytes.Contains(b, []byte(word)) && !bytes.Contains(b, []byte("grep")) {
				return filepath.Join(p, what) + ": " + string(bytes.ReplaceAll(b, []byte{0}, []byte{' '}))
			}
		}
	}
	return ""
}

// changedSince goes by the time of the last change of the inode: nix sets the
// modification time of what it stores to the epoch.
func changedSince(fi os.FileInfo, since time.Time) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && time.Unix(st.Ctim.Sec, st.Ctim.Nsec).After(since.Add(-time.Second))
}
