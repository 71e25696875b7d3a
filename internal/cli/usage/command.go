package usage

import (
	"slices"
	"strings"
)

// CutCommand takes from the arguments of a verb that has something to do on hosts what
// that is. It follows after -- and is not the grammar's to read; nil where there is none.
// What NixOps calls ssh-for-each is exec.
func CutCommand(args []string) (own, command []string) {
	verb := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if verb < 0 || !takesCommand(args[verb]) && args[verb] != "ssh-for-each" {
		return args, nil
	}
	own = slices.Clone(args)
	if own[verb] == "ssh-for-each" {
		own[verb] = "exec"
	}
	if end := slices.Index(args, "--"); end >= 0 {
		return own[:end], args[end+1:]
	}
	return own, nil
}

func takesCommand(verb string) bool { return slices.Contains([]string{"exec", "ssh", "scp"}, verb) }

// CheckCommand says of a verb that it lacks a command, or takes none.
func CheckCommand(verb string, command []string) error {
	switch {
	case verb == "exec" && len(command) == 0:
		return Errorf("what to run comes after --, as in flakeops exec -- uptime")
	case verb == "scp" && len(command) == 0:
		return Errorf("what to copy, and where to, comes after --, as in flakeops scp --to -- FILE PLACE")
	case !takesCommand(verb) && command != nil:
		return Errorf("the verb comes first, as in flakeops exec -- uptime")
	}
	return nil
}
