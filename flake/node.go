package flake

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"flakeops/internal/settings"
)

// System is what a node's configuration is built into.
type System struct {
	Drv      string // its derivation
	Out      string // its store path, built or not
	Platform string // of the host, such as x86_64-linux
}

// parseSettings reads what lib.nix's settings function gives, and node with it.
// Its errors concern the node and do not name it.
func parseSettings(name string, m gjson.Result) (settings.Settings, error) {
	d, err := parseDeployment(name, m.Get("deployment"))
	if err != nil {
		return d, err
	}
	d.Addressed = m.Get("deployment.targetHost").Exists()
	d.Kind = m.Get("kind").String()
	d.NoSwitch = m.Get("switch").Type == gjson.False
	if d.Platform = m.Get("platform").String(); d.Platform != "" && !platform.MatchString(d.Platform) {
		return d, fmt.Errorf("nixpkgs.hostPlatform has the platform %q, which is none", d.Platform)
	}
	return d, nil
}

// parseSystem reads what lib.nix's node function gives of the system.
func parseSystem(m gjson.Result) (System, error) {
	s := System{Drv: m.Get("drv").String(), Out: m.Get("out").String(), Platform: m.Get("system").String()}
	switch {
	case !storePath(s.Drv) || !strings.HasSuffix(s.Drv, ".drv"):
		return System{}, fmt.Errorf("its system's drvPath is %q, not a derivation in the store", s.Drv)
	case !storePath(s.Out):
		return System{}, fmt.Errorf("its system's outPath is %q, not a store path "+
			"(outputs that are addressed by their content are not supported)", s.Out)
	case !platform.MatchString(s.Platform):
		return System{}, fmt.Errorf("its system's derivation has the platform %q, which is none", s.Platform)
	}
	return s, nil
}

// platform is what nix calls a system, such as x86_64-linux.
var platform = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$`)

// object is the name of an object in the store, in its longest form.
var object = regexp.MustCompile(`^[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9a-zA-Z+._?=-]{1,211}$`)

// storePath says whether s has the form of a store object's path. The store's
// directory may be another than /nix/store.
func storePath(s string) bool {
	return path.IsAbs(s) && path.Clean(s) == s && object.MatchString(path.Base(s)) && !strings.ContainsFunc(path.Dir(s), unicode.IsControl)
}

// parseDeployment reads a node's settings; what is not set keeps its default.
func parseDeployment(node string, set gjson.Result) (settings.Settings, error) {
	d := defaults(node)
	if !set.Exists() || set.Type == gjson.Null {
		return d, nil
	}
	if !set.IsObject() {
		return d, fmt.Errorf("config.deployment is %s, not a set of options", spokenType(set))
	}
	values := set.Map()
	for _, o := range options() {
		v, ok := values[o.name]
		if !ok {
			continue
		}
		if err := o.read(&d, v); err != nil {
			return d, fmt.Errorf("deployment.%s %w", o.name, err)
		}
	}
	var err error
	if d.Keys, err = parseKeys(values["keys"]); err != nil {
		return d, err
	}
	if d.TargetUser != "root" && len(d.PrivilegeEscalationCommand) == 0 {
		return d, errors.New(`deployment.privilegeEscalationCommand is empty, but targetUser is not root: set it, for example to [ "sudo" "-H" "--" ]`)
	}
	return d, nil
}
