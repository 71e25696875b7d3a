package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/alecthomas/kong"

	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"
)

// errAnswered ends parsing after a flag that is a question of its own.
var errAnswered = errors.New("answered")

// helpFlag prints the help of what was named before it.
type helpFlag bool

// IgnoreDefault keeps kong from taking the flag's zero value for an answer.
func (helpFlag) IgnoreDefault() {}

// BeforeReset runs before anything else that was given is looked at.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errAnswered
}

// helpCmd is --help, for those who expect a verb.
type helpCmd struct {
	Words []string `arg:"" optional:"" name:"verb" help:"The verb, such as plan or keys list; none for all of them"`
}

// Help is the verb's detailed help.
func (helpCmd) Help() string { return "Prints what the verb's flag --help prints." }

// Run prints the help of the verb, or of the program.
func (c helpCmd) Run(app *kong.Kong) error {
	node := app.Model.Node
	for _, word := range c.Words {
		i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word })
		if i < 0 {
			return usage.Misnamed(word, usage.Verbs(node))
		}
		node = node.Children[i]
	}
	if _, err := app.Parse(append(c.Words, "--help")); !errors.Is(err, errAnswered) {
		return err
	}
	return nil
}

// printHelp is kong's help with the exit codes after it.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if ctx.Selected() == nil {
		fmt.Fprintf(ctx.Stdout, "\nRun \"%s VERB --help\" for more on a verb; deploy's flags need no verb.\n", ctx.Model.Name)
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\n%s", exit.Help())
	return err
}
