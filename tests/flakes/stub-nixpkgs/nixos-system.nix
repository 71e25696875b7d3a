# nixosSystem, as far as modules are plain sets of values: without types,
# priorities and conditions, and with one of the fleet's systems, a new one for
# each new configuration.
{ lib, pkgs }:
{ modules }:
let
  system = config.nixpkgs.hostPlatform;
  arguments = {
    inherit lib config;
    options = { };
    pkgs = pkgs.${system};
  };

  # A module and what it imports, as a list of sets. Those that declare options
  # are this project's own, which fleet/settings.nix stands in for.
  load =
    module:
    let
      given = if builtins.isPath module || builtins.isString module then import module else module;
      set = if builtins.isFunction given then given arguments else given;
    in
    builtins.concatMap load (set.imports or [ ])
    ++ (if set ? options then [ ] else [ (builtins.removeAttrs set [ "imports" ]) ]);

  merge =
    one: other:
    if builtins.isList one && builtins.isList other then
      one ++ other
    else if builtins.isAttrs one && builtins.isAttrs other then
      one
      // builtins.mapAttrs (name: value: if one ? ${name} then merge one.${name} value else value) other
    else
      throw "nixosSystem: an option has two values";

  config = builtins.foldl' merge { } (builtins.concatMap load modules);
  deployment = config.deployment or { };
in
import ./fleet/node.nix config.networking.hostName {
  inherit system;
  version = builtins.substring 0 8 (
    builtins.hashString "sha256" (
      builtins.unsafeDiscardStringContext (builtins.toJSON (builtins.removeAttrs config [ "deployment" ]))
    )
  );
  deployment = builtins.removeAttrs deployment [ "keys" ];
  keys = deployment.keys or { };
}
