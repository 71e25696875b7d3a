package deployer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"flakeops/flake"
	"flakeops/flake/nix"
	"flakeops/internal/run"
)

// metadata answers `nix flake metadata` for the references it knows, and fails
// for others. It keeps what it was asked for.
type metadata struct {
	sources map[string]string
	asked   []string
}

func (m *metadata) Run(_ context.Context, c run.Command) (run.Result, error) {
	for ref, source := range m.sources {
		if slices.Contains(c.Argv, ref) {
			m.asked = append(m.asked, ref)
			_, err := fmt.Fprintf(c.Stdout, `{"url":%q,"path":%q,"locked":{"type":"path"},"resolved":{},"locks":{}}`, "path:"+source, source)
			return run.Result{}, err
		}
	}
	_, _ = io.WriteString(c.Stderr, "error: no flake")
	return run.Result{Code: 1}, &run.Error{Argv: c.Argv, Code: 1}
}

func TestAnAppDeploysItsOwnFlake(t *testing.T) {
	const (
		mine  = "/nix/store/00000000000000000000000000000000-source"
		other = "/nix/store/11111111111111111111111111111111-source"
		own   = "path:" + mine + "?narHash=sha256-x"
	)
	for name, c := range map[string]struct {
		arg, own, here string
		opens          string
	}{
		"in its work tree":            {"", own, mine, "."},
		"a node, in its work tree":    {"#web", own, mine, "."},
		"in another flake":            {"", own, other, own},
		"nowhere":                     {"", own, "", own},
		"another flake is asked for":  {".", own, other, "."},
		"one of its nodes too":        {".#web", own, other, "."},
		"not an app":                  {"", "", other, "."},
		"not an app, and a node only": {"#web", "", other, "."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("FLAKEOPS_SELF", c.own)
			m := &metadata{sources: map[string]string{own: mine}}
			if c.here != "" {
				m.sources["."] = c.here
			}
			ref, _, err := flake.SplitRef(c.arg)
			if err != nil {
				t.Fatal(err)
			}
			f, err := OpenFlake(t.Context(), &nix.Programs{Runner: m}, ref, asksFor(c.arg))
			if err != nil {
				t.Fatal(err)
			}
			if f.Ref != c.opens {
				t.Errorf("opens %s, want %s (asked for %s)", f.Ref, c.opens, strings.Join(m.asked, ", "))
			}
		})
	}
}
