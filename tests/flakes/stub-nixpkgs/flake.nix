# As much of nixpkgs as this project's flake.nix and its template ask for, on a
# machine that has Go and coreutils where nixpkgs would bring its own.
{
  description = "A stand-in for nixpkgs";

  outputs =
    { self }:
    {
      lib = import ./lib.nix // {
        nixosSystem = import ./nixos-system.nix {
          inherit (self) lib;
          pkgs = self.legacyPackages;
        };
      };
      legacyPackages = self.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (
        import ./packages.nix
      );
    };
}
