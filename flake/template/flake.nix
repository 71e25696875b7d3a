{
  description = "Two hosts, deployed by flakeops";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flakeops.url = "github:flakeops/flakeops";
    flakeops.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    {
      self,
      nixpkgs,
      flakeops,
    }:
    let
      node =
        name: module:
        nixpkgs.lib.nixosSystem {
          modules = [
            flakeops.nixosModules.default
            ./common.nix
            module
            { networking.hostName = name; }
          ];
        };
    in
    {
      # The attributes are the nodes' names. A node is deployed to the host of its
      # name, as ssh finds it, unless deployment.targetHost says otherwise.
      nixosConfigurations = builtins.mapAttrs node {
        web = ./web.nix;
        db = ./db.nix;
      };

      # nix run .#deploy
      apps = flakeops.lib.apps self;

      # nix flake check: are the nodes' deployment settings right?
      checks = flakeops.lib.checks self;
    };
}
