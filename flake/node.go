package flake

// Node is an evaluated attribute of nixosConfigurations.
type Node struct {
	Name       string
	System     string // platform such as x86_64-linux
	DrvPath    string
	OutPath    string // the system's store path, built or not
	Deployment Deployment
}

// Deployment is a node's config.deployment, checked and with defaults filled in.
type Deployment struct {
	TargetHost                 *string // nil: never deployed
	AlternateHosts             []string
	TargetPort                 *int     // nil: what ssh_config says
	TargetUser                 string   // "": what ssh_config says
	SSHOptions                 []string // as ssh -o takes them
	PrivilegeEscalationCommand []string // argv prefix, used when TargetUser is not root
	Tags                       []string
	BuildOnTarget              bool
	SubstituteOnTarget         bool
	MagicRollback              bool
	AutoRollback               bool
	ConfirmTimeout             int // seconds
	ActivationTimeout          int // seconds
}
