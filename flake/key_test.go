package flake

import (
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"flakeops/internal/settings"
)

func TestKeyErrors(t *testing.T) {
	for set, want := range map[string]string{
		`{"attr":"a"}`: "deployment.keys.a has no source: set one of text, keyFile and keyCommand",
		`{"attr":"a","hasText":true,"keyFile":"x","keyCommand":["x"]}`:       "deployment.keys.a has more than one source, keyCommand and keyFile and text: set exactly one",
		`{"attr":"a/b","hasText":true}`:                                      `deployment.keys."a/b" gives the key its name, which cannot be a file's`,
		`{"attr":"a","name":"../b","hasText":true}`:                          `deployment.keys.a.name is "../b", which cannot be a file's`,
		`{"attr":"a","name":"..","hasText":true}`:                            "cannot be a file's",
		`{"attr":"a","name":".b","hasText":true}`:                            "cannot be a file's",
		`{"attr":"a","name":"-b","hasText":true}`:                            "cannot be a file's",
		`{"attr":"a","name":"b c","hasText":true}`:                           "cannot be a file's",
		`{"attr":"a","name":"$(b)","hasText":true}`:                          "cannot be a file's",
		`{"attr":"a","name":"b\n","hasText":true}`:                           "cannot be a file's",
		`{"attr":"a","name":"","hasText":true}`:                              "cannot be a file's",
		`{"attr":"a","name":"ü","hasText":true}`:                             "cannot be a file's",
		`{"attr":"` + strings.Repeat("a", 201) + `","hasText":true}`:         "has 201 bytes: at most 200 are allowed",
		`{"attr":"` + strings.Repeat("+", 80) + `","hasText":true}`:          "cannot be a file's",
		`{"attr":"a` + strings.Repeat("+", 80) + `","hasText":true}`:         "too long for a unit's name",
		`{"attr":"a","name":5,"hasText":true}`:                               "deployment.keys.a.name is 5, it must be a string",
		`{"attr":"a","destDir":"run","hasText":true}`:                        `deployment.keys.a.destDir is "run", which must be an absolute path`,
		`{"attr":"a","destDir":"/run/../etc","hasText":true}`:                "absolute path",
		`{"attr":"a","destDir":"/run/./a","hasText":true}`:                   "absolute path",
		`{"attr":"a","destDir":"/run/","hasText":true}`:                      "absolute path",
		`{"attr":"a","destDir":"/","hasText":true}`:                          "absolute path",
		`{"attr":"a","destDir":"/run//a","hasText":true}`:                    "absolute path",
		`{"attr":"a","destDir":"/run/a%n","hasText":true}`:                   "absolute path",
		`{"attr":"a","destDir":"/run/a\n","hasText":true}`:                   "absolute path",
		`{"attr":"a","user":"","hasText":true}`:                              "deployment.keys.a.user is \"\", which is neither a name nor a number",
		`{"attr":"a","group":"-x","hasText":true}`:                           "deployment.keys.a.group is \"-x\"",
		`{"attr":"a","group":"a:b","hasText":true}`:                          "neither a name nor a number",
		`{"attr":"a","user":null,"hasText":true}`:                            "deployment.keys.a.user is null",
		`{"attr":"a","permissions":"u=r","hasText":true}`:                    `deployment.keys.a.permissions is "u=r", which must be octal, such as 0400`,
		`{"attr":"a","permissions":"4755","hasText":true}`:                   "at most 0777",
		`{"attr":"a","permissions":"0800","hasText":true}`:                   "octal",
		`{"attr":"a","permissions":400,"hasText":true}`:                      "deployment.keys.a.permissions is 400, it must be a string",
		`{"attr":"a","uploadAt":"never","hasText":true}`:                     "deployment.keys.a.uploadAt is \"never\", which must be pre-activation or post-activation",
		`{"attr":"a","restartUnits":["a.service","b"],"hasText":true}`:       `deployment.keys.a.restartUnits (element 2) is "b", which is not a unit's full name: write, for example, nginx.service`,
		`{"attr":"a","restartUnits":["--now.service"],"hasText":true}`:       "not a unit's full name",
		`{"attr":"a","restartUnits":["a b.service"],"hasText":true}`:         "not a unit's full name",
		`{"attr":"a","restartUnits":["*.service"],"hasText":true}`:           "not a unit's full name",
		`{"attr":"a","allowPersistent":"yes","hasText":true}`:                "deployment.keys.a.allowPersistent is a string",
		`{"attr":"a","timeout":0,"hasText":true}`:                            "deployment.keys.a.timeout is 0, it must be from 1 to",
		`{"attr":"a","keyFile":""}`:                                          "deployment.keys.a.keyFile is \"\", which is empty: name a file",
		`{"attr":"a","keyFile":"a\u0000"}`:                                   "cannot be a file's name",
		`{"attr":"a","keyFile":["a"]}`:                                       "deployment.keys.a.keyFile is a list",
		`{"attr":"a","keyCommand":[]}`:                                       "deployment.keys.a.keyCommand names no program",
		`{"attr":"a","keyCommand":[""]}`:                                     "names no program",
		`{"attr":"a","keyCommand":"pass a"}`:                                 "deployment.keys.a.keyCommand is a string, it must be a list of strings",
		`{"attr":"a","keyCommand":["a",1]}`:                                  "(element 2) is 1, it must be a string",
		`{"attr":"a","keyCommand":["a","hunter2\u0000"]}`:                    "(element 2) holds a byte that no argument can have",
		`{"attr":"a","hasText":true},{"attr":"b","name":"a","hasText":true}`: `deployment.keys.b.name is "a", as that of deployment.keys.a: give each a name of its own`,
	} {
		_, err := parseDeployment("web", gjson.Parse(`{"keys":[`+set+`]}`))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

func TestEvaluateKeys(t *testing.T) {
	n, ctx := realNix(t)
	dir := writeFlake(t, `
		keys = plain "keys" // { config = (plain "keys").config // { deployment.keys = {
			least.text = throw "forced";
			type = { keyCommand = [ "pass" "a b" "" ]; text = null; };
			outPath = { keyFile = ./secret; destDir = "/run/x"; user = "1000"; group = "app"; permissions = "440";
				uploadAt = "post-activation"; restartUnits = [ "a@b.service" ]; allowPersistent = true; timeout = 5; unknown = throw "never read"; };
			"odd attribute" = { name = "a+b@c:d.e-f_g"; keyFile = "secret"; };
		}; }; };
		told = plain "told" // { config = (plain "told").config // { deployment.keys.a = { hasText = true; text = throw "forced"; keyFile = null; }; }; };
		none = plain "none" // { config = (plain "none").config // { deployment.keys = { }; }; };
		both = plain "both" // { config = (plain "both").config // { deployment.keys.a = { text = "x"; keyFile = "y"; }; }; };
		list = plain "list" // { config = (plain "list").config // { deployment.keys = [ ]; }; };
		string = plain "string" // { config = (plain "string").config // { deployment.keys."a b" = "hunter2"; }; };
	`)
	write(t, dir, "secret", "x")
	f := open(t, n, ctx, dir)
	all := evaluate(t, ctx, f)
	for name, want := range map[string]string{
		"both":   "node both cannot be evaluated: deployment.keys.a has more than one source, keyFile and text",
		"list":   "node list cannot be evaluated: config.deployment.keys is no set of keys",
		"string": `node string cannot be evaluated: deployment.keys."a b" is no set of options`,
	} {
		if err := all[name].Err; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for _, name := range []string{"keys", "told", "none"} {
		if err := all[name].Err; err != nil {
			t.Fatal(err)
		}
	}
	if keys := all["none"].Settings.Keys; len(keys) != 0 {
		t.Errorf("keys of a node without: %+v", keys)
	}
	if keys := all["told"].Settings.Keys; len(keys) != 1 || !keys[0].HasText {
		t.Errorf("the module's word is not taken: %+v", keys)
	}
	least, odd, command := keyDefaults("least"), keyDefaults("odd attribute"), keyDefaults("type")
	least.HasText, odd.Name, odd.File = true, "a+b@c:d.e-f_g", "secret"
	command.Command = []string{"pass", "a b", ""}
	set := settings.Key{Attr: "outPath", Name: "outPath", DestDir: "/run/x", User: "1000", Group: "app", Mode: 0o440, UploadAt: settings.PostActivation,
		RestartUnits: []string{"a@b.service"}, AllowPersistent: true, Timeout: 5, File: path.Join(f.Path, "secret")}
	if got, want := all["keys"].Settings.Keys, []settings.Key{least, odd, set, command}; !reflect.DeepEqual(got, want) {
		t.Errorf("keys:\n got %+v\nwant %+v", got, want)
	}
	if got := set.Path(); got != "/run/x/outPath" {
		t.Errorf("path %q", got)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add(`[{"attr":"a","name":"b","hasText":true,"permissions":"0400","restartUnits":["a.service"]}]`)
	f.Add(`[{"attr":"a","keyFile":"/x","destDir":"/run/keys/x"},{"attr":"b","keyCommand":["a"],"timeout":1}]`)
	f.Add(`[{"attr":"a","keyFile":null,"hasText":1},[],0]`)
	f.Fuzz(func(t *testing.T, s string) {
		if !gjson.Valid(s) {
			return
		}
		keys, err := parseKeys(gjson.Parse(s))
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, k := range keys {
			names[k.Name] = true
			sources := map[bool]int{}
			for _, has := range []bool{k.HasText, k.File != "", len(k.Command) > 0} {
				sources[has]++
			}
			switch {
			case sources[true] != 1:
				t.Errorf("%d sources: %+v", sources[true], k)
			case path.Dir(k.Path()) != k.DestDir || path.Base(k.Path()) != k.Name || !path.IsAbs(k.DestDir):
				t.Errorf("leads elsewhere: %+v", k)
			case strings.ContainsAny(k.Path()+k.User+k.Group+strings.Join(k.RestartUnits, ""), "\x00\n\t %\"'*`;&|"):
				t.Errorf("not plain: %+v", k)
			case k.Mode&^0o777 != 0 || k.Timeout < 1:
				t.Errorf("out of bounds: %+v", k)
			}
		}
		if len(names) != len(keys) {
			t.Errorf("names are not unique: %q", slices.Collect(maps.Keys(names)))
		}
	})
}
