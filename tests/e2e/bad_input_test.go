package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// What an operator can get wrong: the flake, its lock, the selection, the
// settings, the command line. Nothing is written and no host is reached.

func TestNoFlakeHere(t *testing.T) {
	f := newFleet(t, nil)
	empty := t.TempDir()
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("no flake\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, ref := range map[string]string{
		"an empty directory": empty, "as a path": "path:" + empty, "nothing": empty + "/missing",
		"a missing path": "path:" + empty + "/missing", "a file": file, "one node of it": empty + "#web",
	} {
		t.Run(name, func(t *testing.T) {
			same := keeps(t, empty)
			at := f.at(t)
			at.run("deploy", ref).exits(2).says("no flake found at ", "flake.nix", "name a directory").keepsQuiet("NODE")
			same()
		})
	}
	t.Run("where the operator is", func(t *testing.T) {
		same := keeps(t, f.home)
		f.at(t).run("build").exits(2).says("no flake found at .", "name a directory")
		same()
	})
}

func TestNoNixosConfigurations(t *testing.T) {
	f := newFleet(t, nil)
	for name, c := range map[string]struct{ outputs, says string }{
		"none":            {`{ packages = { }; }`, "has no nixosConfigurations"},
		"empty":           {`{ nixosConfigurations = { }; }`, "has an empty nixosConfigurations"},
		"not a set":       {`{ nixosConfigurations = 42; }`, "a set was expected"},
		"an error":        {`{ nixosConfigurations = throw "who wrote this"; }`, "who wrote this"},
		"a syntax error":  {`{ nixosConfigurations = ; }`, "syntax error"},
		"not a node":      {`{ nixosConfigurations.web = 42; }`, "web"},
		"an empty node":   {`{ nixosConfigurations.web = { }; }`, "config.system.build.toplevel is not defined"},
		"another's value": {`{ nixosConfigurations.web.config.system.build.toplevel = "text"; }`, "web"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "flake.nix"), []byte("{ outputs = { self }: "+c.outputs+"; }"), 0o644); err != nil {
				t.Fatal(err)
			}
			same := keeps(t, dir)
			f.at(t).run("deploy", "path:"+dir).exits(2).says(c.says)
			same()
		})
	}
	t.Run("next step", func(t *testing.T) {
		f.at(t).deploy().exits(2).says("path:"+f.dir, "define a host", "nixpkgs.lib.nixosSystem")
	})
}

// What nix warns of is shown, and is no failure.
func TestWarningsAreShown(t *testing.T) {
	f := newFleet(t, nil)
	dir := t.TempDir()
	node := `builtins.trace "warning: an option is old" { config = builtins.trace "warning: a setting is old" {
		deployment.tags = [ ]; system.build.toplevel = derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo >$out" ]; };
	}; }`
	if err := os.WriteFile(filepath.Join(dir, "flake.nix"), []byte("{ outputs = { self }: { nixosConfigurations.web = "+node+"; }; }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"list", "build", "validate"} {
		f.at(t).run(verb, "path:"+dir, "--override-input", "nixpgks", "path:"+dir).exits(0).
			says("nix | warning: ", "nixpgks", "web | trace: warning: an option is old", "web | trace: warning: a setting is old")
	}
}

// A node that is broken so much that its tags are unknown is not left out
// without a word, nor with exit code 0.
func TestTagsThatCannotBeEvaluated(t *testing.T) {
	f := newFleet(t, nil)
	dir := t.TempDir()
	text := `{ outputs = { self }: { nixosConfigurations = { broken = throw "no luck"; web.config = {
		deployment.tags = [ "front" ];
		system.build.toplevel = derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo >$out" ]; };
	}; }; }; }`
	if err := os.WriteFile(filepath.Join(dir, "flake.nix"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	says := []string{"broken", "no luck", "exclude it by its name"}
	prints := func(r *result, text string, want bool) {
		t.Helper()
		if strings.Contains(r.stdout, text) != want {
			t.Errorf("stdout %q, %q expected: %v", r.stdout, text, want)
		}
	}
	on := []string{"path:" + dir, "--on", "@front"}
	prints(f.run(append([]string{"build"}, on...)...).exits(2).says(says...), "-x", false)
	prints(f.run(append([]string{"build", "--keep-going"}, on...)...).exits(2).says(says...), "-x", true)
	prints(f.run(append([]string{"list"}, on...)...).exits(2).says(says...), "web", true)
	prints(f.run(append([]string{"validate"}, on...)...).exits(2).says(says[2]), "broken: evaluation failed: no luck\n", true)
	prints(f.run(append([]string{"list", "--json"}, on...)...).exits(2), `"node": "broken"`, true)
	f.run(append([]string{"build", "--exclude", "broken"}, on...)...).exits(0).keepsQuiet("no luck")
}

func TestMissingOrStaleLock(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	nodes := map[string]flakes.Node{"web": {Deployment: d.settings()}}
	for name, lock := range map[string]flakes.Lock{"missing": flakes.Unlocked, "stale": flakes.Stale} {
		for _, kind := range []string{"path", "git"} {
			t.Run(name+" in a "+kind, func(t *testing.T) {
				dir, _ := flakes.WithInput(t, nodes, lock)
				ref := "path:" + dir
				if kind == "git" {
					flakes.Commit(t, dir)
					ref = dir
				}
				same := keeps(t, dir)
				for _, verb := range []string{"deploy", "build", "list", "push"} {
					f.at(t).run(verb, ref).exits(2).says(ref, "flake.lock", "`nix flake lock "+ref+"`")
				}
				same()
			})
		}
	}
	d.isUntouched()
}

func TestSelectorThatMatchesNothing(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	for _, name := range []string{"web-1", "web-2", "db"} {
		settings := d.settings()
		settings["tags"] = []string{"all", "only-" + name}
		f.nodes[name] = flakes.Node{Deployment: settings}
	}
	f.write()
	same := keeps(t, f.dir)
	ref := "path:" + f.dir
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown node":      {[]string{ref + "#wbe-1"}, []string{"no node matches wbe-1", "did you mean web-1?", "the nodes are db, web-1, web-2"}},
		"a glob as a node":     {[]string{ref + "#web-*"}, []string{"no node matches", "web-*"}},
		"an unknown name":      {[]string{ref, "--on", "db,mail"}, []string{"no node matches mail", "the nodes are"}},
		"a glob":               {[]string{ref, "--on", "mail-*"}, []string{"no node matches", "mail-*", "the nodes are"}},
		"a tag":                {[]string{ref, "--on", "@alle"}, []string{"no node has the tag alle", "did you mean all?"}},
		"an open bracket":      {[]string{ref, "--on", "web-[12"}, []string{"web-[12", "close the bracket"}},
		"include":              {[]string{ref, "--include", "mail"}, []string{"no node matches mail"}},
		"an excluded name":     {[]string{ref, "--exclude", "mail"}, []string{"no node matches mail"}},
		"an excluded glob":     {[]string{ref, "--exclude", "web-*,mail*"}, []string{"mail*"}},
		"an excluded tag":      {[]string{ref, "--exclude", "@none"}, []string{"no node has the tag none", "the tags are"}},
		"nothing is left":      {[]string{ref, "--on", "web-1", "--exclude", "@all"}, []string{"no node is left"}},
		"a node and selectors": {[]string{ref + "#web-1", "--on", "db"}, []string{"web-1", "use one of the two"}},
		"no node after the #":  {[]string{ref + "#"}, []string{"no node after #", "name one"}},
		"in JSON":              {[]string{ref, "--on", "mail", "--json"}, []string{"no node matches mail", `"exitCode": 1`}},
	} {
		t.Run(name, func(t *testing.T) {
			f.at(t).run(append([]string{"deploy"}, c.args...)...).exits(1).says(c.says...)
		})
	}
	same()
	d.isUntouched()
}

func TestBadSettings(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	for name, c := range map[string]struct {
		option string
		value  any
		says   string
	}{
		"port too high":        {"targetPort", 70000, "is 70000, it must be from 1 to 65535"},
		"port zero":            {"targetPort", 0, "from 1 to 65535"},
		"port as text":         {"targetPort", "22", "is a string, it must be a whole number"},
		"no time to confirm":   {"confirmTimeout", 0, "is 0, it must be from 1"},
		"negative time":        {"activationTimeout", -5, "is -5, it must be from 1"},
		"endless time":         {"activationTimeout", 1 << 31, "it must be from 1 to 2592000"},
		"half a second":        {"confirmTimeout", 0.5, "must be a whole number"},
		"options as text":      {"sshOptions", "Port=22", "is a string, it must be a list of strings"},
		"options of numbers":   {"sshOptions", []int{1}, "(element 1) is 1, it must be a string"},
		"a line in an option":  {"sshOptions", []string{"Port=22\nUser=x"}, "holds control characters"},
		"flag as text":         {"magicRollback", "no", "is a string, it must be true or false"},
		"a null flag":          {"autoRollback", nil, "is null, it must be true or false"},
		"escalation as text":   {"privilegeEscalationCommand", "sudo -H", "must be a list of strings"},
		"tag with a comma":     {"tags", []string{"a,b"}, "cannot be selected"},
		"alternates":           {"alternateHosts", []string{"ok", "-oProxyCommand=touch touched"}, "(element 2)"},
		"user as option":       {"targetUser", "-lroot", "begins with a dash"},
		"user with a blank":    {"targetUser", "deploy user", "white space"},
		"host as option":       {"targetHost", "-oProxyCommand=touch touched", "begins with a dash"},
		"host with a blank":    {"targetHost", "web host", "white space"},
		"host with a line end": {"targetHost", "web\nhost", "white space"},
		"host with an escape":  {"targetHost", "web\x1b[2Jhost", "which holds"},
		"host with a user":     {"targetHost", "root@web", "user and port have options of their own"},
		"no host":              {"targetHost", "", "name a host, or use null"},
		"host as a list":       {"targetHost", []string{"web"}, "is a list, it must be a string"},
		"unknown option":       {"targetHots", "web", "targetHots"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := d.settings()
			settings[c.option] = c.value
			dir := flakes.Fleet(t, map[string]flakes.Node{"web": {Deployment: settings}})
			same := keeps(t, dir)
			r := f.at(t).run("deploy", "path:"+dir).exits(2).says("web", "deployment."+c.option, c.says, "run again")
			r.keepsQuiet("\x1b")
			same()
			wasNotTouched(t, f.home, dir)
		})
	}
	d.isUntouched()
}

func TestUserWithoutAnyPrivilegeEscalation(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	settings := d.settings()
	settings["targetUser"], settings["privilegeEscalationCommand"] = "ops", []string{}
	f.nodes["web"] = flakes.Node{Deployment: settings}
	f.write()
	f.deploy().exits(2).says("web", "deployment.privilegeEscalationCommand is empty", "sudo")
	d.isUntouched()
}

func TestUsageErrors(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	f.nodes["web"] = flakes.Node{Deployment: d.settings()}
	f.write()
	same := keeps(t, f.dir)
	ref := "path:" + f.dir
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown flag":      {[]string{"deploy", ref, "--frobnicate"}, []string{"--frobnicate", "--help"}},
		"an unknown flag only": {[]string{"--frobnicate"}, []string{"--frobnicate", "--help"}},
		"two goals":            {[]string{"deploy", ref, "--test", "--boot"}, []string{"--test", "--boot", "--help"}},
		"two other goals":      {[]string{"deploy", ref, "--boot", "--dry-activate"}, []string{"--dry-activate", "--help"}},
		"a log format":         {[]string{"deploy", ref, "--log-format", "xml"}, []string{"--log-format", "json", "xml"}},
		"two flakes":           {[]string{"deploy", ref, ref}, []string{ref, "--help"}},
		"no parallelism":       {[]string{"deploy", ref, "--parallel", "0"}, []string{"--parallel"}},
		"a number":             {[]string{"deploy", ref, "--parallel", "many"}, []string{"--parallel", "many"}},
		"no time to confirm":   {[]string{"deploy", ref, "--confirm-timeout", "0"}, []string{"--confirm-timeout", "from 1 to 2592000 seconds"}},
		"half an option":       {[]string{"deploy", ref, "--option", "cores"}, []string{"--option"}},
		"a flag of deploy":     {[]string{"build", ref, "--boot"}, []string{"--boot", "--help"}},
		"an option as a flake": {[]string{"deploy", "--", "--help"}, []string{`"--help"`, "begins with a dash"}},
		"a control character":  {[]string{"deploy", "path:\x1b[2J"}, []string{"control characters"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.at(t).run(c.args...).exits(1).says(append(c.says, "error: ")...).keepsQuiet("\x1b")
		})
	}
	same()
	d.isUntouched()
}

// What a verb prints may be read in part only: that is no error, and no reason
// to end otherwise than the verb would have.
func TestReadersThatLeave(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	for line, want := range map[string]string{"--help": "", "help plan": "", "man": "", "list path:" + f.dir: "web", "plan path:" + f.dir + " --json": "web"} {
		// The pipe's reader is gone before anything is printed.
		cmd := exec.CommandContext(t.Context(), "bash", "-c", binary+" "+line+" | true; echo ${PIPESTATUS[0]}")
		cmd.Env, cmd.Dir = f.env(), f.home
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		code := map[bool]string{true: "10\n", false: "0\n"}[strings.HasPrefix(line, "plan")]
		if err != nil || string(out) != code || strings.Contains(stderr.String(), "pipe") || want == "" && stderr.Len() > 0 {
			t.Errorf("%s: %v, exit code %s, %s", line, err, out, &stderr)
		}
	}
}

// Somebody who types what other tools have is told what is meant, at once.
func TestWordsInThePlaceOfTheFlake(t *testing.T) {
	f := newFleet(t, nil)
	f.nodes["web"] = flakes.Node{Deployment: attrs{"targetHost": "nowhere.invalid"}}
	f.write()
	f.home = f.dir // where flakeops is run
	for line, says := range map[string]string{
		"depoly": "did you mean flakeops deploy?", "switch": "`flakeops deploy`", "web": "did you mean flakeops --on web?",
		"deploy web": "did you mean flakeops deploy --on web?", "plan --yes": "it is a flag of deploy and rollback, not of plan", "nonsense": "neither a verb nor a directory",
	} {
		f.run(strings.Fields(line)...).exits(1).says(says).keepsQuiet("registry.json", "cannot find flake", "evaluating")
	}
}

func TestErrorsOfTheWholeRunAreOneJSONDocument(t *testing.T) {
	f := newFleet(t, nil)
	r := f.run("deploy", "path:"+f.home, "--json").exits(2)
	var answer struct {
		Version  int    `json:"version"`
		Error    string `json:"error"`
		ExitCode int    `json:"exitCode"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	if answer.Version != 1 || answer.ExitCode != 2 || answer.Error == "" {
		t.Errorf("%+v", answer)
	}
}

// at is the fleet for a subtest.
func (f *fleet) at(t *testing.T) *fleet {
	c := *f
	c.t = t
	return &c
}

// wasNotTouched asserts that no name, host or setting was run as a command,
// which would have left a file.
func wasNotTouched(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if _, err := os.Lstat(filepath.Join(dir, "touched")); err == nil {
			t.Errorf("a command from the flake ran in %s", dir)
		}
	}
}
