package keys

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flakeops/internal/settings"
)

func TestFilesThatAreNoSecretAreRefused(t *testing.T) {
	base := t.TempDir()
	flake, source, other := filepath.Join(base, "tree"), filepath.Join(base, "source"), filepath.Join(base, "other")
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("Tr0ub4dor"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{flake + "/tracked", source + "/tracked", flake + "/sub/tracked", source + "/sub/tracked",
		flake + "/ignored", flake + "/sub/ignored", other + "/secret"} {
		write(name)
	}
	link(other+"/secret", flake+"/away")
	link(other+"/secret", source+"/away") // a tracked link to a file that is not
	link(other, flake+"/out")             // the same of a directory
	link(other, source+"/out")
	link("sub", flake+"/in")
	link("sub", source+"/in")
	link(flake+"/tracked", other+"/back")
	link(flake, base+"/alias")
	link("tracked", flake+"/near")
	if err := syscall.Mkfifo(other+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, dir, want string }{
		{"ignored", "", ""},
		{flake + "/ignored", "", ""},
		{other + "/secret", "", ""},
		{"../other/secret", "", ""},
		{"away", "", ""},
		{"out/secret", "", ""},
		{"in/ignored", "", ""},
		{"in/tracked", "", "part of the flake's source"},
		{"out/back", "", "part of the flake's source"},
		{"ignored", flake + "/sub", ""},
		{"tracked", "", "part of the flake's source"},
		{"./sub/../tracked", "", "part of the flake's source"},
		{flake + "/tracked", "", "part of the flake's source"},
		{"tracked", flake + "/sub", "part of the flake's source"},
		{"../tracked", flake + "/sub", "part of the flake's source"},
		{"near", "", "part of the flake's source"},
		{other + "/back", "", "part of the flake's source"},
		{base + "/alias/tracked", "", "part of the flake's source"},
		{"tracked", base + "/alias", "part of the flake's source"},
		{other + "/pipe", "", "not a regular file"},
		{other, "", "not a regular file"},
		{"/dev/zero", "", "not a regular file"},
		{other + "/missing", "", "no such file"},
		{"~/secret", "", "~ is not expanded"},
		{"/nix/store/missing-source/x", "", "give the path as a string"},
		{"/nix/store/../store/x", "", "in the store"},
		{"tracked", "none", "give an absolute path"},
	} {
		r := &Reader{Dir: flake, Source: source, Root: flake}
		switch c.dir {
		case "":
		case "none":
			r.Dir, r.Root = "", ""
		default:
			r.Dir = c.dir
			if c.dir == base+"/alias" {
				r.Root = ""
			}
		}
		k := settings.Key{Attr: "k", Name: "k", DestDir: "/run/keys", User: "root", Group: "root", UploadAt: settings.PreActivation, Timeout: 60, File: c.file}
		got, err := r.Read(t.Context(), "web", []settings.Key{k})
		switch {
		case c.want == "" && (err != nil || string(got[0].Secret.Reveal()) != "Tr0ub4dor"):
			t.Errorf("%s in %s: %v", c.file, c.dir, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "web: key k: keyFile ")):
			t.Errorf("%s in %s: %v, want %q", c.file, c.dir, err, c.want)
		case err != nil && strings.Contains(err.Error(), "Tr0ub4dor"):
			t.Errorf("the value is in %v", err)
		}
	}
}
