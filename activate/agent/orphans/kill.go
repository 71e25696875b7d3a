package orphans

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Kill ends every descendant that was left to this process. Each one that
// dies leaves its own children here, so it looks again until none is left, for
// two seconds at most: what is stuck in the kernel cannot be waited for.
func Kill() {
	deadline := time.Now().Add(2 * time.Second)
	for time.Now().Before(deadline) {
		children := childrenOf(os.Getpid())
		if len(children) == 0 {
			return
		}
		for _, pid := range children {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// childrenOf reads the parents of all processes: /proc/PID/task/TID/children
// would be shorter, but kernels need not have it.
func childrenOf(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// PID (COMM) STATE PPID ...; COMM may hold anything, also a bracket.
		rest := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(rest) < 2 || string(rest[1]) != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
