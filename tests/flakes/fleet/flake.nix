# A fleet without nixpkgs. nodes.json says which nodes there are; README.md
# says what may be written in it.
{
  description = "A fleet of small systems to deploy";

  outputs =
    { self }:
    {
      nixosConfigurations = builtins.mapAttrs (import ./node.nix) (
        builtins.fromJSON (builtins.readFile ./nodes.json)
      );
    };
}
