package cli

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
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

// printHelp is kong's help with the exit codes after it.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if ctx.Selected() == nil {
		fmt.Fprintf(ctx.Stdout, "\nRun \"%s VERB --help\" for more on a verb; deploy's flags need no verb.\n", ctx.Model.Name)
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\n%s", exitHelp())
	return err
}
