package usage

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"flakeops/flake"
	"flakeops/flake/nix"
	"flakeops/internal/deployer"
)

// CheckFlake looks at what stands in the place of the flake. A bare word, which
// nix would look up in a registry over the network, is a directory or a mistake.
func CheckFlake(ctx context.Context, parsed *kong.Context) error {
	for _, arg := range parsed.Selected().Positional {
		if arg.Name != FlakeArgument {
			continue
		}
		ref, node, cut := strings.Cut(arg.Target.String(), "#")
		switch {
		case ref == "" || strings.ContainsAny(ref, ":/.") || strings.HasPrefix(ref, "-"):
		case isDir(ref):
			arg.Target.SetString("./" + arg.Target.String())
		case !cut || node == "":
			return misread(ctx, parsed.Model, ref, typedVerb(parsed))
		}
	}
	return nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// typedVerb is the verb as the operator typed it, "" for deploy without its name.
func typedVerb(parsed *kong.Context) string {
	verb := SpelledVerb(parsed.Selected())
	words := strings.Fields(verb)
	if len(parsed.Args) < len(words) || !slices.Equal(parsed.Args[:len(words)], words) {
		return ""
	}
	return verb
}

// SpelledVerb is a verb's whole name: keys list.
func SpelledVerb(v *kong.Node) string {
	_, verb, _ := strings.Cut(v.FullPath(), " ")
	return verb
}

// misread says what a word may have been meant for that is no flake.
func misread(ctx context.Context, app *kong.Application, word, verb string) error {
	if verb == "" {
		if there, ok := elsewhere()[word]; ok {
			return Errorf("flakeops has no verb %s: %s", word, there)
		}
		if near := flake.Nearest(word, Verbs(app.Node)); near != "" {
			return Errorf("%s is neither a verb nor a directory: did you mean flakeops %s? (A node is chosen by --on %s.)", word, near, word)
		}
	}
	on := strings.Join(strings.Fields("flakeops "+verb+" --on"), " ")
	ref, nodes := nodesHere(ctx, word)
	near := flake.Nearest(word, nodes)
	switch {
	case slices.Contains(nodes, word):
		return Errorf("%s is a node of the flake at %s, not a flake: did you mean %s %s?", word, ref, on, word)
	case near != "":
		return Errorf("%s is neither a verb nor a directory: did you mean %s %s?", word, on, near)
	}
	return Errorf("%s is neither a verb nor a directory: see flakeops --help for the verbs, choose a node by --on %s, "+
		"and name a flake of nix's registry as flake:%s", word, word, word)
}

// Verbs are the names that may stand first.
func Verbs(of *kong.Node) []string {
	var names []string
	for _, v := range of.Children {
		if !v.Hidden {
			names = append(names, v.Name)
		}
	}
	return names
}

// nodesHere gives the nodes of the flake that is meant when none is named, nil
// when that cannot be told at once and without the network.
func nodesHere(ctx context.Context, word string) (ref string, names []string) {
	ref = os.Getenv("FLAKEOPS_FLAKE")
	if ref == word {
		ref = ""
	}
	asked := ref != ""
	if !asked {
		ref = "."
	}
	ctx, cancel := context.WithTimeout(ctx, namesDeadline)
	defer cancel()
	f, err := deployer.OpenFlake(ctx, &nix.Programs{Flags: []string{"--offline"}}, ref, asked)
	if err != nil {
		return "", nil
	}
	names, _ = f.Names(ctx)
	return ref, names
}

// namesDeadline is for something that only makes an error better.
const namesDeadline = 30 * time.Second
