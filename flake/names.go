package flake

import (
	"context"
	_ "embed" // lib.nix and schema.nix
	"errors"
	"fmt"
	"slices"
	"strings"

	"flakeops/flake/nix"
	"flakeops/internal/fault"

	"github.com/tidwall/gjson"
)

//go:embed lib.nix
var libraryText string

//go:embed schema.nix
var schema string

// library is lib.nix with the table that it is made of, as an expression.
var library = "((" + libraryText + ") { schema = " + schema + "; })"

// Names returns the attribute names of nixosConfigurations, sorted. It returns
// a *NoNodesError when there are none.
func (f *Flake) Names(ctx context.Context) ([]string, error) {
	a, err := f.apply(ctx, "names")
	if err != nil {
		return nil, f.namesError(ctx, err)
	}
	f.Said = append(f.Said, f.news(a)...)
	names, err := parseNames(a.Out)
	if err != nil {
		return nil, fmt.Errorf("flake %s: %w", f.Ref, err)
	}
	if len(names) == 0 {
		return nil, f.noNodes(ctx, false)
	}
	return names, nil
}

// apply evaluates a function of lib.nix, with its arguments, on the flake's
// nixosConfigurations.
func (f *Flake) apply(ctx context.Context, function string) (nix.Answer, error) {
	return f.nix.Ask(ctx, f.nix.EvalArgv("eval", "--json", f.URL+"#nixosConfigurations",
		"--apply", library+"."+function))
}

// lacks recognises nix's answer for an output that the flake does not have.
func lacks(e *nix.ExitError, output string) bool {
	return e.Says("does not provide attribute") && e.Says("'"+output+"'")
}

func (f *Flake) namesError(ctx context.Context, err error) error {
	var exit *nix.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch {
	case lacks(exit, "nixosConfigurations"):
		return f.noNodes(ctx, true)
	case unlocked(exit):
		return &LockError{Ref: f.Ref}
	}
	hint := "run again with --show-trace to see where this comes from"
	if exit.Traced {
		hint = ""
	}
	return errors.New(fault.WithHint(fmt.Sprintf("cannot list the nodes of flake %s: %s", f.Ref, exit.Message()), hint))
}

func parseNames(data []byte) ([]string, error) {
	const command = "nix eval"
	list, err := parseJSON(command, data)
	if err != nil {
		return nil, err
	}
	if !list.IsArray() {
		return nil, notJSON(command, data)
	}
	var names []string
	for _, v := range list.Array() {
		if v.Type != gjson.String {
			return nil, notJSON(command, data)
		}
		names = append(names, v.String())
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// nixString writes s as a string of the Nix language.
func nixString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\r", `\r`).Replace(s) + `"`
}

// nixStrings writes list as a list of strings of the Nix language.
func nixStrings(list []string) string {
	var b strings.Builder
	b.WriteString("[")
	for _, s := range list {
		b.WriteString(" " + nixString(s))
	}
	return b.String() + " ]"
}
