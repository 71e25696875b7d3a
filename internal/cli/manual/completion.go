package manual

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

// Script is what has the shell ask the program: bash, zsh or fish.
func Script(shell string) string {
	return map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[shell]
}

// Complete writes what the last word of the line in COMP_LINE may become, one
// possibility a line. What the verb named instead takes needs no verb.
func Complete(app *kong.Kong, instead string, to io.Writer) error {
	root, err := kongcompletion.Command(app)
	if err != nil {
		return err
	}
	for _, verb := range app.Model.Children {
		addNegated(root.Sub[verb.Name], verb.Flags)
	}
	root.Flags, root.Args = root.Sub[instead].GlobalFlags, root.Sub[instead].Args
	c := complete.New(app.Model.Name, root)
	c.Out = to
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
