package usage

// elsewhere are verbs that other tools have, with what does the same here.
func elsewhere() map[string]string {
	const (
		deploy  = "`flakeops deploy`, or `flakeops` alone, activates and makes it the default at boot"
		plan    = "`flakeops plan` tells what a deployment would change"
		info    = "`flakeops info` tells how the hosts stand to their nodes"
		list    = "`flakeops list` shows the nodes and their settings"
		keys    = "`flakeops send-keys` brings the keys to the hosts"
		back    = "`flakeops rollback` goes back to a system that the hosts had before"
		garbage = "`flakeops gc` deletes old generations and collects garbage"
		create  = "it makes and removes no machines; `nix flake new -t FLAKEOPS#default DIRECTORY` writes a first flake"
		past    = "`flakeops list-generations` lists the generations of the hosts' systems"
	)
	return map[string]string{
		"switch": deploy, "apply": deploy, "activate": deploy, "up": deploy, "upgrade": deploy,
		"apply-local":  "on the machine itself run `nixos-rebuild switch`, or deploy to it over SSH as to any other",
		"test":         "`flakeops deploy --test` activates without making it the default at boot",
		"boot":         "`flakeops deploy --boot` makes it the default at boot without activating",
		"dry-activate": "`flakeops deploy --dry-activate` says what activation would do",
		"dry-run":      plan, "dry-build": plan, "diff": plan, "status": info,
		"build-vm": "run `nixos-rebuild build-vm --flake FLAKE#NODE`",
		"copy":     "`flakeops push` builds and copies to the hosts",
		"nodes":    list, "show": list,
		"upload-keys": keys, "upload-secrets": keys, "secrets": keys,
		"restart": "`flakeops reboot` reboots hosts and sees that they come back",
		"revert":  back, "undo": back, "generations": past, "log": past,
		"run": "`flakeops exec -- COMMAND` runs a command on the hosts", "rsync": "`flakeops scp` copies files to hosts, or from them",
		"collect-garbage": garbage, "delete-generations": garbage,
		"update": "`nix flake update` updates the inputs",
		"eval":   "`nix eval` evaluates", "repl": "`nix repl` opens a flake",
		"init": create, "create": create, "new": create, "destroy": create, "delete": create,
		"start": create, "stop": create, "modify": create,
	}
}
