package remote

// Target is a host to connect to. Everything in it is data from a flake.
type Target struct {
	Node       string   // name of the node, for messages
	Host       string   // address, or a Host of ssh_config
	Alternates []string // tried in order after Host
	Port       int      // 0: what ssh_config says
	User       string   // empty: what ssh_config says
	Options    []string // as `ssh -o` takes them
	Elevate    []string // argv that makes a command run as root, such as sudo -H --
}
