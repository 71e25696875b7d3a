{
  description = "Deploys a NixOS fleet from its flake and cannot lock its operator out";

  outputs = { self }: {
    nixosModules.default.imports = [ ./activate/module.nix ./keys/module.nix ];
  };
}
