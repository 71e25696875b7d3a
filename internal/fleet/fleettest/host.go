package fleettest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"flakeops/activate"
	"flakeops/flake/store"
	"flakeops/internal/fleet"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// Dial is that of the network.
func (w *World) Dial(ctx context.Context, node string, _ settings.Settings) (fleet.Host, error) {
	w.note("dial %s", node)
	if w.OnDial != nil {
		if err := w.OnDial(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.DialErr[node]; err != nil {
		return nil, err
	}
	return &host{world: w, node: node, agent: &agent{world: w, node: node}}, nil
}

// host is a connection to a host that runs whatever the engine runs there.
type host struct {
	world *World
	node  string
	agent *agent
}

func (h *host) Address() string { return h.node }

func (h *host) Close() error {
	h.world.note("close %s", h.node)
	return nil
}

func (h *host) Fresh(context.Context) (fleet.Host, error) {
	if err := h.world.BootErr[h.node]; err != nil && h.isBack() {
		return nil, err
	}
	if err := h.agent.cut; err != nil {
		return nil, err
	}
	return &host{world: h.world, node: h.node, agent: h.agent}, nil
}

func (h *host) isBack() bool {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return h.world.rebooted[h.node]
}

func (h *host) Copy(_ context.Context, c store.Copy) error {
	kind := "push"
	if c.Derivation {
		kind = "push derivation"
	}
	h.world.note("%s %s %d", kind, h.node, len(c.Paths))
	c.Progress(1, 1)
	if h.world.OnPush != nil {
		h.world.OnPush(h.node)
	}
	return h.world.PushErr[h.node]
}

func (h *host) Root() run.Runner { return h }

func (h *host) User() run.Runner { return user{h} }

// user runs what a verb runs as the login user.
type user struct{ *host }

func (u user) Run(ctx context.Context, c run.Command) (run.Result, error) {
	return run.Result{}, u.world.OnExec(ctx, "user@"+u.node, c)
}

// Run answers as the program would.
func (h *host) Run(ctx context.Context, c run.Command) (run.Result, error) {
	w, node := h.world, h.node
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	script := ""
	if len(c.Argv) > 4 || len(c.Argv) == 4 && c.Argv[0] == "sh" {
		script = c.Argv[2]
	}
	var err error
	switch program := path.Base(c.Argv[0]); {
	case w.OnExec != nil:
		err = w.OnExec(ctx, "root@"+node, c)
	case strings.Contains(script, "fact begin facts"):
		err = h.facts(c.Stdout, c.Argv[4:], h.asked(script))
	case strings.Contains(script, "fact begin survey"):
		err = h.survey(c.Stdin, c.Stdout)
	case strings.Contains(script, "--delete-generations"):
		w.note("collect %s %s", node, strings.Join(c.Argv[7:], " "))
		fmt.Fprintln(c.Stdout, "3 store paths deleted, 1.50 MiB freed")
		err = w.CollectErr[node]
	case program == "nix-store":
		w.note("realise %s", node)
		fmt.Fprintln(c.Stderr, "building "+c.Argv[2])
		err = w.BuildErr[node]
	case program == "switch-to-configuration":
		w.note("dry %s", node)
		fmt.Fprintln(c.Stdout, "would restart the app of "+path.Dir(path.Dir(c.Argv[0])))
		err = w.DryErr[node]
	case program == "systemctl" && c.Argv[1] == "reboot":
		w.note("reboot %s", node)
		w.mu.Lock()
		w.rebooted[node] = true
		w.mu.Unlock()
	case program == "systemctl" && c.Argv[1] == "list-units":
		for _, unit := range w.Failed[node] {
			fmt.Fprintln(c.Stdout, unit+" loaded failed failed A unit")
		}
		err = w.UnitsErr[node]
	case program == "systemctl":
	case c.Argv[2] == "keys":
		err = h.keys(c.Stdin, c.Stdout)
	default:
		err = h.agent.run(ctx, c)
	}
	return run.Result{}, err
}

// asked is what the host tells beside its facts.
func (h *host) asked(script string) string {
	var b strings.Builder
	switch {
	case strings.Contains(script, "| lines by"):
		for _, r := range h.world.Records[h.node] {
			line, _ := json.Marshal(r)
			fmt.Fprintf(&b, "last\t%s\nby\t%s\n", line, line)
		}
	case strings.Contains(script, "| lines record"):
		for _, r := range h.world.Records[h.node] {
			line, _ := json.Marshal(r)
			fmt.Fprintf(&b, "record\t%s\n", line)
		}
		b.WriteString("checked\tyes\n")
		for system := range h.world.Gone {
			fmt.Fprintf(&b, "missing\t%s\n", system)
		}
	case strings.Contains(script, "fact number"):
		for i, system := range h.world.Profile[h.node] {
			word := "system"
			if h.world.Gone[system] {
				word = "gone"
			}
			fmt.Fprintf(&b, "number\t%d\n%s\t%s\n", i+1, word, system)
		}
	}
	return b.String()
}

func (h *host) facts(out io.Writer, paths []string, more string) error {
	w := h.world
	if err := w.FactsErr[h.node]; err != nil {
		return err
	}
	f, ok := w.Facts[h.node]
	if !ok {
		f = OldFacts()
	}
	if h.isBack() {
		if back, ok := w.Back[h.node]; ok {
			f = back
		}
		f.BootID += "+1"
		w.note("back %s", h.node)
	}
	fmt.Fprintf(out, "begin\tfacts\nuser\t0\nrunning\t%s\nbooted\t%s\nprofile\t%s\nmachine\t%s\nboot\t%s\nnix\t%s\n", f.Running, f.Booted, f.Profile, f.Machine, f.BootID, f.Nix)
	if f.Systemd > 0 {
		fmt.Fprintf(out, "systemd\t%d\n", f.Systemd)
	}
	if f.Keys {
		fmt.Fprint(out, "keys\tyes\n")
	}
	if f.Generation > 0 {
		fmt.Fprintf(out, "generation\tsystem-%d-link\n", f.Generation)
	}
	if f.Unfinished != "" {
		fmt.Fprintf(out, "unfinished\t%s\n", f.Unfinished)
	}
	if f.Holder != nil {
		fmt.Fprintf(out, "holder\t{\"id\":%q,\"operator\":%q}\n", f.Holder.ID, f.Holder.Operator)
	}
	if !slices.ContainsFunc(paths, func(p string) bool { return !f.Present[p] }) {
		for _, p := range paths {
			fmt.Fprintf(out, "present\t%s\n", p)
		}
	}
	_, err := fmt.Fprint(out, more+w.Tells[h.node]+"end\tfacts\n")
	return err
}

func (h *host) survey(in io.Reader, out io.Writer) error {
	h.world.note("survey %s", h.node)
	if err := h.world.SurveyErr[h.node]; err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	s := h.world.Surveys[h.node]
	fmt.Fprint(out, "begin\tsurvey\n")
	for p, size := range s.Running {
		fmt.Fprintf(out, "running\t%s\nrunning-size\t%d\n", p, size)
	}
	for p := range s.Missing {
		fmt.Fprintf(out, "missing\t%s\n", p)
	}
	if len(s.Keys) > 0 {
		fmt.Fprintf(out, "manifest\t{\"keys\":[\"%s\"]}\n", strings.Join(s.Keys, `","`))
	}
	_, err := fmt.Fprint(out, "checked\tyes\nend\tsurvey\n")
	return err
}

func (h *host) keys(in io.Reader, out io.Writer) error {
	m, err := message.Decode(in)
	if err != nil {
		return err
	}
	h.world.note("keys %s %s", m.Mode, h.node)
	reply := h.world.Reply
	switch err := h.world.KeysErr[h.node].(type) {
	case nil:
	case *keys.HostError:
		reply = message.Reply{Error: err.Reason, Busy: err.Busy}
	default:
		return err
	}
	if reply.Version == 0 {
		reply.Version = message.Version
	}
	text, err := reply.Encode()
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

var _ fleet.Host = (*host)(nil)
var _ activate.Link = (*host)(nil)
