package inspect

import (
	"encoding/json"
	"regexp"
)

// Version is what a system says of itself.
type Version struct {
	NixOS         string // its label, such as 25.11.20260101.abcdef1
	Configuration string // revision of its flake, where system.configurationRevision is set
	Nixpkgs       string // revision it was made with, short where only the label tells; "" for unknown
}

// take reads a line of the script's version.
func (v *Version) take(name, value string) {
	switch name {
	case "label":
		v.NixOS = value
		if m := labelled.FindStringSubmatch(value); m != nil && v.Nixpkgs == "" {
			v.Nixpkgs = m[1]
		}
	case "says": // nothing in systems of before 20.03
		var says struct{ ConfigurationRevision, NixpkgsRevision string }
		if json.Unmarshal([]byte(value), &says) != nil {
			return
		}
		v.Configuration = says.ConfigurationRevision
		if revision.MatchString(says.NixpkgsRevision) {
			v.Nixpkgs = says.NixpkgsRevision
		}
	}
}

var (
	// labelled is a label's revision of nixpkgs, as in 25.11.20260101.abcdef1 and 25.11pre12.abcdef1.
	labelled = regexp.MustCompile(`^\d\d\.\d\d(?:\.|pre)\d+\.([0-9a-f]{7,40})$`)
	revision = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
)
