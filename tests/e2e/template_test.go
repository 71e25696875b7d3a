package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"flakeops/tests/flakes"
)

// The template names the public addresses of its inputs; here they are
// directories. Everything else is as the template has it.
func TestTheTemplateDeploysAsItIs(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "sid"})
	dir, project := filepath.Join(t.TempDir(), "fleet"), flakes.Project(t)
	f.nix(f.home, "flake", "new", "--template", "path:"+project, dir).exits(0)
	flakes.FillIn(t, filepath.Join(dir, "flake.nix"),
		"github:NixOS/nixpkgs/nixos-unstable", "path:"+flakes.Nixpkgs(t),
		"github:flakeops/flakeops", "path:"+project)
	f.nix(dir, "flake", "lock").exits(0)
	f.dir = dir

	f.nix(dir, "flake", "check").exits(0)
	f.nix(dir, "run", ".#deploy", "--", "list").exits(0).says("web", "db")
	f.nix(dir, "run", ".#deploy").exits(0).says("deployed")
	for name, m := range f.hosts {
		m.runs(f.system(name))
	}
	f.nix(dir, "run").exits(0).says("up to date")

	// What the lock pins is told, and which host does not go by it alone.
	f.nix(dir, "run", ".#deploy", "--", "lock", "--check", "--max-age", "100y").exits(0).says("INPUT", "flakeops", "nixpkgs")
	f.nix(dir, "run", ".#deploy", "--", "lock", "--check", "--max-age", "0h").exits(1).says("input nixpkgs is older than 0d", "nix flake update")
	f.hosts["web"].sh("echo https://nixos.org/channels/nixos-25.11 nixos >/root/.nix-channels")
	f.hosts["db"].sh("systemctl stop ssh.socket ssh.service")
	f.nix(dir, "run", ".#deploy", "--", "lock").exits(7).says("channel nixos of root", "unreachable")
	f.hosts["db"].sh("systemctl start ssh.service")

	// And it takes what the host says of itself, which defines each option
	// that the file it takes the place of defines.
	said := `{ config, lib, pkgs, ... }:
{
  fileSystems."/" = { device = "/dev/disk/by-uuid/3e6be9de-8139-11d1-9106-a43f08d823a6"; fsType = "xfs"; };
  swapDevices = [ ];
  nixpkgs.hostPlatform = "aarch64-linux";
}
`
	if err := os.WriteFile(filepath.Join(dir, "db-hardware.nix"), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	f.nix(dir, "eval", ".#nixosConfigurations.db.pkgs.stdenv.hostPlatform.system").exits(0).says("aarch64-linux")
}
