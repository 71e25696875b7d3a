package flake

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"flakeops/internal/settings"

	"flakeops/internal/run"
)

// deaf is a Runner under which every program ends well and says nothing.
type deaf struct{}

func (deaf) Run(context.Context, run.Command) (run.Result, error) { return run.Result{}, nil }

func TestSettingsErrors(t *testing.T) {
	for set, want := range map[string]string{
		`[]`:                                                  "config.deployment is a list, not a set of options",
		`{"targetHost":""}`:                                   `deployment.targetHost is "", which is empty: name a host, or use null`,
		`{"targetHost":"-oProxyCommand=x"}`:                   `deployment.targetHost is "-oProxyCommand=x", which begins with a dash`,
		`{"targetHost":"a b"}`:                                "white space",
		`{"targetHost":"root@a"}`:                             "user and port have options of their own",
		`{"targetHost":"a,b"}`:                                `deployment.targetHost is "a,b", which cannot be a host name`,
		`{"targetHost":"web:22"}`:                             "the port goes to targetPort",
		`{"targetHost":"0"}`:                                  "neither an IPv4 address nor a host name",
		`{"targetHost":"1::2::3"}`:                            "which is no IPv6 address",
		`{"targetHost":5}`:                                    "deployment.targetHost is 5, it must be a string",
		`{"alternateHosts":["a","-b"]}`:                       `deployment.alternateHosts (element 2) is "-b", which begins with a dash`,
		`{"alternateHosts":"a"}`:                              "deployment.alternateHosts is a string, it must be a list of strings",
		`{"targetPort":0}`:                                    "deployment.targetPort is 0, it must be from 1 to 65535",
		`{"targetPort":65536}`:                                "from 1 to 65535",
		`{"targetPort":22.5}`:                                 "deployment.targetPort is 22.5, it must be a whole number",
		`{"targetPort":"22"}`:                                 "deployment.targetPort is a string, it must be a whole number",
		`{"targetUser":""}`:                                   "deployment.targetUser is \"\", which is empty",
		`{"targetUser":"-x"}`:                                 "begins with a dash",
		`{"targetUser":false}`:                                "deployment.targetUser is false, it must be a string",
		`{"sshOptions":["A=b\nC=d"]}`:                         "deployment.sshOptions (element 1) is \"A=b\\nC=d\", which holds control characters",
		`{"sshOptions":["-F","x"]}`:                           "deployment.sshOptions (element 1) is \"-F\", an argument of ssh: write what it stands for as ssh -o takes it",
		`{"sshOptions":["A=b","-p"]}`:                         "deployment.sshOptions (element 2) is \"-p\", an argument of ssh that another has to follow",
		`{"sshOptions":{}}`:                                   "deployment.sshOptions is a set, it must be a list",
		`{"privilegeEscalationCommand":[""]}`:                 "(element 1) is \"\", which is empty",
		`{"targetUser":"me","privilegeEscalationCommand":[]}`: "deployment.privilegeEscalationCommand is empty, but targetUser is not root",
		`{"tags":["a,b"]}`:                                    "deployment.tags (element 1)",
		`{"tags":["@a"]}`:                                     "@ only where it is used",
		`{"tags":null}`:                                       "deployment.tags is null, it must be a list",
		`{"buildOnTarget":null}`:                              "deployment.buildOnTarget is null, it must be true or false",
		`{"substituteOnTarget":0}`:                            "deployment.substituteOnTarget is 0",
		`{"magicRollback":"yes"}`:                             "deployment.magicRollback is a string",
		`{"rebootWhenStranded":1}`:                            "deployment.rebootWhenStranded is 1, it must be true or false",
		`{"autoRollback":[]}`:                                 "deployment.autoRollback is a list",
		`{"confirmTimeout":0}`:                                "deployment.confirmTimeout is 0, it must be from 1 to",
		`{"activationTimeout":-1}`:                            "deployment.activationTimeout is -1, it must be from 1 to",
		`{"activationTimeout":99999999999}`:                   "it must be from 1 to",
	} {
		_, err := parseDeployment("web", gjson.Parse(set))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

func TestSettingsDefaults(t *testing.T) {
	for _, set := range []string{``, `null`, `{}`, `{"keys":[],"unknown":1}`} {
		d, err := parseDeployment("a.b", gjson.Parse(set))
		if err != nil || !reflect.DeepEqual(d, defaults("a.b")) {
			t.Errorf("%s: %+v, %v", set, d, err)
		}
	}
}

// standInLib is as much of nixpkgs' lib as the modules' options need.
const standInLib = `
	any = { __functor = _: _: any; nullOr = _: any; either = _: _: any; enum = _: any; listOf = _: any;
		str = any; bool = any; port = any; path = any; ints.positive = any; attrsOf = t: t; submodule = m: m; };
	lib = { mkOption = o: o; types = any; literalMD = x: x; literalExpression = x: x; mkIf = _: x: x; };
	defaults = builtins.mapAttrs (n: o: if o ? default then { inherit (o) default; } else { });`

// declaredBy gives the options, with their defaults, that a module of this
// project declares: those that the Nix expression selects from it.
func declaredBy(t *testing.T, file, selected string) map[string]json.RawMessage {
	t.Helper()
	_, _ = realNix(t)
	module, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(module); err != nil {
		t.Fatal(err)
	}
	out := command(t, "", "nix", "eval", "--impure", "--json", "--expr", "let "+standInLib+`
		module = import (/. + `+nixString(module)+`) { inherit lib; config = { }; pkgs = { }; options = { }; };
		in defaults (`+selected+")")
	declared := map[string]map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(out), &declared); err != nil {
		t.Fatal(err)
	}
	options := map[string]json.RawMessage{}
	for name, o := range declared {
		options[name] = o["default"] // nil when it has none
	}
	return options
}

// The NixOS module declares exactly the options that are read here, with the
// same defaults. A stand-in for nixpkgs' lib is enough to read it.
func TestSettingsAreThoseOfTheModule(t *testing.T) {
	set := declaredBy(t, "../activate/module.nix", "module.options.deployment")
	known := optionNames()
	slices.Sort(known)
	if names := slices.Sorted(maps.Keys(set)); !slices.Equal(known, names) {
		t.Errorf("read here: %q\ndeclared:  %q", known, names)
	}
	if set["targetHost"] != nil {
		t.Error("targetHost has a default, so no node's own name is ever used")
	}
	delete(set, "targetHost")
	for name, value := range set {
		if value == nil {
			t.Errorf("%s has no default", name)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseDeployment("web", gjson.ParseBytes(text))
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
}

// An option may be declared by two modules when only one says anything of it.
// colmena's module, seen by an option that only it has, declares all these.
func TestModulesSayNothingBesideColmenas(t *testing.T) {
	_, _ = realNix(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text := command(t, "", "nix", "eval", "--impure", "--json", "--expr", "let "+standInLib+`
		beside = { inherit lib; config = { }; pkgs = { }; options.deployment.allowLocalDeployment = { }; };
		said = builtins.mapAttrs (_: builtins.attrNames);
		settings = (import (/. + `+nixString(root+"/activate/module.nix")+`) beside).options.deployment;
		keys = (import (/. + `+nixString(root+"/keys/module.nix")+`) beside).options.deployment.keys;
		key = (keys.type { name = "db"; config = { }; }).options;
		in { settings = said settings; keys = builtins.attrNames keys; key = builtins.attrNames key; }`)
	var got struct {
		Settings  map[string][]string
		Keys, Key []string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	shared := []string{"targetHost", "targetPort", "targetUser", "sshOptions", "privilegeEscalationCommand", "tags", "buildOnTarget"}
	for name, said := range got.Settings {
		if (len(said) == 0) != slices.Contains(shared, name) {
			t.Errorf("of %s is said: %q", name, said)
		}
	}
	if len(got.Settings) != len(optionNames()) || !slices.Equal(got.Keys, []string{"type"}) {
		t.Errorf("%d options, and of keys is said: %q", len(got.Settings), got.Keys)
	}
	if want := []string{"allowPersistent", "hasText", "restartUnits", "timeout"}; !slices.Equal(got.Key, want) {
		t.Errorf("of a key are declared %q, want %q", got.Key, want)
	}
}

// colmena and deploy-rs hand their options to ssh as arguments.
func TestSSHArguments(t *testing.T) {
	d, err := parseDeployment("web", gjson.Parse(`{"sshOptions":["A=b","-o","C=d","-oE=f","-J","gate","-p","2222","-i","~/x","-l","me","-4","-6","-A","-C"]}`))
	want := []string{"A=b", "C=d", "E=f", "ProxyJump=gate", "Port=2222", "IdentityFile=~/x", "User=me",
		"AddressFamily=inet", "AddressFamily=inet6", "ForwardAgent=yes", "Compression=yes"}
	if err != nil || !slices.Equal(d.SSHOptions, want) {
		t.Errorf("%q, %v", d.SSHOptions, err)
	}
}

func TestKeySettingsAreThoseOfTheModule(t *testing.T) {
	set := declaredBy(t, "../keys/module.nix",
		`removeAttrs (module.options.deployment.keys.type { name = "db"; config = { destDir = "/d"; name = "n"; }; }).options [ "hasText" ]`)
	known := append(keyOptionNames(), "path", "text")
	slices.Sort(known)
	if names := slices.Sorted(maps.Keys(set)); !slices.Equal(known, names) {
		t.Errorf("read here: %q\ndeclared:  %q", known, names)
	}
	if got := string(set["path"]); got != `"/d/n"` {
		t.Errorf("the module's path: %s", got)
	}
	for _, source := range []string{"text", "keyFile", "keyCommand"} {
		if got := string(set[source]); got != "null" {
			t.Errorf("%s has the default %q", source, got)
		}
	}
	set["hasText"], set["attr"] = json.RawMessage("true"), json.RawMessage(`"db"`)
	text, err := json.Marshal([]any{set})
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseKeys(gjson.ParseBytes(text))
	if err != nil {
		t.Fatal(err)
	}
	want := keyDefaults("db")
	want.HasText, want.RestartUnits = true, []string{}
	if !reflect.DeepEqual(got, []settings.Key{want}) {
		t.Errorf("defaults of the module: %+v\nof a node without it:   %+v", got, want)
	}
}
