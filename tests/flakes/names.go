package flakes

import "testing"

// AwkwardNames are attribute names that nix allows and that a shell, an ssh
// command line, a path, a glob or a list could take for something else. Where
// one can run a command, it makes a file named `touched`.
func AwkwardNames() []string {
	return []string{
		"web.example.org",
		"two words",
		"it's",
		`say "hi"`,
		`back\slash`,
		"$(touch touched)",
		"`touch touched`",
		"; touch touched",
		"${touched}",
		"-oProxyCommand=touch touched",
		"--help",
		"../up",
		"a/b",
		"a#b",
		"a,b",
		"@tagged",
		"*",
		"new\nline",
		"grün-雪",
		"",
	}
}

// Names writes a fleet, as Fleet does, of a node for each of AwkwardNames, and
// one named "option-host" whose target host is an option to ssh.
func Names(t testing.TB) string {
	t.Helper()
	nodes := map[string]Node{
		"option-host": {Deployment: map[string]any{"targetHost": "-oProxyCommand=touch touched"}},
	}
	for _, name := range AwkwardNames() {
		nodes[name] = Node{Deployment: map[string]any{}}
	}
	return Fleet(t, nodes)
}
