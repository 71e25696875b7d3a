package flake

import (
	"fmt"
	"regexp"

	"flakeops/internal/settings"
)

// Local is something of a node's settings that runs on the operator's machine.
type Local struct {
	Option  string   // such as deployment.keys.NAME.keyCommand
	Command []string // argv; for deployment.sshOptions one option as ssh -o takes it
}

// locals finds it.
func locals(s settings.Settings) []Local {
	var found []Local
	for _, k := range s.Keys {
		if k.Command != nil {
			found = append(found, Local{fmt.Sprintf("deployment.keys.%s.keyCommand", quoted(k.Attr)), k.Command})
		}
	}
	for _, o := range s.SSHOptions {
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
