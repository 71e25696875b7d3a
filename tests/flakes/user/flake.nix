# A fleet whose flake has this project as an input.
{
  description = "A fleet that deploys itself";

  inputs = {
    nixpkgs.url = "path:@nixpkgs@";
    flakeops.url = "path:@flakeops@";
    flakeops.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    {
      self,
      nixpkgs,
      flakeops,
    }:
    {
      nixosConfigurations = builtins.mapAttrs (import ./node.nix) (
        builtins.fromJSON (builtins.readFile ./nodes.json)
      );

      apps = flakeops.lib.apps self;
      checks = flakeops.lib.checksWith {
        inherit self;
        selectors = builtins.fromJSON (builtins.readFile ./selectors.json);
      };
    };
}
