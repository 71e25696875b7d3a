package inspect

import (
	"net/url"
	"strings"

	"flakeops/activate/wire"
)

// State is how a host stands to its node.
type State string

// The states. Where several are true the first of these is told.
const (
	Unconfirmed State = "Unconfirmed"  // a deployment is under way, was cut short, or left what runs unconfirmed
	UpToDate    State = "Up to date"   // running system and profile are the node's
	Foreign     State = "Foreign"      // what runs is another, not deployed by this tool from this flake
	NeedsReboot State = "Needs reboot" // the profile is the node's: a reboot does the rest
	Outdated    State = "Outdated"
	Unknown     State = "" // the node was not evaluated, and nothing of the above is true
)

// State compares what is on the host with the node's evaluated system, which is ""
// where it is not evaluated. The flake's URL tells deployments from another flake.
func (s Status) State(system, flake string) State {
	wanted := system != "" && s.Running == system
	forBoot := system != "" && s.Profile == system
	switch {
	case s.UnderWay() != "", s.Left != "" && s.Left == s.Running:
		return Unconfirmed
	case wanted && forBoot && len(s.Reboot) == 0:
		return UpToDate
	case !wanted && (s.By == nil || !mayBeSame(s.By.Flake.URL, flake)) && !(forBoot && s.bootSet(system)):
		return Foreign
	case forBoot, system == "" && (len(s.Reboot) > 0 || s.Running != s.Profile && s.bootSet(s.Profile)):
		return NeedsReboot
	case system == "":
		return Unknown
	}
	return Outdated
}

// bootSet says whether the last deployment left a system for the next boot.
func (s Status) bootSet(system string) bool {
	return s.Last != nil && s.Last.Outcome == wire.BootSet && s.Last.New == system
}

// mayBeSame says whether two URLs can be of one flake: a checkout may be of any.
func mayBeSame(a, b string) bool {
	a, b = origin(a), origin(b)
	return a == "" || b == "" || a == b
}

// origin is the repository that a flake's URL names, whichever way and revision it
// goes by; "" for what is local, or names none.
func origin(flake string) string {
	u, err := url.Parse(flake)
	if err != nil {
		return ""
	}
	path, host := u.Path, strings.ToLower(u.Hostname())
	hosts := map[string]string{"github": "github.com", "gitlab": "gitlab.com", "sourcehut": "git.sr.ht"}
	switch kind, transport, _ := strings.Cut(u.Scheme, "+"); {
	case hosts[kind] != "":
		host = hosts[kind]
		if h := u.Query().Get("host"); h != "" {
			host = strings.ToLower(h)
		}
		words := strings.SplitN(u.Opaque, "/", 3)
		if len(words) < 2 {
			return ""
		}
		if path, err = url.PathUnescape(words[0] + "/" + words[1]); err != nil {
			return ""
		}
	case kind != "git" && kind != "hg", transport == "file", host == "":
		return ""
	}
	return host + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
