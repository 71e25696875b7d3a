package cli

import "flakeops/internal/ui"

// grammar is the whole command line. Each verb's struct is in the file of its
// name, with its help and what it does.
type grammar struct {
	Deploy      deployCmd      `cmd:"" default:"withargs" help:"Evaluate, build, push and activate (the default)."`
	Build       buildCmd       `cmd:"" help:"Build the selected nodes and print their store paths."`
	Push        pushCmd        `cmd:"" help:"Build, and copy to the hosts without activating."`
	Plan        planCmd        `cmd:"" help:"Tell what a deployment would change, and change nothing."`
	SendKeys    sendKeysCmd    `cmd:"" help:"Send the nodes' keys to their hosts."`
	Keys        keysCmd        `cmd:"" help:"Look after keys."`
	Reboot      rebootCmd      `cmd:"" help:"Reboot hosts, and see that they come back."`
	Exec        execCmd        `cmd:"" help:"Run a command on hosts; ssh-for-each is the same."`
	SSH         sshCmd         `cmd:"" name:"ssh" help:"Log in to a host with your own ssh."`
	SCP         scpCmd         `cmd:"" name:"scp" help:"Copy files to hosts, or from them."`
	Rollback    rollbackCmd    `cmd:"" help:"Go back to a system that the hosts had before."`
	Lock        lockCmd        `cmd:"" help:"List what flake.lock pins, and what of it the hosts run."`
	Info        infoCmd        `cmd:"" help:"Tell how the hosts stand to their nodes."`
	Check       checkCmd       `cmd:"" help:"Tell whether the hosts are well."`
	History     historyCmd     `cmd:"" help:"List the deployments that the hosts have on record."`
	Generations generationsCmd `cmd:"" name:"list-generations" help:"List the generations of the hosts' systems."`
	GC          gcCmd          `cmd:"" name:"gc" help:"Delete old generations and collect garbage on the hosts."`
	Validate    validateCmd    `cmd:"" help:"Check the nodes' settings, without building anything."`
	List        listCmd        `cmd:"" help:"List the nodes and their settings."`
	Version     versionCmd     `cmd:"" help:"Say which flakeops this is."`
	HelpVerb    helpCmd        `cmd:"" name:"help" help:"Show the help of a verb."`

	Man        manCmd        `cmd:"" hidden:"" help:"Print the manual page."`
	Completion completionCmd `cmd:"" hidden:"" help:"Print what makes a shell complete arguments."`
	Complete   completeCmd   `cmd:"" hidden:"" passthrough:"" help:"What a shell runs to complete arguments."`

	Help        helpFlag    `short:"h" help:"Show this help."`
	VersionFlag versionFlag `name:"version" help:"Say which flakeops this is."`
	Verbose     int         `short:"v" type:"counter" help:"Write diagnostics to stderr; twice for more."`
	LogFormat   string      `enum:"console,json" default:"console" help:"Format of diagnostics: console or json."`
}

// selection says of which flake and for which nodes a verb is.
type selection struct {
	Flake   string   `arg:"" optional:"" name:"flake[#node]" env:"FLAKEOPS_FLAKE" help:"Flake reference, and optionally one node of it; by default that of the app that runs this program, or of the current directory"`
	On      []string `aliases:"include,node" sep:"none" placeholder:"LIST" help:"Only these nodes: names, globs and @tags, separated by commas."`
	Exclude []string `sep:"none" placeholder:"LIST" help:"Not these nodes, in the same form."`
}

// nixFlags are passed on to nix, to every call that they concern.
type nixFlags struct {
	Option        pairs   `group:"nix" placeholder:"NAME VALUE" help:"Set a nix setting."`
	OverrideInput pairs   `group:"nix" placeholder:"INPUT FLAKE" help:"Use another flake for an input."`
	Impure        bool    `group:"nix" help:"Allow evaluation to see the machine it runs on."`
	ShowTrace     bool    `group:"nix" help:"Show where an evaluation error comes from."`
	Refresh       bool    `group:"nix" help:"Look whether what was downloaded before is still current."`
	Offline       bool    `group:"nix" help:"Do not use the network to evaluate and build."`
	Builders      *string `group:"nix" placeholder:"LIST" help:"Remote builders, as nix takes them."`
	MaxJobs       *string `group:"nix" short:"j" placeholder:"N" help:"Builds to run at once, or auto."`
	Cores         *int    `group:"nix" placeholder:"N" help:"Cores that one build may use; 0 is all."`
}

// answer is for verbs that answer on stdout.
type answer struct {
	JSON bool `name:"json" help:"Answer with one JSON document."`
}

// events is for verbs that can tell what happens while it does.
type events struct {
	JSON      bool `name:"json" xor:"answer" help:"Answer with one JSON document."`
	JSONLines bool `name:"json-lines" xor:"answer" help:"Answer with what happens, as it does: one JSON document a line."`
}

func (a answer) form() ui.Form { return events{JSON: a.JSON}.form() }

func (e events) form() ui.Form {
	switch {
	case e.JSONLines:
		return ui.Lines
	case e.JSON:
		return ui.JSON
	}
	return ui.Text
}

// pace says how many nodes at once, and what a failure means for the others.
type pace struct {
	Parallel  int  `short:"p" default:"10" placeholder:"N" help:"Hosts to copy to, and to activate, at once (default 10)."`
	KeepGoing bool `short:"k" help:"Leave out nodes that fail and go on with the others."`
}

// reach is what to do about hosts that are not there.
type reach struct {
	SkipUnreachable bool   `help:"Leave out hosts that cannot be reached, and do not count that as a failure."`
	From            string `enum:",nixos" default:"" placeholder:"nixos" help:"Go by nixosConfigurations alone, although the flake tells another tool where hosts are."`
}

// goals are the ways to activate.
type goals struct {
	Test        bool `xor:"goal" help:"Activate, but do not make it the default at boot."`
	Boot        bool `xor:"goal" help:"Make it the default at boot, but do not activate."`
	DryActivate bool `xor:"goal" help:"Say what activation would do, and change nothing."`
	Reboot      bool `xor:"goal" help:"Make it the default at boot, then reboot the hosts one after the other, as the verb reboot does."`
}

// noKeys leaves the nodes' keys alone.
type noKeys struct {
	NoKeys bool `help:"Neither read nor send keys."`
}

// overrides take the place of every node's own settings.
type overrides struct {
	MagicRollback     *bool `negatable:"" group:"override" help:"Go back unless the deployer can still get in."`
	AutoRollback      *bool `negatable:"" group:"override" help:"Go back when activation fails."`
	ConfirmTimeout    *int  `group:"override" placeholder:"SECONDS" help:"Time for the deployer to get in again."`
	ActivationTimeout *int  `group:"override" placeholder:"SECONDS" help:"Time for the activation itself."`
}
