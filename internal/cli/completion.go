package cli

import (
	"io"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"
)

// The scripts ask the program what may come next, and have the shell offer
// files where it knows nothing. The program is told the line as by bash.
const (
	bashCompletion = `complete -o default -C 'flakeops complete' flakeops
`
	zshCompletion = `#compdef flakeops
_flakeops() {
  local -a found
  found=(${(f)"$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" flakeops complete)"})
  if (( $#found )); then
    compadd -a found
  else
    _files
  fi
}
if [ "$funcstack[1]" = _flakeops ]; then
  _flakeops
else
  compdef _flakeops flakeops
fi
`
	fishCompletion = `function __flakeops_complete
    set -lx COMP_LINE (commandline -cp)
    flakeops complete
end
complete -c flakeops -a '(__flakeops_complete)'
`
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Run prints the script by which a shell completes this program's arguments.
func (c completionCmd) Run(s *session) error {
	script := bashCompletion
	switch c.Shell {
	case "zsh":
		script = zshCompletion
	case "fish":
		script = fishCompletion
	}
	_, err := io.WriteString(s.stdout, script)
	return err
}

// completeCmd is what the scripts run. The line is in COMP_LINE; bash adds words
// of it, which are not needed.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// Run prints what the line's last word may become, one possibility a line.
func (completeCmd) Run(app *kong.Kong, s *session) error {
	root, err := kongcompletion.Command(app)
	if err != nil {
		return err
	}
	for _, verb := range app.Model.Children {
		addNegated(root.Sub[verb.Name], verb.Flags)
	}
	// What deploy takes needs no verb.
	root.Flags, root.Args = root.Sub["deploy"].GlobalFlags, root.Sub["deploy"].Args
	c := complete.New(app.Model.Name, root)
	c.Out = s.stdout
	c.Complete()
	return nil
}

// addNegated adds the --no- forms of flags that have one.
func addNegated(c complete.Command, flags []*kong.Flag) {
	for _, f := range flags {
		if f.Tag.Negatable != "" {
			c.GlobalFlags["--no-"+f.Name] = complete.PredictNothing
		}
	}
}
