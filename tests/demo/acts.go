package main

import (
	"context"
	"fmt"
	"strings"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// exitRolledBack is flakeops' exit code when a host went back.
const exitRolledBack = 5

// confirmTimeout is how many seconds a host waits for its operator here, which
// is less than usual: nobody likes to wait.
const confirmTimeout = 8

func (st *stage) deploy(ctx context.Context) error {
	st.heading("Deploying a fleet")
	st.say("The flake ./fleet has two nixosConfigurations, web and db, each with a service of its own.",
		"Their systems are small ones without nixpkgs, which switch as NixOS does.")
	for _, name := range []string{"web", "db"} {
		st.nodes[name] = flakes.Node{Deployment: map[string]any{"confirmTimeout": confirmTimeout}}
	}
	if err := st.write(); err != nil {
		return err
	}
	st.command("export NIX_SSHOPTS='-F " + st.path("ssh_config") + "'")
	code, err := st.typed(ctx, false, "flakeops deploy ./fleet")
	if err != nil {
		return err
	}
	st.say("")
	st.promise(code == 0, "one command builds, pushes and activates both nodes")
	for _, h := range []*host.Host{st.web, st.db} {
		now, err := st.look(ctx, h)
		if err != nil {
			return err
		}
		st.promise(now.version == "1" && now.same(), h.Name+" runs the new system, and would boot it")
	}
	return nil
}

func (st *stage) again(ctx context.Context) error {
	st.heading("The same again")
	before, err := st.look(ctx, st.web)
	if err != nil {
		return err
	}
	code, err := st.typed(ctx, false, "flakeops ./fleet")
	if err != nil {
		return err
	}
	after, err := st.look(ctx, st.web)
	if err != nil {
		return err
	}
	st.say("")
	st.promise(code == 0 && after == before, "what is up to date is left alone: no activation, no new generation")
	return nil
}

// cutOff deploys a system whose firewall drops everything, the operator's
// packets too.
func (st *stage) cutOff(ctx context.Context) error {
	st.heading("A configuration that cuts the operator off")
	st.say("Version 2 of web brings a firewall that drops all TCP, ssh included. By hand, this would",
		fmt.Sprintf("need a walk to the machine. flakeops has the host wait %d s for its operator to get in", confirmTimeout),
		"again over a new connection. Meanwhile this demo knocks at web's ssh port.")
	before, err := st.look(ctx, st.web)
	if err != nil {
		return err
	}
	node := st.nodes["web"]
	node.Version, node.Faults = "2", []string{"drop-packets"}
	st.nodes["web"] = node
	if err := st.write(); err != nil {
		return err
	}
	watch := st.knock(ctx, st.web)
	code, err := st.typed(ctx, true, "flakeops deploy ./fleet#web")
	seen := watch()
	if err != nil {
		return err
	}
	st.say("", fmt.Sprintf("It exits with %d. And this is how web is now:", code))
	if _, err := st.typed(ctx, false, "ssh -F ssh_config web readlink /run/current-system"); err != nil {
		return err
	}
	if _, err := st.typed(ctx, false, "ssh -F ssh_config web tail -n 1 /var/lib/flakeops/deployments.jsonl"); err != nil {
		return err
	}
	after, err := st.look(ctx, st.web)
	if err != nil {
		return err
	}
	st.say("")
	st.promise(seen.lost > 0, "the new system did cut the operator off")
	st.promise(seen.back > 0, fmt.Sprintf("web came back by itself, after %.0f s", (seen.back-seen.lost).Seconds()))
	st.promise(after == before, "it runs what it ran before, and would boot it: system, profile and boot default")
	st.promise(code == exitRolledBack, fmt.Sprintf("flakeops says so: exit code %d", exitRolledBack))
	return nil
}

func (st *stage) repair(ctx context.Context) error {
	st.heading("Once more, repaired")
	node := st.nodes["web"]
	node.Version, node.Faults = "3", nil
	st.nodes["web"] = node
	if err := st.write(); err != nil {
		return err
	}
	code, err := st.typed(ctx, false, "flakeops deploy ./fleet")
	if err != nil {
		return err
	}
	now, err := st.look(ctx, st.web)
	if err != nil {
		return err
	}
	st.say("")
	st.promise(code == 0 && now.version == "3" && now.same(), "the next deployment works as if nothing had happened")
	return nil
}

// look is how a host is, asked from inside and not by way of the network.
func (st *stage) look(ctx context.Context, h *host.Host) (view, error) {
	out, err := h.Shell(ctx, `
		readlink -f /run/current-system
		readlink -f /nix/var/nix/profiles/system
		readlink -f /boot/default-system
		ls /nix/var/nix/profiles | tr '\n' ' '; echo
		cat /run/fleet/version`)
	if err != nil {
		return view{}, err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 5 {
		return view{}, fmt.Errorf("%s does not say how it is: %q", h.Name, out)
	}
	return view{lines[0], lines[1], lines[2], lines[3], lines[4]}, nil
}

// view is a host at one moment.
type view struct {
	running, profile, boot string // systems
	profiles               string // the links of all generations
	version                string // that the system's service wrote
}

func (v view) same() bool { return v.running == v.profile && v.profile == v.boot }
