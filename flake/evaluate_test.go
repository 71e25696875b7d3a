package flake

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"flakeops/flake/nix"
	"flakeops/flake/nix/nixtest"
)

// oddNames are node names that some shell, URL or attribute path would misread.
func oddNames() []string {
	return []string{
		"web", "a.b", "two words", `q"uote`, `back\slash`, "${interpolated}", "$(touch pwned)", "`tick`", "per%20cent",
		"ha#sh", "ques?tion", "semi;colon", "-dash", "@at", "gl*b", "ünïcode", "a/b", "''", "new\nline", "$${x}", "",
	}
}

// The names below can be written in a flake reference's fragment on every
// version, so that nix itself says what their derivation is.
func TestEvaluateEqualsNixEval(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	sayable := []string{"web", "a.b", "two words", "$(touch pwned)"}
	var config strings.Builder
	for _, name := range sayable {
		config.WriteString(nixString(name) + ` = plain "x" // { config.revision = self.lastModified; config.system.build.toplevel = drv ` +
			nixString("s"+strings.Map(safe, name)) + ` "" { inherit (self) narHash lastModified; rev = self.rev or self.dirtyRev or "none"; }; };`)
	}
	for _, kind := range []string{"plain directory", "clean git tree", "dirty git tree"} {
		dir := nixtest.Flake(t, config.String())
		switch kind {
		case "clean git tree":
			nixtest.Commit(t, dir)
		case "dirty git tree":
			nixtest.Commit(t, dir)
			nixtest.Write(t, dir, "flake.nix", read(t, dir, "flake.nix")+"# changed\n")
		}
		all := evaluate(t, ctx, open(t, n, ctx, dir))
		for _, name := range sayable {
			want := nixtest.Command(t, dir, "nix", "eval", "--raw",
				`.#nixosConfigurations."`+name+`".config.system.build.toplevel.drvPath`)
			if got := all[name]; got.Err != nil || got.System.Drv != want {
				t.Errorf("%s: %s: %q %v, nix eval says %q", kind, name, got.System.Drv, got.Err, want)
			}
		}
	}
}

func safe(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r
	}
	return '-'
}

func TestEvaluateOddNames(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	var config strings.Builder
	for _, name := range oddNames() {
		config.WriteString(nixString(name) + ` = system "x" "" { nodeName = ` + nixString(name) + `; };`)
	}
	f := open(t, n, ctx, nixtest.Flake(t, config.String()))
	got, err := f.Names(ctx)
	want := oddNames()
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q, %v, want %q", got, err, want)
	}
	drvs := map[string]string{}
	for name, e := range evaluate(t, ctx, f) {
		if e.Err != nil {
			t.Errorf("%q: %v", name, e.Err)
		}
		if other, ok := drvs[e.System.Drv]; ok {
			t.Errorf("%q and %q are the same derivation", name, other)
		}
		drvs[e.System.Drv] = name
		if e.System.Platform != "x86_64-linux" || *e.Settings.TargetHost != name {
			t.Errorf("%q evaluated as %+v", name, e)
		}
		if chosen, _, err := f.Select(ctx, Selection{Node: name}); name != "" && (err != nil || !slices.Equal(chosen, []string{name})) {
			t.Errorf("%q selects %q, %v", name, chosen, err)
		}
	}
}

// The settings of a node say what they do also where its system cannot be
// evaluated, and the platform as far as it is known without.
func TestSettingsWithoutASystem(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, `
		option = broken { options.nixpkgs.hostPlatform.isDefined = true; config.nixpkgs.hostPlatform.system = "aarch64-linux"; pkgs = abort "not to be looked at"; };
		unset = broken { options.nixpkgs.hostPlatform.isDefined = false; config.nixpkgs.hostPlatform = abort "not to be looked at"; pkgs.stdenv.hostPlatform.system = "riscv64-linux"; };
		pkgs = broken { pkgs.stdenv.hostPlatform.system = "x86_64-linux"; };
		throws = broken { pkgs = throw "no packages"; };
		nothing = broken { };
		odd = broken { pkgs.stdenv.hostPlatform.system = "../x"; };
		whole = plain "x" // { pkgs.stdenv.hostPlatform.system = "x86_64-linux"; };
	`))
	want := map[string]string{"option": "aarch64-linux", "unset": "riscv64-linux", "pkgs": "x86_64-linux", "throws": "", "nothing": "", "whole": "x86_64-linux"}
	names := append(slices.Collect(maps.Keys(want)), "odd")
	if err := f.Evaluate(ctx, names, SettingsOnly, func(e Evaluation) {
		if e.Name == "odd" {
			if e.Err == nil || !strings.Contains(e.Err.Error(), `the platform "../x", which is none`) {
				t.Errorf("%+v", e)
			}
			return
		}
		if e.Err != nil || e.Settings.Platform != want[e.Name] || *e.Settings.TargetHost != e.Name || e.System != (System{}) {
			t.Errorf("%+v, want the platform %q", e, want[e.Name])
		}
	}); err != nil {
		t.Fatal(err)
	}
	if e := evaluate(t, ctx, f)["pkgs"]; e.Err == nil || !strings.Contains(e.Err.Error(), "wants a disk") {
		t.Errorf("its system: %+v", e)
	}
}

func TestEvaluateErrorsStayWithTheirNode(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, `
		good = plain "good";
		thrown = throw "the disk of this node is unknown\nask its owner";
		aborted = abort "no way";
		missing = plain { }.attribute;
		empty = { };
		unsystem = { config = { }; };
		string = { config.system.build.toplevel = "/nix/store/x"; };
		port = plain "port" // { config = (plain "port").config // { deployment.targetPort = 70000; }; };
		lambda = plain "l" // { config = (plain "l").config // { deployment.tags = x: x; }; };
	`))
	all := evaluate(t, ctx, f)
	for name, want := range map[string]string{
		"thrown":   "node thrown cannot be evaluated: the disk of this node is unknown\nask its owner\nrun again with --show-trace",
		"aborted":  "no way",
		"missing":  "attribute 'attribute' missing",
		"empty":    "config.system.build.toplevel is not defined",
		"unsystem": "config.system.build.toplevel is not defined",
		"string":   "node string cannot be evaluated: ",
		"port":     "node port cannot be evaluated: deployment.targetPort is 70000, it must be from 1 to 65535",
		"lambda":   "deployment.tags is a lambda, it must be a list of strings",
	} {
		e := all[name]
		var ee *EvalError
		if !errors.As(e.Err, &ee) || ee.Node != name || !strings.Contains(e.Err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, e.Err, want)
		}
	}
	if e := all["good"]; e.Err != nil || e.System.Out == "" {
		t.Errorf("the good node: %+v", e)
	}
	n.Flags = []string{"--show-trace"}
	if err := evaluate(t, ctx, f)["thrown"].Err; !strings.Contains(err.Error(), "flake.nix:") || strings.Contains(err.Error(), "run again") {
		t.Errorf("with --show-trace: %v", err)
	}
}

// What is deprecated, an override that is misspelt: nix says so and goes on.
func TestWarningsAreKept(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	n.Flags = []string{"--override-input", "nixpgks", "path:" + t.TempDir()}
	dir := nixtest.Flake(t, `
		warned = builtins.trace "warning: networking.old is deprecated\nuse networking.new" (plain "w");
		good = plain "good";
		bad = builtins.trace "before" (throw "no good");
	`)
	nixtest.Write(t, dir, "flake.nix", strings.Replace(read(t, dir, "flake.nix"), "outputs = { self }: ", `outputs = { self }: builtins.trace "of all" (`, 1))
	nixtest.Write(t, dir, "flake.nix", strings.TrimSuffix(read(t, dir, "flake.nix"), "; }")+"); }")
	nixtest.Commit(t, dir)
	nixtest.Write(t, dir, "flake.nix", read(t, dir, "flake.nix")+"\n")
	f := open(t, n, ctx, dir)
	all := evaluate(t, ctx, f)
	if got := strings.Join(f.Said, "\n"); strings.Count(got, "nixpgks") == 0 || !strings.Contains(got, "trace: of all") || strings.Contains(got, "dirty") {
		t.Errorf("of the flake: %q", got)
	}
	want := []string{"trace: warning: networking.old is deprecated", "use networking.new"}
	if got := all["warned"].Said; !slices.Equal(got, want) {
		t.Errorf("of a node: %q, want %q", got, want)
	}
	if got := append(all["good"].Said, all["bad"].Said...); len(got) > 0 {
		t.Errorf("of others: %q", got)
	}
}

func TestNamesErrors(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	for outputs, want := range map[string]string{
		`{ }`:                                       "has no nixosConfigurations: define a host",
		`{ nixosConfigurations = { }; }`:            "has an empty nixosConfigurations: define a host",
		`{ nixosConfigurations = "x"; }`:            "cannot list the nodes of flake",
		`{ nixosConfigurations = throw "really"; }`: "really",
	} {
		dir := t.TempDir()
		nixtest.Write(t, dir, "flake.nix", "{ outputs = _: "+outputs+"; }")
		_, err := open(t, n, ctx, dir).Names(ctx)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q", outputs, err, want)
		}
	}
}

func TestEvaluateSettings(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, `
		set = plain "set" // { config = (plain "set").config // { deployment = {
			targetHost = "192.0.2.1"; alternateHosts = [ "2001:db8::1" "b" ]; targetPort = 2222; targetUser = "deploy";
			sshOptions = [ "ProxyJump=gate" ]; privilegeEscalationCommand = [ "doas" ]; tags = [ "web" ];
			buildOnTarget = true; substituteOnTarget = false; magicRollback = false; autoRollback = false; rebootWhenStranded = false;
			confirmTimeout = 5; activationTimeout = 6;
		}; }; };
		never = plain "never" // { config = (plain "never").config // { deployment.targetHost = null; }; };
		# What the module system gives for an option that nothing defines.
		undefined = plain "u" // {
			config = (plain "u").config // { deployment.targetHost = null; };
			options.deployment.targetHost.isDefined = false;
		};
		null = plain "null" // {
			config = (plain "null").config // { deployment = { targetHost = null; targetUser = null; targetPort = null; }; };
			options.deployment.targetHost.isDefined = true;
		};
	`))
	all := evaluate(t, ctx, f)
	for name, e := range all {
		if e.Err != nil {
			t.Fatalf("%s: %v", name, e.Err)
		}
	}
	d := all["set"].Settings
	if *d.TargetHost != "192.0.2.1" || !slices.Equal(d.AlternateHosts, []string{"2001:db8::1", "b"}) || *d.TargetPort != 2222 ||
		d.TargetUser != "deploy" || !slices.Equal(d.SSHOptions, []string{"ProxyJump=gate"}) ||
		!slices.Equal(d.PrivilegeEscalationCommand, []string{"doas"}) || !slices.Equal(d.Tags, []string{"web"}) ||
		!d.BuildOnTarget || d.SubstituteOnTarget || d.MagicRollback || d.AutoRollback || d.RebootWhenStranded || d.ConfirmTimeout != 5 || d.ActivationTimeout != 6 {
		t.Errorf("set: %+v", d)
	}
	if h := all["never"].Settings.TargetHost; h != nil {
		t.Errorf("never: %q", *h)
	}
	if h := all["undefined"].Settings.TargetHost; h == nil || *h != "undefined" {
		t.Errorf("undefined: %v", h)
	}
	if d := all["null"].Settings; d.TargetHost != nil || d.TargetUser != "" || d.TargetPort != nil {
		t.Errorf("null: %+v", d)
	}
}

func TestSelectByTag(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, `
		a = { config.deployment.tags = [ "web" ]; };
		b = { config.deployment.tags = [ "web" "db" ]; };
		c = { };
		broken = throw "broken";
		aborted = abort "aborted";
		odd = { config.deployment.tags = "web"; };
	`))
	for name, c := range map[string]struct {
		sel             Selection
		chosen, unclear string // joined by blanks, or an error
	}{
		"a tag":                       {Selection{On: []string{"@web,c"}, Exclude: []string{"@db"}}, "a c", "aborted broken odd"},
		"what is left out by name":    {Selection{On: []string{"@web"}, Exclude: []string{"@db", "broken", "o*"}}, "a", "aborted"},
		"names, and a tag left out":   {Selection{On: []string{"a,b,broken"}, Exclude: []string{"@db"}}, "a", "broken"},
		"one node, and a tag":         {Selection{Node: "a", Exclude: []string{"@db"}}, "a", ""},
		"all, and a tag left out":     {Selection{Exclude: []string{"@db"}}, "a c", "aborted broken odd"},
		"without a tag none is asked": {Selection{Exclude: []string{"broken,aborted"}}, "a b c odd", ""},
	} {
		chosen, unclear, err := f.Select(ctx, c.sel)
		var names []string
		for _, e := range unclear {
			var ee *EvalError
			if names = append(names, e.Name); !errors.As(e.Err, &ee) || ee.Node != e.Name || !strings.Contains(e.Err.Error(), "exclude it by its name") {
				t.Errorf("%s: %s: %v", name, e.Name, e.Err)
			}
			if e.Name == "odd" && !strings.Contains(e.Err.Error(), "deployment.tags is a string, it must be a list of strings") {
				t.Error(e.Err)
			}
		}
		if got := strings.Join(chosen, " "); err != nil || got != c.chosen || strings.Join(names, " ") != c.unclear {
			t.Errorf("%s: %q, unclear %q, %v", name, chosen, names, err)
		}
	}
	_, _, err := f.Select(ctx, Selection{On: []string{"@wbe"}})
	if err == nil || !strings.HasPrefix(err.Error(), "no node has the tag wbe: did you mean web? the tags are db, web\nnode aborted cannot be evaluated") {
		t.Errorf("%v", err)
	}
}

func TestEvaluateEndsWithItsContext(t *testing.T) {
	nixtest.Fake(t, "exec sleep 600")
	f := &Flake{URL: "x", nix: &nix.Programs{}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := f.Evaluate(ctx, []string{"a", "b", "c", "d"}, WithSystem, func(e Evaluation) { t.Errorf("reported %+v", e) })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestNixGoneWhileEvaluating(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := (&Flake{URL: "x", nix: &nix.Programs{}}).Evaluate(t.Context(), []string{"a"}, WithSystem, func(e Evaluation) { t.Errorf("reported %+v", e) })
	if err == nil || !strings.Contains(err.Error(), "not in PATH") {
		t.Errorf("%v", err)
	}
}

func TestGarbageFromEval(t *testing.T) {
	for script, want := range map[string]string{
		`echo '{"drv":"/nix/store/'`: "not the JSON expected",
		`echo '{}'`:                  `drvPath is "", not a derivation`,
		"kill -9 $$":                 "may have run out of memory",
	} {
		nixtest.Fake(t, script)
		var got error
		err := (&Flake{URL: "x", nix: &nix.Programs{}}).Evaluate(t.Context(), []string{"a"}, WithSystem, func(e Evaluation) { got = e.Err })
		var ee *EvalError
		if err != nil || !errors.As(got, &ee) || !strings.Contains(got.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", script, err, got, want)
		}
	}
}

// What a flake gives for its systems need not be derivations at all.
func TestSystemsThatNoStoreHolds(t *testing.T) {
	const hash = "/nix/store/00000000000000000000000000000000-"
	good := map[string]any{"drv": hash + "x.drv", "out": hash + "x", "system": "x86_64-linux", "settings": map[string]any{}}
	parse := func(change, value string) error {
		set := maps.Clone(good)
		if change != "" {
			set[change] = value
		}
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		err = (&Evaluation{Name: "web"}).read(text, WithSystem)
		return err
	}
	if err := parse("", ""); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a\nb", "a\x1b[2J", "$(touch x)", "a'b", "ü", strings.Repeat("x", 212)} {
		if err := parse("out", hash+name); err == nil || !strings.Contains(err.Error(), "not a store path") {
			t.Errorf("%q: %v", name, err)
		}
		if err := parse("drv", hash+name+".drv"); name != "" && (err == nil || !strings.Contains(err.Error(), "not a derivation in the store")) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := parse("out", "/nix\n/store"+strings.TrimPrefix(hash, "/nix/store")+"x"); err == nil {
		t.Error("a store whose directory has two lines")
	}
	for _, system := range []string{"", "x/../../y", "a\nb", "a b", "-x", "."} {
		if err := parse("system", system); err == nil || !strings.Contains(err.Error(), "platform") {
			t.Errorf("%q: %v", system, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add(`["a","b"]`)
	f.Add(`["a",1]`)
	f.Add(`{"a":`)
	f.Fuzz(func(t *testing.T, s string) {
		names, err := parseNames([]byte(s))
		if err != nil && names != nil || !slices.IsSorted(names) {
			t.Errorf("%q, %v", names, err)
		}
	})
}
