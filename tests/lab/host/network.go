package host

import (
	"context"
	"fmt"
	"strings"

	"flakeops/internal/run"
)

// uplink is the router's end of the link to this machine.
const uplink = "up0"

// linkMachine makes this machine's end of the link to a lab, and leaves the
// other in the network namespace of process pid, which is the lab's router.
func linkMachine(ctx context.Context, s slot, pid int) error {
	return ipBatch(ctx, nil,
		fmt.Sprintf("link add %s type veth peer name %s netns %d", s.link(), uplink, pid),
		fmt.Sprintf("addr add %s/30 dev %s", s.near(0), s.link()),
		fmt.Sprintf("link set %s up", s.link()),
		fmt.Sprintf("route add %s via %s", s.subnet(), s.far(0)))
}

// layUplink makes the router's end usable. Where a host's link is down, the
// subnet's own route is what is left: the router drops what it gets for the
// host without a word, as a cut cable does.
func layUplink(ctx context.Context, s slot) error {
	return ipBatch(ctx, nil,
		fmt.Sprintf("addr add %s/30 dev %s", s.far(0), uplink),
		fmt.Sprintf("link set %s up", uplink),
		fmt.Sprintf("route add default via %s", s.near(0)),
		fmt.Sprintf("route add blackhole %s", s.subnet()))
}

// link is the router's end of the link to the machine.
func (m *machine) link() string { return fmt.Sprintf("host%d", m.def.Index) }

// layNetwork makes the machine's network namespace, with eth0 in it.
func (m *machine) layNetwork(ctx context.Context) error {
	name, n := m.def.Name, m.def.Index
	if err := ip(ctx, "netns", "add", name); err != nil {
		return fmt.Errorf("making the network of host %s: %w", name, err)
	}
	up := "up"
	if m.cut {
		up = "down"
	}
	err := ipBatch(ctx, nil,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", m.link(), name),
		fmt.Sprintf("addr add %s/30 dev %s", m.slot.near(n), m.link()),
		fmt.Sprintf("link set %s %s", m.link(), up))
	if err == nil {
		err = ipBatch(ctx, []string{"-netns", name},
			"link set lo up",
			fmt.Sprintf("addr add %s/30 dev eth0", m.slot.far(n)),
			"link set eth0 up",
			fmt.Sprintf("route add default via %s", m.slot.near(n)))
	}
	if err != nil {
		return fmt.Errorf("making the network of host %s: %w", name, err)
	}
	return nil
}

// cutNetwork removes what layNetwork made. The link goes first, and at once: a
// namespace goes some time after its last user.
func (m *machine) cutNetwork(ctx context.Context) error {
	if err := ip(ctx, "link", "del", m.link()); err != nil {
		return fmt.Errorf("removing the link of host %s: %w", m.def.Name, err)
	}
	if err := ip(ctx, "netns", "del", m.def.Name); err != nil {
		return fmt.Errorf("removing the network of host %s: %w", m.def.Name, err)
	}
	return nil
}

// setCut takes the link down or up. It stays so over a reboot.
func (m *machine) setCut(ctx context.Context, cut bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.present != nil {
		up := "up"
		if cut {
			up = "down"
		}
		if err := ip(ctx, "link", "set", m.link(), up); err != nil {
			return fmt.Errorf("taking the link of host %s %s: %w", m.def.Name, up, err)
		}
	}
	m.cut = cut
	return nil
}

// ipBatch runs several commands in one process of ip.
func ipBatch(ctx context.Context, options []string, lines ...string) error {
	argv := append([]string{"ip"}, options...)
	_, err := run.Local{}.Run(ctx, run.Command{
		Argv:  append(argv, "-batch", "-"),
		Env:   []string{rootPath()},
		Stdin: strings.NewReader(strings.Join(lines, "\n") + "\n"),
	})
	return err
}
