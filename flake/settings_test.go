package flake

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"flakeops/internal/run"
)

// deaf is a Runner under which every program ends well and says nothing.
type deaf struct{}

func (deaf) Run(context.Context, run.Command) (run.Result, error) { return run.Result{}, nil }

func TestSettingsErrors(t *testing.T) {
	for set, want := range map[string]string{
		`[]`:                                  "config.deployment is a list, not a set of options",
		`{"targetHost":""}`:                   `deployment.targetHost is "", which is empty: name a host, or use null`,
		`{"targetHost":"-oProxyCommand=x"}`:   `deployment.targetHost is "-oProxyCommand=x", which begins with a dash`,
		`{"targetHost":"a b"}`:                "white space",
		`{"targetHost":"root@a"}`:             "user and port have options of their own",
		`{"targetHost":5}`:                    "deployment.targetHost is 5, it must be a string",
		`{"alternateHosts":["a","-b"]}`:       `deployment.alternateHosts (element 2) is "-b", which begins with a dash`,
		`{"alternateHosts":"a"}`:              "deployment.alternateHosts is a string, it must be a list of strings",
		`{"targetPort":0}`:                    "deployment.targetPort is 0, it must be from 1 to 65535",
		`{"targetPort":65536}`:                "from 1 to 65535",
		`{"targetPort":22.5}`:                 "deployment.targetPort is 22.5, it must be a whole number",
		`{"targetPort":"22"}`:                 "deployment.targetPort is a string, it must be a whole number",
		`{"targetUser":""}`:                   "deployment.targetUser is \"\", which is empty",
		`{"targetUser":"-x"}`:                 "begins with a dash",
		`{"targetUser":false}`:                "deployment.targetUser is false, it must be a string",
		`{"sshOptions":["A=b\nC=d"]}`:         "deployment.sshOptions (element 1) is \"A=b\\nC=d\", which holds control characters",
		`{"sshOptions":{}}`:                   "deployment.sshOptions is a set, it must be a list",
		`{"privilegeEscalationCommand":[""]}`: "(element 1) is \"\", which is empty",
		`{"targetUser":"me","privilegeEscalationCommand":[]}`: "deployment.privilegeEscalationCommand is empty, but targetUser is not root",
		`{"tags":["a,b"]}`:                  "deployment.tags (element 1)",
		`{"tags":["@a"]}`:                   "@ only where it is used",
		`{"tags":null}`:                     "deployment.tags is null, it must be a list",
		`{"buildOnTarget":null}`:            "deployment.buildOnTarget is null, it must be true or false",
		`{"substituteOnTarget":0}`:          "deployment.substituteOnTarget is 0",
		`{"magicRollback":"yes"}`:           "deployment.magicRollback is a string",
		`{"autoRollback":[]}`:               "deployment.autoRollback is a list",
		`{"confirmTimeout":0}`:              "deployment.confirmTimeout is 0, it must be from 1 to",
		`{"activationTimeout":-1}`:          "deployment.activationTimeout is -1, it must be from 1 to",
		`{"activationTimeout":99999999999}`: "it must be from 1 to",
	} {
		_, err := parseDeployment("web", gjson.Parse(set))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

func TestSettingsDefaults(t *testing.T) {
	for _, set := range []string{``, `null`, `{}`, `{"keys":{"a":{}},"unknown":1}`} {
		d, err := parseDeployment("a.b", gjson.Parse(set))
		if err != nil || !reflect.DeepEqual(d, defaults("a.b")) {
			t.Errorf("%s: %+v, %v", set, d, err)
		}
	}
}

// The NixOS module declares exactly the options that are read here, with the
// same defaults. A stand-in for nixpkgs' lib is enough to read it.
func TestSettingsAreThoseOfTheModule(t *testing.T) {
	_, _ = realNix(t)
	module, err := filepath.Abs("../activate/module.nix")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(module); err != nil {
		t.Fatal(err)
	}
	out := command(t, "", "nix", "eval", "--impure", "--json", "--expr", `
		let
		  any = { __functor = _: _: any; nullOr = _: any; listOf = _: any; str = any; bool = any; port = any; ints.positive = any; };
		  lib = { mkOption = o: o; types = any; literalMD = x: x; literalExpression = x: x; };
		  options = (import (/. + `+nixString(module)+`) { inherit lib; config = { }; pkgs = { }; options = { }; }).options.deployment;
		in builtins.mapAttrs (n: o: if o ? default then { inherit (o) default; } else { }) options`)
	declared := map[string]struct{ Default *json.RawMessage }{}
	if err := json.Unmarshal([]byte(out), &declared); err != nil {
		t.Fatal(err)
	}
	var names []string
	defaultsOfModule := map[string]json.RawMessage{}
	for name, o := range declared {
		names = append(names, name)
		if o.Default != nil {
			defaultsOfModule[name] = *o.Default
		} else if strings.Contains(out, `"`+name+`":{"default":null}`) {
			defaultsOfModule[name] = json.RawMessage("null")
		}
	}
	known := optionNames()
	slices.Sort(known)
	slices.Sort(names)
	if !slices.Equal(known, names) {
		t.Errorf("read here: %q\ndeclared:  %q", known, names)
	}
	if _, ok := defaultsOfModule["targetHost"]; ok {
		t.Error("targetHost has a default, so no node's own name is ever used")
	}
	set, err := json.Marshal(defaultsOfModule)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseDeployment("web", gjson.ParseBytes(set))
	if err != nil {
		t.Fatal(err)
	}
	want := defaults("web")
	for _, list := range []*[]string{&want.AlternateHosts, &want.SSHOptions, &want.Tags} {
		if *list == nil {
			*list = []string{}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults of the module: %+v\nof a node without it:   %+v", got, want)
	}
	if len(defaultsOfModule) != len(names)-1 {
		t.Errorf("of %d options %d have a default", len(names), len(defaultsOfModule))
	}
}
