package usage

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"flakeops/flake"
)

var (
	unknownFlag = regexp.MustCompile(`^unknown flag (-[^ ,]+)`)
	tooEarly    = regexp.MustCompile(`^flag (-[^ ]+) applies to the default command "[^"]*", not "([^"]*)"`)
	surplus     = regexp.MustCompile(`^unexpected argument (.*?)(?:, did you mean .*)?$`)
)

// Explain says of a command line that the grammar refuses what may be meant.
func Explain(app *kong.Application, err error) error {
	var verb *kong.Node
	var refused *kong.ParseError
	if errors.As(err, &refused) {
		verb = refused.Context.Selected()
	}
	found := &Error{text: err.Error()}
	if verb == nil {
		verb = app.DefaultCmd
	} else {
		found.Verb = SpelledVerb(verb)
	}
	switch text := err.Error(); {
	case unknownFlag.MatchString(text):
		flag := unknownFlag.FindStringSubmatch(text)[1]
		found.text = "unknown flag " + flag + hintForFlag(app, verb, strings.TrimLeft(flag, "-"))
	case tooEarly.MatchString(text):
		m := tooEarly.FindStringSubmatch(text)
		found.text, found.Verb = early(app, m[1], m[2]), m[2]
	case surplus.MatchString(text):
		word := surplus.FindStringSubmatch(text)[1]
		found.text = "unexpected argument " + word + hintForArgument(app, word)
	case strings.HasPrefix(text, "expected ") && found.Verb != "":
		found.text = found.Verb + " lacks an argument: " + text
	}
	return found
}

// early says of a flag before a verb where it belongs.
func early(app *kong.Application, flag, word string) string {
	for _, v := range app.Children {
		if v.Name == word && !slices.Contains(flagsOf(v), strings.TrimLeft(flag, "-")) {
			return fmt.Sprintf("unknown flag %s%s", flag, hintForFlag(app, v, strings.TrimLeft(flag, "-")))
		}
	}
	return fmt.Sprintf("%s comes after the verb, as in flakeops %s %s", flag, word, flag)
}

// hintForFlag says which flag of the verb is nearly the one typed, or which
// other verb has it.
func hintForFlag(app *kong.Application, verb *kong.Node, name string) string {
	if there, ok := foreignFlags()[name]; ok {
		return ": " + there
	}
	if near := flake.Nearest(name, flagsOf(verb)); near != "" && len(name) > 1 {
		return ": did you mean --" + near + "?"
	}
	var have []string
	for _, v := range app.Leaves(true) {
		if slices.Contains(flagsOf(v), name) {
			have = append(have, SpelledVerb(v))
		}
	}
	switch {
	case len(have) > 0:
		last := len(have) - 1
		others := strings.Join(have[:last], ", ")
		if others != "" {
			others += " and "
		}
		return fmt.Sprintf(": it is a flag of %s%s, not of %s", others, have[last], SpelledVerb(verb))
	case len(name) > 1:
		for _, v := range app.Leaves(true) {
			if near := flake.Nearest(name, flagsOf(v)); near != "" {
				return fmt.Sprintf(": did you mean --%s, a flag of %s?", near, SpelledVerb(v))
			}
		}
	}
	return ""
}

// flagsOf are the names of a verb's flags, long, short and negated.
func flagsOf(verb *kong.Node) []string {
	var names []string
	for _, group := range verb.AllFlags(true) {
		for _, f := range group {
			names = append(append(names, f.Name), f.Aliases...)
			if f.Short != 0 {
				names = append(names, string(f.Short))
			}
			if f.Tag.Negatable != "" {
				names = append(names, "no-"+f.Name)
			}
		}
	}
	return names
}

// hintForArgument says what a word too many may be meant for.
func hintForArgument(app *kong.Application, word string) string {
	if slices.Contains(Verbs(app.Node), word) {
		return ": the verb comes first, as in flakeops " + word
	}
	return ": a verb takes one flake, and nodes are chosen by --on, as in --on web,db"
}

// foreignFlags are flags that other tools have, with what does the same here.
func foreignFlags() map[string]string {
	host := "where a node's host is says deployment.targetHost of its configuration"
	sudo := "who logs in, and how that user becomes root, say deployment.targetUser and deployment.privilegeEscalationCommand"
	return map[string]string{
		"flake":       "the flake is an argument, as in flakeops deploy .#web",
		"dry-run":     "flakeops plan tells what a deployment would change, --dry-activate what activation would do",
		"target-host": host, "hostname": host,
		"build-host": "see --builders, and deployment.buildOnTarget",
		"sudo":       sudo, "use-remote-sudo": sudo, "use-substitutes": "see deployment.substituteOnTarget",
		"rollback": "flakeops rollback goes back to a system that the hosts had before",
		"upgrade":  "nix flake update updates the inputs",
	}
}
