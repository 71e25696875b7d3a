package garbage

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"flakeops/activate"
	"flakeops/internal/fault"
	"flakeops/internal/run"
)

//go:embed collect.sh
var script string

// Freed is what nix says of a collection.
type Freed struct {
	Paths int    // store paths
	Size  string // in nix's words, such as 12.34 MiB
}

func (f Freed) String() string {
	if f.Size == "" {
		return ""
	}
	return f.Size + " freed"
}

// Collect deletes the generations of a plan on the host behind r, which is root's,
// brings the boot loader's menu to that, and then has nix delete what nothing needs any
// more, but not the previous system. It returns an *activate.RefusedError for a host that is deployed to, or was
// since the plan was made. A deployment that begins meanwhile is refused.
func Collect(ctx context.Context, r run.Runner, p Plan) (Freed, error) {
	current := ""
	if p.Current > 0 {
		current = fmt.Sprintf("system-%d-link", p.Current)
	}
	argv := []string{"sh", "-c", script, "sh", current, p.Running, p.Previous}
	for _, g := range p.Go {
		argv = append(argv, strconv.Itoa(g.Number))
	}
	out := &run.Tail{Max: 4 << 10}
	_, err := r.Run(ctx, run.Command{Argv: argv, Stdout: out})
	var failed *run.Error
	if !errors.As(err, &failed) || failed.Err != nil {
		return freed(out.String()), err
	}
	switch failed.Code {
	case 70:
		err = &activate.RefusedError{Reason: "the host is being deployed to", Next: "wait for it to end, then collect garbage"}
	case 71:
		err = &activate.RefusedError{Reason: "the host was changed meanwhile", Next: "collect garbage again"}
	case 72:
		err = fmt.Errorf("deleting generations: %w", err)
	case 73:
		err = fault.As(fault.Unknown, fmt.Errorf("the generations are deleted, but the boot loader's menu may still have them, and nothing was collected: %w", err))
	default:
		err = fmt.Errorf("collecting garbage: %w", err)
	}
	return Freed{}, err
}

// said is how nix ends: 12 store paths deleted, 3.45 MiB freed.
var said = regexp.MustCompile(`(?m)^(\d{1,9}) store paths deleted, ([0-9.]{1,12} [KMGT]?i?B) freed`)

func freed(text string) Freed {
	m := said.FindStringSubmatch(text)
	if m == nil {
		return Freed{}
	}
	n, _ := strconv.Atoi(m[1])
	return Freed{Paths: n, Size: m[2]}
}
