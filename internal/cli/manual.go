package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/manual"
)

type manCmd struct{}

// Run prints the manual page.
func (manCmd) Run(app *kong.Kong, s *session) error {
	_, err := io.WriteString(s.stdout, manualOf(app.Model))
	return err
}

func manualOf(app *kong.Application) string {
	var exits strings.Builder
	for _, e := range exit.Table() {
		fmt.Fprintf(&exits, "* %d: %s\n", e.Code, e.Text)
	}
	return manual.Page(app, aboutThis().Flakeops, exits.String()+"Of several nodes' codes the one furthest down this list wins.")
}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Run prints the script by which a shell completes this program's arguments.
func (c completionCmd) Run(s *session) error {
	_, err := io.WriteString(s.stdout, manual.Script(c.Shell))
	return err
}

// completeCmd is what the scripts run. The line is in COMP_LINE; bash adds words
// of it, which are not needed.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints what the line's last word may become.
func (completeCmd) Run(app *kong.Kong, s *session) error {
	return manual.Complete(app, "deploy", s.stdout)
}
