package store

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"flakeops/flake/nix"
	"flakeops/internal/run"
)

// Copy describes one copy of store paths, with all they refer to, to another store.
type Copy struct {
	Store      string // store URL, such as ssh://host
	Paths      []string
	Derivation bool                  // copy the .drv files themselves, for a build on the target
	Substitute bool                  // let the target fetch from its own substituters
	Env        []string              // NAME=value, added for nix
	Progress   func(done, total int) // store paths; called serially, may be nil
}

// Copy copies the paths that the store does not have. Signatures are not asked
// for. It fails with a *CopyError when nix does. It takes as long as it takes:
// a deadline is ctx's.
func (n Local) Copy(ctx context.Context, c Copy) error {
	argv := n.Argv("copy", "--no-check-sigs", "--log-format", "internal-json", "--to", c.Store)
	if c.Derivation {
		argv = append(argv, "--derivation")
	}
	if c.Substitute {
		argv = append(argv, "--substitute-on-destination")
	}
	p := copying{progress: c.Progress}
	w := &run.Lines{Max: nix.MaxLine, Handle: p.line}
	_, err := n.Run(ctx, run.Command{Argv: append(argv, c.Paths...), Env: c.Env, Stderr: w})
	w.End()
	if err == nil {
		return nil
	}
	err = n.Explain(ctx, err, strings.Join(p.errors, "\n"))
	var exit *nix.ExitError
	if errors.As(err, &exit) {
		return &CopyError{Store: c.Store, Message: exit.Message(), Said: p.said}
	}
	return err
}

// copying follows the log of nix copy.
type copying struct {
	progress    func(done, total int)
	activity    uint64          // of the whole copy, once it began
	paths       map[uint64]bool // activities of single paths under way
	done, total int
	errors      []string // nix's last errors
	said        []string // the last lines of what nix started, such as ssh
}

func (c *copying) line(raw []byte) {
	ev, ok := nix.ParseLog(raw)
	if !ok {
		if s := strings.TrimSpace(nix.Plain(string(raw))); s != "" && !strings.HasPrefix(s, "@nix ") {
			nix.Remember(&c.said, s)
		}
		return
	}
	switch {
	case ev.Action == "start" && ev.Kind == nix.ActCopyPaths && ev.Text != "":
		c.activity = ev.ID
		c.tell(0, numberIn(ev.Text))
	case ev.Action == "start" && ev.Kind == nix.ActCopyPath:
		if c.paths == nil {
			c.paths = map[uint64]bool{}
		}
		c.paths[ev.ID] = true
	case ev.Action == "stop" && c.paths[ev.ID]:
		delete(c.paths, ev.ID)
		c.tell(c.done+1, c.total)
	case ev.Action == "result" && ev.Kind == nix.ResProgress && ev.ID == c.activity && ev.ID != 0:
		// Versions that report progress also count what was there already.
		c.tell(max(ev.Count(0), c.done), ev.Count(1))
	case ev.Action == "msg" && ev.Level == 0:
		nix.Remember(&c.errors, ev.Text)
	}
}

// tell reports progress when there is some.
func (c *copying) tell(done, total int) {
	total = max(total, c.total)
	done = min(done, total)
	if c.progress != nil && (done != c.done || total != c.total) {
		c.progress(done, total)
	}
	c.done, c.total = done, total
}

// numberIn is the first number in a text such as "copying 4 paths".
func numberIn(text string) int {
	for w := range strings.FieldsSeq(text) {
		if n, err := strconv.Atoi(w); err == nil && n >= 0 {
			return n
		}
	}
	return 0
}
