package flake

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// Node is an evaluated attribute of nixosConfigurations.
type Node struct {
	Name       string
	System     string // platform such as x86_64-linux
	DrvPath    string
	OutPath    string // the system's store path, built or not
	Deployment Deployment
	Addressed  bool   // something sets its targetHost, rather than its name being that
	Kind       string // what it is instead of a machine: "a container", "an ISO image"; mostly ""
	NoSwitch   bool   // it cannot be activated: system.switch.enable is false
}

// parseNode reads what lib.nix's node function gives. Its errors concern the
// node and do not name it.
func parseNode(name string, data []byte) (Node, error) {
	m, err := parseObject("nix eval", data)
	if err != nil {
		return Node{}, err
	}
	n := Node{
		Name:    name,
		System:  m.Get("system").String(),
		DrvPath: m.Get("drv").String(),
		OutPath: m.Get("out").String(),

		Addressed: m.Get("deployment.targetHost").Exists(),
		Kind:      m.Get("kind").String(),
		NoSwitch:  m.Get("switch").Type == gjson.False,
	}
	switch {
	case !storePath(n.DrvPath) || !strings.HasSuffix(n.DrvPath, ".drv"):
		return Node{}, fmt.Errorf("its system's drvPath is %q, not a derivation in the store", n.DrvPath)
	case !storePath(n.OutPath):
		return Node{}, fmt.Errorf("its system's outPath is %q, not a store path "+
			"(outputs that are addressed by their content are not supported)", n.OutPath)
	case !platform.MatchString(n.System):
		return Node{}, fmt.Errorf("its system's derivation has the platform %q, which is none", n.System)
	}
	n.Deployment, err = parseDeployment(name, m.Get("deployment"))
	return n, err
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
func parseDeployment(node string, set gjson.Result) (Deployment, error) {
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
