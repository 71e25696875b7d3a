package cli

import (
	"errors"
	"fmt"
	"strconv"

	"flakeops/flake/nix"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"
)

// pairs is a flag of two values that may be given more than once.
type pairs [][2]string

// Decode takes the flag's two values, which may begin with a hyphen.
func (p *pairs) Decode(ctx *kong.DecodeContext) error {
	var pair [2]string
	for i := range pair {
		t := ctx.Scan.Pop()
		if t.IsEOL() {
			return errors.New("takes two values")
		}
		pair[i] = fmt.Sprint(t.Value)
	}
	*p = append(*p, pair)
	return nil
}

// args renders the flags as nix takes them.
func (f nixFlags) args() []string {
	var a []string
	for _, p := range f.Option {
		a = append(a, "--option", p[0], p[1])
	}
	for _, p := range f.OverrideInput {
		a = append(a, "--override-input", p[0], p[1])
	}
	for _, s := range []struct {
		on   bool
		name string
	}{{f.Impure, "--impure"}, {f.ShowTrace, "--show-trace"}, {f.Refresh, "--refresh"}, {f.Offline, "--offline"}} {
		if s.on {
			a = append(a, s.name)
		}
	}
	if f.Builders != nil {
		a = append(a, "--builders", *f.Builders)
	}
	if f.MaxJobs != nil {
		a = append(a, "--max-jobs", *f.MaxJobs)
	}
	if f.Cores != nil {
		a = append(a, "--cores", strconv.Itoa(*f.Cores))
	}
	return a
}

func (f nixFlags) nix(log zerolog.Logger) *nix.Programs {
	return &nix.Programs{Flags: f.args(), Log: log}
}
