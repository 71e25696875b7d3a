package flake

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"

	"flakeops/internal/nixname"
	"flakeops/internal/settings"
)

// System is what a node's configuration is built into.
type System struct {
	Drv      string // its derivation
	Out      string // its store path, built or not
	Platform string // of the host, such as x86_64-linux
}

// problems is what is wrong with a node's settings: texts that each name an option.
type problems []string

func (p problems) Error() string { return strings.Join(p, "\n") }

// problemsOf reads them, nil for none.
func problemsOf(m gjson.Result) error {
	if found := texts(m.Get("problems")); found != nil {
		return problems(found)
	}
	return nil
}

// texts reads a list of strings, nil for none.
func texts(v gjson.Result) []string {
	var list []string
	for _, text := range v.Array() {
		list = append(list, text.String())
	}
	return list
}

// readSettings reads the settings that lib.nix gives of a node, without those that
// are wrong. Its errors concern the node and do not name it.
func readSettings(m gjson.Result) (settings.Settings, error) {
	if !m.Get("settings").IsObject() {
		return settings.Settings{}, notJSON("nix eval", []byte(m.Raw))
	}
	s := settings.Read(m.Get("settings"))
	s.Addressed = m.Get("addressed").Bool()
	s.Kind = m.Get("kind").String()
	s.NoSwitch = m.Get("switch").Type == gjson.False
	if s.Platform = m.Get("platform").String(); s.Platform != "" && !platform.MatchString(s.Platform) {
		return s, fmt.Errorf("nixpkgs.hostPlatform has the platform %q, which is none", s.Platform)
	}
	return s, nil
}

// readSystem reads what lib.nix gives of a node's system.
func readSystem(m gjson.Result) (System, error) {
	s := System{Drv: m.Get("drv").String(), Out: m.Get("out").String(), Platform: m.Get("system").String()}
	switch {
	case !nixname.IsStorePath(s.Drv) || !strings.HasSuffix(s.Drv, ".drv"):
		return System{}, fmt.Errorf("its system's drvPath is %q, not a derivation in the store", s.Drv)
	case !nixname.IsStorePath(s.Out):
		return System{}, fmt.Errorf("its system's outPath is %q, not a store path "+
			"(outputs that are addressed by their content are not supported)", s.Out)
	case !platform.MatchString(s.Platform):
		return System{}, fmt.Errorf("its system's derivation has the platform %q, which is none", s.Platform)
	}
	return s, nil
}

// platform is what nix calls a system, such as x86_64-linux.
var platform = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$`)
