// Package manual tells of the grammar to those who are not at the command line: as a
// manual page, and to shells that complete what is typed.
package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/mango"
	"github.com/muesli/roff"
)

// Page is the manual page of the visible verbs, in roff; exits tells of exit codes, in
// roff's source of the library: a list. The same program always has the same page: a
// package built again is to be what it was.
func Page(app *kong.Application, version, exits string) string {
	page := mangokong.NewManPage(1, app).
		WithLongDescription("Without a verb it is deploy, whose flags need no verb. " +
			"A flag that takes a value takes it after a blank or after =.\n\n" + arguments(app))
	oneText(page.Root.Commands)
	page.WithSection("Exit status", exits)

	// The library's first line dates the page with the moment it is written.
	_, body, _ := strings.Cut(page.Build(literal{roff.NewDocument()}), "\n")
	head := fmt.Sprintf(".TH %s 1 \"\" \"%s %s\"\n", strings.ToUpper(app.Name), app.Name, version)
	// A bare - may be shown as a hyphen, which no shell takes for one.
	return head + strings.ReplaceAll(body, "-", `\-`) + "\n"
}

// arguments tells what the library leaves out: the arguments of verbs, which are
// the same for all, and the negated forms of flags.
func arguments(app *kong.Application) string {
	var lines []string
	told := map[string]bool{}
	tell := func(format string, args ...any) {
		if line := fmt.Sprintf(format, args...); !told[line] {
			lines, told[line] = append(lines, line), true
		}
	}
	for _, verb := range app.Leaves(true) {
		for _, arg := range verb.Positional {
			where := ""
			if len(arg.Tag.Envs) > 0 {
				where = " (environment: " + strings.Join(arg.Tag.Envs, ", ") + ")"
			}
			tell("%s: %s%s.", arg.Name, arg.Help, where)
		}
		for _, f := range verb.Flags {
			if f.Tag.Negatable != "" {
				tell("--no-%s is the opposite of --%s.", f.Name, f.Name)
			}
		}
	}
	return strings.Join(lines, "\n\n")
}

// oneText puts what a verb says in detail behind its help; the library has it
// where the verb is named.
func oneText(verbs map[string]*mango.Command) {
	for _, v := range verbs {
		v.Short, v.Usage = strings.TrimSpace(v.Short+"\n"+v.Usage), ""
		oneText(v.Commands)
	}
}

// literal is a document whose texts the library does not take for formats.
type literal struct{ *roff.Document }

// Text writes text as it is.
func (l literal) Text(text string) { l.Document.Text(strings.ReplaceAll(text, "%", "%%")) }
