package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A host's systemd, its services and its users' systemds watch files, each with
// inotify instances that count for root on this machine, whichever host root is
// on. Beyond the limit, path units fail, and mounts are not noticed.
const (
	watchesFile    = "/proc/sys/fs/inotify/max_user_instances"
	watchesPerHost = 20   // a quiet host has 10; deployments, logins and path units come on top
	watchesEnough  = 8192 // as many as a machine full of hosts can want
)

// makeRoomForHost sees to it that this machine can watch files for one host
// more than run now, in all labs together.
func makeRoomForHost() error {
	text, err := os.ReadFile(watchesFile)
	if err != nil {
		return fmt.Errorf("reading how many inotify instances there can be: %w", err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading %s: %w", watchesFile, err)
	}
	hosts, err := hostsOn()
	if err != nil {
		return err
	}
	return makeRoom(hosts, limit, func(n int) error {
		return os.WriteFile(watchesFile, []byte(strconv.Itoa(n)), 0)
	})
}

// makeRoom raises the limit when hosts and one more may come to it. That it
// can't be raised is an error that says what can be done.
func makeRoom(hosts, limit int, raise func(int) error) error {
	if (hosts+1)*watchesPerHost <= limit {
		return nil
	}
	if err := raise(watchesEnough); err != nil {
		return fmt.Errorf("%d hosts are on in all labs of this machine, and %d is the most for which fs.inotify.max_user_instances = %d is enough: "+
			"take a lab down, or run `sysctl -w fs.inotify.max_user_instances=%d` where that is allowed, which it is not here: %w",
			hosts, limit/watchesPerHost, limit, watchesEnough, err)
	}
	return nil
}

// hostsOn counts the hosts of all labs on this machine, by their control groups.
func hostsOn() (int, error) {
	root, err := cgroupRoot()
	if err != nil {
		return 0, err
	}
	groups, err := filepath.Glob(filepath.Join(root, labsGroup, "*", "*", "cgroup.procs"))
	return len(groups), err
}
