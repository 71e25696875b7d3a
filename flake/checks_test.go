package flake

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// checked is what is said of nodes with these settings, written as JSON: by
// checks.nix, and when they are evaluated to be deployed.
func checked(t *testing.T, settings []string) (found [][]string, said []error) {
	t.Helper()
	n, ctx := realNix(t)
	hash := "/nix/store/" + strings.Repeat("0", 32)
	out, err := n.calculate(ctx, `
		let
			library = `+library+`;
			build.toplevel = { drvPath = "`+hash+`-x.drv"; outPath = "`+hash+`-x"; system = "x86_64-linux"; };
			node = name: text:
				let configurations.${name}.config = { system = { inherit build; }; deployment = builtins.fromJSON text; }; in {
					found = (library.check (`+checks+`) (`+valueChecks+`) name configurations).problems;
					said = removeAttrs (library.node `+nixStrings(optionNames())+nixStrings(keyOptionNames())+` name configurations) [ "outPath" ];
				};
		in map (node "web") `+nixStrings(settings))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range gjson.ParseBytes(out).Array() {
		problems := []string{}
		for _, p := range one.Get("found").Array() {
			problems = append(problems, p.String())
		}
		err := (&Evaluation{Name: "web"}).read([]byte(one.Get("said").Raw), WithSystem)
		found, said = append(found, problems), append(said, err)
	}
	if len(found) != len(settings) {
		t.Fatalf("%d answers for %d nodes: %s", len(found), len(settings), out)
	}
	return found, said
}

// What checks.nix finds without evaluating a system is what is said of a node
// when it is deployed.
func TestChecksSayWhatADeploymentWould(t *testing.T) {
	settings := []string{
		`{"targetHost":""}`, `{"targetHost":"-oProxyCommand=x"}`, `{"targetHost":"-o\nx"}`, `{"targetHost":"a b"}`,
		`{"targetHost":"a\nb"}`, `{"targetHost":"root@a"}`, `{"targetHost":"a/b"}`, `{"targetHost":5}`,
		`{"targetHost":"a,b"}`, `{"targetHost":"0,"}`, `{"targetHost":"*"}`, `{"targetHost":"a?"}`, `{"targetHost":"!a"}`, `{"targetHost":"|1|x"}`,
		`{"targetHost":"#a"}`, `{"targetHost":"[::1]"}`, `{"targetHost":"[a]:22"}`, `{"targetHost":"a'b"}`, `{"targetHost":"a\"b"}`, `{"targetHost":"a\\b"}`,
		`{"targetHost":"$(a)"}`, `{"targetHost":"a;b"}`, `{"targetHost":"a&b"}`, `{"targetHost":"a|b"}`, `{"targetHost":"a<b"}`, `{"targetHost":"a{b}"}`,
		`{"targetHost":"~a"}`, `{"targetHost":"a=b"}`, `{"targetHost":"a%b"}`, `{"targetHost":"grün"}`, `{"targetHost":"web:22"}`, `{"targetHost":"0"}`,
		`{"targetHost":"1.2.3.400"}`, `{"targetHost":"1::2::3"}`, `{"targetHost":"::1%a,b"}`, `{"targetHost":"::1%"}`, `{"targetHost":"a..b"}`,
		`{"targetHost":"` + strings.Repeat("a", 64) + `"}`, `{"targetHost":"` + strings.Repeat("a.", 127) + `"}`, `{"alternateHosts":["a_b.c","x!"]}`,
		`{"alternateHosts":["a","-b"]}`, `{"alternateHosts":"a"}`, `{"alternateHosts":[null]}`,
		`{"targetPort":0}`, `{"targetPort":65536}`, `{"targetPort":22.5}`, `{"targetPort":"22"}`,
		`{"targetUser":""}`, `{"targetUser":"-x"}`, `{"targetUser":"a b"}`, `{"targetUser":false}`,
		`{"sshOptions":["A=b\nC=d"]}`, `{"sshOptions":{}}`, `{"sshOptions":[""]}`,
		`{"sshOptions":["-F","/x"]}`, `{"sshOptions":["-Jgate"]}`, `{"sshOptions":["A=b","-p"]}`, `{"sshOptions":["-o","-J"]}`, `{"sshOptions":["-o"]}`, `{"sshOptions":["-4","-v"]}`,
		`{"privilegeEscalationCommand":[""]}`, `{"targetUser":"me","privilegeEscalationCommand":[]}`,
		`{"targetUser":null,"privilegeEscalationCommand":[]}`,
		`{"tags":["a,b"]}`, `{"tags":["@a"]}`, `{"tags":["a b"]}`, `{"tags":[""]}`, `{"tags":null}`,
		`{"buildOnTarget":null}`, `{"substituteOnTarget":0}`, `{"magicRollback":"yes"}`, `{"autoRollback":[]}`,
		`{"confirmTimeout":0}`, `{"activationTimeout":-1}`, `{"activationTimeout":2592001}`,
		`{"keys":{"k":{}}}`, `{"keys":{"k":{"text":"x","keyFile":"/y"}}}`, `{"keys":{"k":{"text":"x","keyFile":"/y","keyCommand":["z"]}}}`,
		`{"keys":{"a b":{"text":"x"}}}`, `{"keys":{"k":{"text":"x","name":".k"}}}`, `{"keys":{"k":{"text":"x","name":7}}}`,
		`{"keys":{"k":{"text":"x","name":"` + strings.Repeat("k", 201) + `"}}}`,
		`{"keys":{"k":{"text":"x","name":"` + strings.Repeat("+", 100) + `"}}}`,
		`{"keys":{"k":{"text":"x"},"l":{"text":"x","name":"k"}}}`,
		`{"keys":{"k":{"text":"x","destDir":"run"}}}`, `{"keys":{"k":{"text":"x","destDir":"/run/../etc"}}}`, `{"keys":{"k":{"text":"x","destDir":"/run/"}}}`,
		`{"keys":{"k":{"text":"x","user":"a b"}}}`, `{"keys":{"k":{"text":"x","group":"-g"}}}`,
		`{"keys":{"k":{"text":"x","permissions":"0888"}}}`, `{"keys":{"k":{"text":"x","permissions":400}}}`, `{"keys":{"k":{"text":"x","permissions":"4755"}}}`,
		`{"keys":{"k":{"text":"x","uploadAt":"now"}}}`, `{"keys":{"k":{"text":"x","restartUnits":["nginx"]}}}`, `{"keys":{"k":{"text":"x","restartUnits":["-a.service"]}}}`,
		`{"keys":{"k":{"text":"x","allowPersistent":1}}}`, `{"keys":{"k":{"text":"x","timeout":0}}}`,
		`{"keys":{"k":{"keyFile":""}}}`, `{"keys":{"k":{"keyFile":3}}}`, `{"keys":{"k":{"keyCommand":[]}}}`, `{"keys":{"k":{"keyCommand":[""]}}}`, `{"keys":{"k":{"keyCommand":"pass x"}}}`,
	}
	fine := []string{
		`{}`, `{"targetHost":null}`, `{"targetHost":"10.0.0.1"}`, `{"targetHost":"fe80::1%eth0"}`, `{"targetHost":"2001:db8::17"}`,
		`{"targetHost":"::ffff:192.0.2.1"}`, `{"targetHost":"Web_1.Example.org."}`, `{"targetHost":"host","targetPort":22}`,
		`{"targetHost":"host","targetPort":2222}`, `{"targetHost":"host","sshOptions":["ProxyJump=a"]}`, `{"sshOptions":["-o","A=b","-oC=d","-J","gate","-p","2222","-i","~/x","-l","me","-4","-6","-A","-C"]}`, `{"alternateHosts":["own","own"],"targetHost":"own"}`,
		`{"targetUser":null}`, `{"tags":["a","b"],"confirmTimeout":2592000,"activationTimeout":1}`,
		`{"targetUser":"me","privilegeEscalationCommand":["doas"]}`,
		`{"keys":{"k":{"text":"x","permissions":"0440","user":"65534","group":"machine$","destDir":"/a/b.c","restartUnits":["a@b.service"],"allowPersistent":true}}}`,
		`{"keys":{"k":{"keyFile":"~/x","timeout":2592000}}}`, `{"keys":{"k":{"keyCommand":["pass","",""],"uploadAt":"post-activation","name":"a+b"}}}`,
	}
	found, said := checked(t, slices.Concat(settings, fine))
	for i, s := range slices.Concat(settings, fine) {
		switch {
		case i >= len(settings):
			if said[i] != nil || len(found[i]) > 0 {
				t.Errorf("%s: deployed: %v, checked: %q", s, said[i], found[i])
			}
		case said[i] == nil:
			t.Errorf("%s can be deployed; checked: %q", s, found[i])
		case len(found[i]) != 1 || found[i][0] != said[i].Error():
			t.Errorf("%s\nchecked:  %q\ndeployed: %q", s, found[i], said[i])
		}
	}
}

// What a deployment would not notice, or not before ssh does.
func TestChecksAreStricter(t *testing.T) {
	for settings, want := range map[string]string{
		`{"targetHots":"x"}`: "deployment.targetHots is no option: did you mean targetHost?",
		`{"TARGETUSER":"x"}`: "deployment.TARGETUSER is no option: the options are",
		`{"a b":1}`:          `deployment."a b" is no option`,
		`{"keys":{"k":{"text":"x","permission":""}}}`: "deployment.keys.k.permission is no option: did you mean permissions?",
		`{"keys":[]}`: "deployment.keys is a list, not a set of keys",
		`[]`:          "config.deployment is a list, not a set of options",
		`{"keys":{"k":{"keyFile":"/nix/store/x"}}}`: `deployment.keys.k.keyFile is "/nix/store/x", which is part of the flake's source or otherwise in the store`,
	} {
		n, ctx := realNix(t)
		dir := writeFlake(t, `web.config.deployment = builtins.fromJSON `+nixString(settings)+`;`)
		found, err := open(t, n, ctx, dir).Validate(ctx, []string{"web"}, func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if v := found[0]; v.Err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], want) {
			t.Errorf("%s: %+v, want %q", settings, v, want)
		}
	}
}
