package flake

import (
	"fmt"
	"regexp"

	"github.com/tidwall/gjson"
)

// Local is something of a node's settings that runs on the operator's machine.
type Local struct {
	Option  string   // such as deployment.keys.NAME.keyCommand
	Command []string // argv; for deployment.sshOptions one option as ssh -o takes it
}

// locals reads what checks.nix gives of a node.
func locals(m gjson.Result) []Local {
	var found []Local
	for _, k := range m.Get("keyCommands").Array() {
		var argv []string
		for _, word := range k.Get("command").Array() {
			argv = append(argv, word.String())
		}
		found = append(found, Local{fmt.Sprintf("deployment.keys.%s.keyCommand", quoted(k.Get("attr").String())), argv})
	}
	var options []string
	if readSSHOptions(&options, m.Get("sshOptions")) != nil {
		return found // told as a problem
	}
	for _, o := range options {
		if running.MatchString(o) && !none.MatchString(o) {
			found = append(found, Local{"deployment.sshOptions", []string{o}})
		}
	}
	return found
}

// running recognises an option by which ssh runs a program, loads a library, or
// reads further options that may.
var running = regexp.MustCompile(`(?i)^[\s"]*(?:ProxyCommand|LocalCommand|KnownHostsCommand|PKCS11Provider|SecurityKeyProvider|XAuthLocation|Match|Include)["\s=]`)

// none is such an option that is switched off.
var none = regexp.MustCompile(`(?i)^[^=\s]+[\s=]+"?none"?\s*$`)
