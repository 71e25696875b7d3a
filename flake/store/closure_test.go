package store

import (
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestClosure(t *testing.T) {
	nix, ctx := local(t)
	dir := nixtest.Flake(t, `a = system "a" "echo ${drv "needed" "echo 0123456789 > $out" { }} > $out" { };`)
	out := strings.TrimSpace(nixtest.Command(t, dir, "nix", "eval", "--raw", "path:"+dir+"#nixosConfigurations.a.config.system.build.toplevel.outPath"))
	if c, err := nix.Closure(ctx, out); c != nil || err != nil {
		t.Errorf("of what is not built: %v, %v", c, err)
	}
	nixtest.Command(t, dir, "nix", "build", "--no-link", "path:"+dir+"#nixosConfigurations.a.config.system.build.toplevel")
	c, err := nix.Closure(ctx, out)
	if err != nil || len(c) != 2 || c[out] < 100 {
		t.Fatalf("%v, %v", c, err)
	}
	for path, size := range c {
		if path != out && (!strings.HasSuffix(path, "-needed") || size < 100) {
			t.Errorf("%s has %d bytes", path, size)
		}
	}
	if _, err := nix.Closure(ctx, "/nowhere"); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("of no store path: %v", err)
	}
}
