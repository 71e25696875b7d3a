# The options that activate/module.nix and keys/module.nix declare, as a list in
# the order of their names, with as much of nixpkgs' lib as declaring them needs.
# A type is its description here.
root:
let
  lib = {
    mkOption = option: option;
    literalMD = text: { inherit text; };
    literalExpression = text: { text = "`${text}`"; };
    types = rec {
      bool = "boolean";
      str = "string";
      path = "path";
      port = "integer from 0 to 65535";
      ints.positive = "positive integer";
      nullOr = type: "null or ${type}";
      either = one: other: "${one} or ${other}";
      enum = values: builtins.concatStringsSep " or " (map builtins.toJSON values);
      listOf = type: "list of ${plural type}";
      attrsOf = type: { inherit type; };
      submodule = module: module;
      plural = type: "${type}s";
    };
  };

  deployment =
    (import (root + "/activate/module.nix") {
      inherit lib;
      options = { };
    }).options.deployment;
  keys =
    (import (root + "/keys/module.nix") {
      inherit lib;
      config = { };
      options = { };
      pkgs = { };
    }).options.deployment.keys;
  key = keys.type.type {
    name = "<name>";
    config = {
      destDir = "<destDir>";
      name = "<name>";
    };
  };

  described =
    prefix: options:
    map (
      name:
      let
        option = options.${name};
      in
      {
        name = prefix + name;
        type = if builtins.isString option.type then option.type else "attribute set of keys, see below";
        inherit (option) description;
        readOnly = option.readOnly or false;
      }
      // (
        if option ? defaultText then
          { defaultText = option.defaultText.text; }
        else if option ? default then
          { inherit (option) default; }
        else
          { }
      )
      // (if option ? example then { inherit (option) example; } else { })
    ) (builtins.filter (name: !(options.${name}.internal or false)) (builtins.attrNames options));
in
{
  deployment = described "deployment." (deployment // { inherit keys; });
  keys = described "deployment.keys.<name>." key.options;
}
