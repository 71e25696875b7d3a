# What flakeops evaluates in a flake's nixosConfigurations. `nix eval --apply`
# calls one of these functions on the whole set, so a node is looked up here by
# a string and its name never has to fit into a flake reference.
let
  # A set with an attribute named outPath would be printed as that path alone.
  node = fields: name: configurations:
    let
      configuration = configurations.${name};
      toplevel = configuration.config.system.build.toplevel or (throw
        "config.system.build.toplevel is not defined: nixosConfigurations should hold what nixpkgs.lib.nixosSystem returns");
    in
    {
      drv = toplevel.drvPath;
      out = toplevel.outPath;
      # The host's platform; the derivation's is the builder's, another one
      # when the system is cross-compiled.
      system = configuration.pkgs.stdenv.hostPlatform.system or toplevel.system;
      deployment = deployment fields configuration;
    };

  # Only the given settings, and of them only those that are set. In a
  # configuration made of modules an option that nothing defines may read as
  # null, which is a value of its own for targetHost.
  deployment = fields: configuration:
    let
      options = configuration.options.deployment or { };
      set = configuration.config.deployment or { };
      defined = name: set ? ${name} && (options.${name}.isDefined or true);
    in
    builtins.listToAttrs (map (name: { inherit name; value = set.${name}; })
      (builtins.filter defined fields));
in
{
  inherit node;
  names = builtins.attrNames;
  tags = name: configurations:
    (deployment [ "tags" ] configurations.${name}).tags or [ ];
}
