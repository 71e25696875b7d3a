package flake

import (
	"reflect"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
	"flakeops/internal/settings"
)

func TestEvaluateKeys(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := nixtest.Flake(t, `
		keys = plain "keys" // { config = (plain "keys").config // { deployment.keys = {
			least.text = throw "forced";
			type = { keyCommand = [ "pass" "a b" "" ]; text = null; };
			outPath = { keyFile = "/secret"; destDir = "/run/x"; user = "1000"; group = "app"; permissions = "440";
				uploadAt = "post-activation"; restartUnits = [ "a@b.service" ]; allowPersistent = true; timeout = 5; };
			"odd attribute" = { name = "a+b@c:d.e-f_g"; keyFile = "secret"; };
		}; }; };
		told = plain "told" // { config = (plain "told").config // { deployment.keys.a = { hasText = true; text = throw "forced"; keyFile = null; }; }; };
		none = plain "none" // { config = (plain "none").config // { deployment.keys = { }; }; };
		both = plain "both" // { config = (plain "both").config // { deployment.keys.a = { text = "x"; keyFile = "y"; }; }; };
		path = plain "path" // { config = (plain "path").config // { deployment.keys.a.keyFile = ./secret; }; };
		list = plain "list" // { config = (plain "list").config // { deployment.keys = [ ]; }; };
		string = plain "string" // { config = (plain "string").config // { deployment.keys."a b" = "hunter2"; }; };
	`)
	nixtest.Write(t, dir, "secret", "x")
	f := open(t, n, ctx, dir)
	all := evaluate(t, ctx, f)
	for name, want := range map[string]string{
		"both":   "node both cannot be evaluated: deployment.keys.a has more than one source, keyFile and text",
		"path":   "node path cannot be evaluated: deployment.keys.a.keyFile is \"" + f.Path + "/secret\", which is part of the flake's source",
		"list":   "node list cannot be evaluated: deployment.keys is a list, not a set of keys",
		"string": `node string cannot be evaluated: deployment.keys."a b" is a string, not a set of options`,
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
	least, odd, command := defaultKey("least"), defaultKey("odd attribute"), defaultKey("type")
	least.HasText, odd.Name, odd.File = true, "a+b@c:d.e-f_g", "secret"
	command.Command = []string{"pass", "a b", ""}
	set := settings.Key{Attr: "outPath", Name: "outPath", DestDir: "/run/x", User: "1000", Group: "app", Mode: 0o440, UploadAt: settings.PostActivation,
		RestartUnits: []string{"a@b.service"}, AllowPersistent: true, Timeout: 5, File: "/secret"}
	if got, want := all["keys"].Settings.Keys, []settings.Key{least, odd, set, command}; !reflect.DeepEqual(got, want) {
		t.Errorf("keys:\n got %+v\nwant %+v", got, want)
	}
	if got := set.Path(); got != "/run/x/outPath" {
		t.Errorf("path %q", got)
	}
}
