package host

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestRoomForHosts(t *testing.T) {
	var raised []int
	raise := func(n int) error { raised = append(raised, n); return nil }
	for hosts := range 6 { // fit the kernel's default
		if err := makeRoom(hosts, 128, raise); err != nil || len(raised) > 0 {
			t.Fatalf("host %d: %v, raised to %v", hosts+1, err, raised)
		}
	}
	if err := makeRoom(6, 128, raise); err != nil || !slices.Equal(raised, []int{watchesEnough}) {
		t.Errorf("%v, raised to %v", err, raised)
	}
	err := makeRoom(6, 128, func(int) error { return syscall.EROFS })
	for _, want := range []string{"6 hosts are on", "6 is the most", "max_user_instances = 128", "sysctl -w", "read-only"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: no %q", err, want)
		}
	}
}

func TestHostsAreCounted(t *testing.T) {
	lab := newTestLab(t)
	startHost(t, lab, Options{Name: "web"})
	if n, err := hostsOn(); n < 1 || err != nil {
		t.Errorf("%d hosts are on, %v", n, err)
	}
}
