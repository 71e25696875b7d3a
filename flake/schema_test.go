package flake

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"flakeops/flake/nix/nixtest"
	"flakeops/internal/settings"
)

// judged is what lib.nix gives of nodes named web with these settings, written as JSON.
func judged(t *testing.T, all []string) []gjson.Result {
	t.Helper()
	n, ctx := nixtest.Programs(t)
	out, err := n.Calculate(ctx, `map (text: `+library+`.settings "web" { web.config.deployment = builtins.fromJSON text; }) `+nixStrings(all))
	if err != nil {
		t.Fatal(err)
	}
	answers := gjson.ParseBytes(out).Array()
	if len(answers) != len(all) {
		t.Fatalf("%d answers for %d nodes: %s", len(answers), len(all), out)
	}
	return answers
}

// key is the settings of a node with one key, with a text unless fields say more.
func key(fields string) string { return `{"keys":{"a":{"text":"x",` + fields + `}}}` }

// Each of these is refused, for that one reason.
func TestSettingsThatAreRefused(t *testing.T) {
	long := strings.Repeat
	refused := map[string]string{
		`[]`:                                                      "config.deployment is a list, not a set of options",
		`{"targetHost":""}`:                                       `deployment.targetHost is "", which is empty: name a host, or use null`,
		`{"targetHost":"-oProxyCommand=x"}`:                       `deployment.targetHost is "-oProxyCommand=x", which begins with a dash`,
		`{"targetHost":"-o\nx"}`:                                  "begins with a dash",
		`{"targetHost":"a b"}`:                                    "white space",
		`{"targetHost":"a\nb"}`:                                   "white space",
		`{"targetHost":"root@a"}`:                                 "user and port have options of their own",
		`{"targetHost":"a/b"}`:                                    "user and port have options of their own",
		`{"targetHost":"a,b"}`:                                    `deployment.targetHost is "a,b", which cannot be a host name`,
		`{"targetHost":"web:22"}`:                                 "the port goes to targetPort",
		`{"targetHost":"0"}`:                                      "neither an IPv4 address nor a host name",
		`{"targetHost":"10.0.0.300"}`:                             "neither an IPv4 address nor a host name",
		`{"targetHost":"1::2::3"}`:                                "which is no IPv6 address",
		`{"targetHost":"::1%a,b"}`:                                "which is no IPv6 address",
		`{"targetHost":"::1%"}`:                                   "which is no IPv6 address",
		`{"targetHost":"[::1]"}`:                                  "which is no IPv6 address",
		`{"targetHost":"a..b"}`:                                   "cannot be a host name",
		`{"targetHost":"grün"}`:                                   "cannot be a host name",
		`{"targetHost":"` + long("a", 64) + `"}`:                  "cannot be a host name",
		`{"targetHost":"` + long("a.", 127) + `"}`:                "cannot be a host name",
		`{"targetHost":5}`:                                        "deployment.targetHost is 5, it must be a string",
		`{"alternateHosts":["a","-b"]}`:                           `deployment.alternateHosts (element 2) is "-b", which begins with a dash`,
		`{"alternateHosts":"a"}`:                                  "deployment.alternateHosts is a string, it must be a list of strings",
		`{"alternateHosts":[null]}`:                               "(element 1) is null, it must be a string",
		`{"targetPort":0}`:                                        "deployment.targetPort is 0, it must be from 1 to 65535",
		`{"targetPort":65536}`:                                    "from 1 to 65535",
		`{"targetPort":22.5}`:                                     "deployment.targetPort is 22.5, it must be a whole number",
		`{"targetPort":"22"}`:                                     "deployment.targetPort is a string, it must be a whole number",
		`{"targetUser":""}`:                                       `deployment.targetUser is "", which is empty`,
		`{"targetUser":"-x"}`:                                     "begins with a dash",
		`{"targetUser":"a b"}`:                                    "white space",
		`{"targetUser":"$(a)"}`:                                   "means something to a shell",
		`{"targetUser":false}`:                                    "deployment.targetUser is false, it must be a string",
		`{"sshOptions":["A=b\nC=d"]}`:                             `deployment.sshOptions (element 1) is "A=b\nC=d", which holds control characters`,
		`{"sshOptions":[""]}`:                                     "which is empty",
		`{"sshOptions":[" "]}`:                                    "which is empty",
		`{"sshOptions":["-F","x"]}`:                               `deployment.sshOptions (element 1) is "-F", an argument of ssh: write what it stands for as ssh -o takes it`,
		`{"sshOptions":["-Jgate"]}`:                               "write what it stands for",
		`{"sshOptions":["A=b","-p"]}`:                             `deployment.sshOptions (element 2) is "-p", an argument of ssh that another has to follow`,
		`{"sshOptions":["-o","-J"]}`:                              "that another has to follow",
		`{"sshOptions":["-4","-v"]}`:                              `(element 2) is "-v"`,
		`{"sshOptions":{}}`:                                       "deployment.sshOptions is a set, it must be a list",
		`{"privilegeEscalationCommand":[""]}`:                     `(element 1) is "", which is empty`,
		`{"targetUser":"me","privilegeEscalationCommand":[]}`:     "deployment.privilegeEscalationCommand is empty, but targetUser is not root",
		`{"targetUser":null,"privilegeEscalationCommand":[]}`:     "deployment.privilegeEscalationCommand is empty, but targetUser is not root",
		`{"tags":["a,b"]}`:                                        "deployment.tags (element 1)",
		`{"tags":["@a"]}`:                                         "@ only where it is used",
		`{"tags":["a b"]}`:                                        "cannot be selected",
		`{"tags":[""]}`:                                           "cannot be selected",
		`{"tags":null}`:                                           "deployment.tags is null, it must be a list",
		`{"buildOnTarget":null}`:                                  "deployment.buildOnTarget is null, it must be true or false",
		`{"substituteOnTarget":0}`:                                "deployment.substituteOnTarget is 0",
		`{"magicRollback":"yes"}`:                                 "deployment.magicRollback is a string",
		`{"rebootWhenStranded":1}`:                                "deployment.rebootWhenStranded is 1, it must be true or false",
		`{"autoRollback":[]}`:                                     "deployment.autoRollback is a list",
		`{"confirmTimeout":0}`:                                    "deployment.confirmTimeout is 0, it must be from 1 to 2592000",
		`{"activationTimeout":-1}`:                                "deployment.activationTimeout is -1, it must be from 1 to",
		`{"activationTimeout":2592001}`:                           "it must be from 1 to 2592000",
		`{"targetHots":"x"}`:                                      "deployment.targetHots is no option: did you mean targetHost?",
		`{"TARGETUSER":"x"}`:                                      "deployment.TARGETUSER is no option: the options are",
		`{"a b":1}`:                                               `deployment."a b" is no option`,
		`{"keys":[]}`:                                             "deployment.keys is a list, not a set of keys",
		`{"keys":{"a b":"hunter2"}}`:                              `deployment.keys."a b" is a string, not a set of options`,
		`{"keys":{"a":{"user":"x"}}}`:                             "deployment.keys.a has no source: set one of text, keyFile and keyCommand",
		key(`"keyFile":"/x","keyCommand":["y"]`):                  "deployment.keys.a has more than one source, keyCommand and keyFile and text: set exactly one",
		key(`"permission":""`):                                    "deployment.keys.a.permission is no option: did you mean permissions?",
		`{"keys":{"a/b":{"text":"x"}}}`:                           `deployment.keys."a/b" gives the key its name, which cannot be a file's`,
		key(`"name":"../b"`):                                      `deployment.keys.a.name is "../b", which cannot be a file's`,
		key(`"name":".."`):                                        "cannot be a file's",
		key(`"name":".b"`):                                        "cannot be a file's",
		key(`"name":"-b"`):                                        "cannot be a file's",
		key(`"name":"$(b)"`):                                      "cannot be a file's",
		key(`"name":"b\n"`):                                       "cannot be a file's",
		key(`"name":""`):                                          "cannot be a file's",
		key(`"name":"ü"`):                                         "cannot be a file's",
		key(`"name":"` + long("k", 201) + `"`):                    "has 201 bytes: at most 200 are allowed",
		key(`"name":"k` + long("+", 60) + `"`):                    "too long for a unit's name",
		key(`"name":5`):                                           "deployment.keys.a.name is 5, it must be a string",
		`{"keys":{"a":{"text":"x"},"b":{"text":"x","name":"a"}}}`: `deployment.keys.b.name is "a", as that of deployment.keys.a: give each a name of its own`,
		key(`"destDir":"run"`):                                    `deployment.keys.a.destDir is "run", which must be an absolute path`,
		key(`"destDir":"/run/../etc"`):                            "absolute path",
		key(`"destDir":"/run/./a"`):                               "absolute path",
		key(`"destDir":"/run/"`):                                  "absolute path",
		key(`"destDir":"/"`):                                      "absolute path",
		key(`"destDir":"/run//a"`):                                "absolute path",
		key(`"destDir":"/run/a%n"`):                               "absolute path",
		key(`"destDir":"/nix/store"`):                             "which is in the store, which all users of the host can read",
		key(`"destDir":"/nix/store/x"`):                           "which is in the store, which all users of the host can read",
		`{"keys":{"a":{"text":"x","destDir":"/run/keys/b"},"b":{"text":"x"}}}`:   `deployment.keys.a.destDir is "/run/keys/b", and deployment.keys.b is a key there: choose another directory`,
		`{"keys":{"a":{"text":"x"},"b":{"text":"x","destDir":"/run/keys/a/c"}}}`: `deployment.keys.b.destDir is "/run/keys/a/c", and deployment.keys.a is a key there`,
		key(`"user":""`):                              `deployment.keys.a.user is "", which is neither a name nor a number`,
		key(`"group":"-x"`):                           `deployment.keys.a.group is "-x"`,
		key(`"group":"a:b"`):                          "neither a name nor a number",
		key(`"user":null`):                            "deployment.keys.a.user is null",
		key(`"permissions":"u=r"`):                    `deployment.keys.a.permissions is "u=r", which must be octal, such as 0400`,
		key(`"permissions":"4755"`):                   "at most 0777",
		key(`"permissions":"0800"`):                   "octal",
		key(`"permissions":400`):                      "deployment.keys.a.permissions is 400, it must be a string",
		key(`"uploadAt":"never"`):                     `deployment.keys.a.uploadAt is "never", which must be pre-activation or post-activation`,
		key(`"restartUnits":["a.service","b"]`):       `deployment.keys.a.restartUnits (element 2) is "b", which is not a unit's full name: write, for example, nginx.service`,
		key(`"restartUnits":["-x.service"]`):          "not a unit's full name",
		key(`"restartUnits":["*.service"]`):           "not a unit's full name",
		key(`"allowPersistent":"yes"`):                "deployment.keys.a.allowPersistent is a string",
		key(`"timeout":0`):                            "deployment.keys.a.timeout is 0, it must be from 1 to",
		`{"keys":{"a":{"keyFile":""}}}`:               `deployment.keys.a.keyFile is "", which is empty: name a file`,
		`{"keys":{"a":{"keyFile":["a"]}}}`:            "deployment.keys.a.keyFile is a list",
		`{"keys":{"a":{"keyFile":"/nix/store/x"}}}`:   `deployment.keys.a.keyFile is "/nix/store/x", which is part of the flake's source or otherwise in the store`,
		`{"keys":{"a":{"keyCommand":[]}}}`:            "deployment.keys.a.keyCommand names no program",
		`{"keys":{"a":{"keyCommand":[""]}}}`:          "names no program",
		`{"keys":{"a":{"keyCommand":"hunter2"}}}`:     "deployment.keys.a.keyCommand is a string, it must be a list of strings",
		`{"keys":{"a":{"keyCommand":["hunter2",1]}}}`: "deployment.keys.a.keyCommand holds what is no string",
	}
	all := slices.Collect(maps.Keys(refused))
	for i, m := range judged(t, all) {
		err := problemsOf(m)
		if err == nil || !strings.Contains(err.Error(), refused[all[i]]) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", all[i], err, refused[all[i]])
		}
	}
}

func TestSettingsThatAreTaken(t *testing.T) {
	fine := []string{
		`{}`, `{"targetHost":null}`, `{"targetHost":"10.0.0.1"}`, `{"targetHost":"fe80::1%eth0"}`, `{"targetHost":"2001:db8::17"}`,
		`{"targetHost":"::ffff:192.0.2.1"}`, `{"targetHost":"Web_1.Example.org."}`, `{"targetHost":"host","targetPort":22}`,
		`{"targetHost":"own","alternateHosts":["own","own"]}`, `{"targetUser":null}`, `{"targetUser":"me","privilegeEscalationCommand":["doas"]}`,
		`{"tags":["a","b"],"confirmTimeout":2592000,"activationTimeout":1}`, `{"tags":["no-@"]}`,
		key(`"permissions":"0440","user":"65534","group":"machine$","destDir":"/a/b.c","restartUnits":["a@b.service"],"allowPersistent":true`),
		`{"keys":{"k":{"keyFile":"~/x","timeout":2592000}}}`, `{"keys":{"k":{"keyCommand":["pass","",""],"uploadAt":"post-activation","name":"a+b"}}}`,
		`{"keys":{"a":{"text":"x"},"ab":{"text":"x","destDir":"/run/keys/abc"},"b":{"text":"x","destDir":"/run"}}}`,
	}
	for i, m := range judged(t, fine) {
		if _, err := readSettings(m); err != nil {
			t.Errorf("%s: %v", fine[i], err)
		}
	}
}

// All that is wrong is told at once.
func TestProblemsAreToldTogether(t *testing.T) {
	err := problemsOf(judged(t, []string{`{"targetPort":0,"tags":[""],"keys":{"b":{},"a":{"text":"x","user":"-"}}}`})[0])
	want := []string{"deployment.tags ", "deployment.targetPort ", "deployment.keys.a.user ", "deployment.keys.b has"}
	lines := strings.Split(err.Error(), "\n")
	for i, w := range want {
		if len(lines) != len(want) || !strings.HasPrefix(lines[i], w) {
			t.Fatalf("%q, want %q", lines, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	got, err := readSettings(judged(t, []string{`{"keys":{"db":{"text":"x"}}}`})[0])
	web := "web"
	want := settings.Settings{
		TargetHost: &web, AlternateHosts: []string{}, TargetUser: "root", SSHOptions: []string{},
		PrivilegeEscalationCommand: []string{"sudo", "-H", "--"}, Tags: []string{}, SubstituteOnTarget: true,
		MagicRollback: true, AutoRollback: true, RebootWhenStranded: true, ConfirmTimeout: 30, ActivationTimeout: 300,
		Keys: []settings.Key{defaultKey("db")},
	}
	want.Keys[0].HasText = true
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

// defaultKey is a key of which nothing but its source is set.
func defaultKey(attr string) settings.Key {
	return settings.Key{Attr: attr, Name: attr, DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400,
		UploadAt: settings.PreActivation, RestartUnits: []string{}, Timeout: 60}
}

// colmena and deploy-rs hand their options to ssh as arguments.
func TestSSHArguments(t *testing.T) {
	got, err := readSettings(judged(t, []string{`{"sshOptions":["A=b","-o","C=d","-oE=f","-J","gate","-p","2222","-i","~/x","-l","me","-4","-6","-A","-C"]}`})[0])
	want := []string{"A=b", "C=d", "E=f", "ProxyJump=gate", "Port=2222", "IdentityFile=~/x", "User=me",
		"AddressFamily=inet", "AddressFamily=inet6", "ForwardAgent=yes", "Compression=yes"}
	if err != nil || !slices.Equal(got.SSHOptions, want) {
		t.Errorf("%q, %v", got.SSHOptions, err)
	}
}

// Every option that is read has a field of its own: an answer in which each has a
// value that is not its type's zero leaves no field zero.
func TestEveryOptionIsRead(t *testing.T) {
	got, err := readSettings(judged(t, []string{`{"alternateHosts":["a"],"targetPort":1,"sshOptions":["A=b"],"tags":["a"],"buildOnTarget":true,
		"keys":{"a":{"keyCommand":["x"],"allowPersistent":true,"restartUnits":["a.service"]},"b":{"keyFile":"x"},"c":{"text":"x"}}}`})[0])
	if err != nil {
		t.Fatal(err)
	}
	zero := func(name string, of ...any) {
		t.Helper()
		for i := range reflect.TypeOf(of[0]).NumField() {
			field := reflect.TypeOf(of[0]).Field(i).Name
			empty := true
			for _, o := range of {
				empty = empty && reflect.ValueOf(o).Field(i).IsZero()
			}
			if empty && !slices.Contains([]string{"Platform", "Kind", "Addressed", "NoSwitch"}, field) {
				t.Errorf("%s.%s is not read", name, field)
			}
		}
	}
	zero("Settings", got)
	zero("Key", got.Keys[0], got.Keys[1], got.Keys[2])
}

// standInLib is as much of nixpkgs' lib as the module's options need.
const standInLib = `
	any = { nullOr = _: any; either = _: _: any; listOf = _: any; str = any; bool = any; int = any; path = any; attrsOf = t: t; submodule = m: m; };
	lib = { mkOption = o: o; types = any; literalMD = x: x; };
	library = import (/. + root + "/flake/lib.nix") { };`

// inModule evaluates an expression where `options` makes the options of the module,
// and `declared` are those beside the options given.
func inModule(t *testing.T, options, expression string, into any) {
	t.Helper()
	_, _ = nixtest.Programs(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text := nixtest.Command(t, "", "nix", "eval", "--impure", "--json", "--expr", "let root = "+nixString(root)+";"+standInLib+`
		declared = library.options { inherit lib; options = `+options+`; };
		key = (declared.keys.type { name = "db"; config = { destDir = "/d"; name = "n"; keyFile = null; keyCommand = null; }; }).options;
		in `+expression)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// A module cannot know a node's name, so of that option alone it has no default.
func TestModuleDeclaresTheTable(t *testing.T) {
	var got struct{ Settings, Key map[string]bool }
	inModule(t, "{ }", `let has = builtins.mapAttrs (_: o: o ? default); in { settings = has declared; key = has (removeAttrs key [ "hasText" ]); }`, &got)
	for name, has := range got.Settings {
		if has == (name == "targetHost") {
			t.Errorf("%s has a default: %v", name, has)
		}
	}
	for name, has := range got.Key {
		if !has {
			t.Errorf("%s of a key has no default", name)
		}
	}
	if len(got.Settings) != 15 || len(got.Key) != 13 {
		t.Errorf("%d options, %d of a key", len(got.Settings), len(got.Key))
	}
}

// An option may be declared by two modules when only one says anything of it.
// colmena's module, seen by an option that only it has, declares all these.
func TestModuleSaysNothingBesideColmenas(t *testing.T) {
	var got struct {
		Settings map[string][]string
		Key      []string
	}
	inModule(t, "{ deployment.allowLocalDeployment = { }; }", "{ settings = builtins.mapAttrs (_: builtins.attrNames) declared; key = builtins.attrNames key; }", &got)
	shared := []string{"targetHost", "targetPort", "targetUser", "sshOptions", "privilegeEscalationCommand", "tags", "buildOnTarget"}
	for name, said := range got.Settings {
		if name == "keys" {
			if !slices.Equal(said, []string{"type"}) {
				t.Errorf("of keys is said: %q", said)
			}
		} else if (len(said) == 0) != slices.Contains(shared, name) {
			t.Errorf("of %s is said: %q", name, said)
		}
	}
	if want := []string{"allowPersistent", "hasText", "restartUnits", "timeout"}; !slices.Equal(got.Key, want) {
		t.Errorf("of a key are declared %q, want %q", got.Key, want)
	}
}
