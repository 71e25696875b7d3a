package nix

import "slices"

// sorted is a list of nix options, sorted by where nix accepts them.
type sorted struct {
	global []string // before nix's subcommand
	eval   []string // after it, and only where a flake is evaluated
	store  []string // nix-store
}

// sortFlags sorts options by place, keeping their order and each one's
// arguments. What it does not know is taken for a setting, which the nix and
// nix-store of every version accept alike. Settings go before the subcommand:
// some versions ignore some of them after it, without a word.
func sortFlags(flags []string) sorted {
	var s sorted
	for i := 0; i < len(flags); {
		f := flags[i]
		arity := 0
		place := anywhere
		if k, ok := knownFlag(f); ok {
			arity, place = k.arity, k.place
		}
		end := min(i+1+arity, len(flags))
		words := flags[i:end]
		switch place {
		case evalOnly:
			s.eval = append(s.eval, words...)
		case nixOnly:
			s.global = append(s.global, words...)
		case anywhere:
			s.global = append(s.global, words...)
			s.store = append(s.store, words...)
		}
		if f == "--offline" || f == "--no-net" {
			// nix-store has no word for it.
			s.store = append(s.store, "--option", "substitute", "false")
		}
		i = end
	}
	return s
}

type flagPlace int

const (
	anywhere   flagPlace = iota
	evalOnly             // only after an evaluating subcommand of nix
	nixOnly              // before a subcommand of nix, unknown to nix-store
	unreadable           // would make nix's log unreadable to this package
)

type flagKind struct {
	arity int
	place flagPlace
}

func knownFlag(f string) (flagKind, bool) {
	switch f {
	case "--option":
		return flagKind{2, anywhere}, true
	case "--builders", "--max-jobs", "-j", "--cores", "--store", "--system", "--timeout",
		"--max-silent-time", "--substituters":
		return flagKind{1, anywhere}, true
	case "--log-format":
		return flagKind{1, unreadable}, true
	case "--impure", "--no-registries", "--recreate-lock-file", "--no-write-lock-file", "--debugger":
		return flagKind{0, evalOnly}, true
	case "--inputs-from", "--eval-store", "-I", "--include", "--update-input", "--reference-lock-file", "--arg-from-stdin":
		return flagKind{1, evalOnly}, true
	case "--override-input", "--override-flake", "--arg", "--argstr", "--arg-from-file":
		return flagKind{2, evalOnly}, true
	case "--refresh", "--offline", "--no-net", "-L", "--print-build-logs", "--repair":
		return flagKind{0, nixOnly}, true
	}
	return flagKind{}, false
}

func (n *Programs) showTrace() bool { return slices.Contains(n.Flags, "--show-trace") }

// Argv is a call of nix with the options that any subcommand takes.
func (n *Programs) Argv(words ...string) []string {
	argv := []string{"nix", "--extra-experimental-features", "nix-command flakes"}
	argv = append(argv, sortFlags(n.Flags).global...)
	return append(argv, words...)
}

// EvalArgv is a call of a subcommand of nix that evaluates a flake. The lock
// file is law: none of them may change it, nor go on without it.
func (n *Programs) EvalArgv(words ...string) []string {
	argv := append(n.Argv(words...), "--no-update-lock-file")
	return append(argv, sortFlags(n.Flags).eval...)
}

// StoreArgv is a call of nix-store.
func (n *Programs) StoreArgv(words ...string) []string {
	argv := append([]string{"nix-store"}, words...)
	return append(argv, sortFlags(n.Flags).store...)
}
