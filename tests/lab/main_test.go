package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

func TestGrammar(t *testing.T) {
	for _, args := range [][]string{
		{"setup"}, {"setup", "--suites=sid,trixie"},
		{"up"}, {"up", "--hosts", "2", "--suites", "sid", "--disk-size", "1000000", "--lab", "two"},
		{"down"}, {"down", "--all"}, {"status"}, {"--lab", "two", "status"}, {"ssh", "ops@web"}, {"ssh", "web", "ls", "-l", "--all"},
		{"cut", "web"}, {"heal", "web"}, {"power-cut", "web"}, {"reboot", "web"},
	} {
		var g grammar
		parser, err := kong.New(&g)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if args[0] == "ssh" && len(args) > 2 && len(g.SSH.Command) != 3 {
			t.Errorf("%q: the command is %q", args, g.SSH.Command)
		}
		if args[0] == "up" && len(args) > 1 && (g.Up.Hosts != 2 || g.Up.DiskSize != 1000000 || g.Lab != "two") {
			t.Errorf("%q: parsed as %+v", args, g.Up)
		}
	}
}
