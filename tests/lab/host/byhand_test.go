package host

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// byHand makes a lab as it is made by hand, but bound to this process, not to be
// left behind should the test be killed.
func byHand(t *testing.T, name string) *Lab {
	t.Helper()
	lab, err := inFreeSlot(t.Context(), func(s slot) (*Lab, error) { return newLab(t.Context(), s, t.TempDir(), name, false) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lab.Close() }) // it is closed already, if all goes well
	return lab
}

// TestOpen uses labs as they are used by hand: one process made them, others
// find them. A person may have some up while this runs.
func TestOpen(t *testing.T) {
	one, two := byHand(t, "test-one"), byHand(t, "test-two")
	h := startHost(t, one, Options{Name: "web"})
	if again, err := newLab(t.Context(), one.slot, t.TempDir(), "", false); again != nil || err != nil {
		t.Errorf("a second lab in the same slot: %v, %v", again, err)
	}
	if _, err := NewByHand(t.Context(), "test-one"); err == nil || !strings.Contains(err.Error(), "--lab NAME") {
		t.Errorf("a second lab of the same name: %v", err)
	}
	if _, err := Open(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "test-one, test-two") {
		t.Errorf("which of two is not said: %v", err)
	}
	all, err := ByHand(t.Context())
	if found := names(all); err != nil || !slices.Contains(found, "test-one") || !slices.Contains(found, "test-two") {
		t.Errorf("found %v, %v", found, err)
	}
	found, err := Open(t.Context(), "test-one")
	if err != nil {
		t.Fatal(err)
	}
	hosts := found.Hosts()
	if len(hosts) != 1 || hosts[0].Name != "web" || hosts[0].Addr() != h.Addr() || hosts[0].FactorySystem() != h.FactorySystem() {
		t.Fatalf("the lab has other hosts than were made: %+v", hosts)
	}
	mustLogin(t, found, "web", "true")
	second := startHost(t, found, Options{Name: "second"})
	if second.Addr() == h.Addr() {
		t.Errorf("both hosts are %s", h.Addr())
	}
	if err := hosts[0].Reboot(t.Context()); err != nil {
		t.Error(err)
	}
	for _, lab := range []*Lab{found, two} {
		if err := lab.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := leftover(one.slot, one.dir); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), "test-one"); !errors.Is(err, ErrNoLab) {
		t.Errorf("a lab that is down: %v", err)
	}
}
