# A node's settings as the real modules would give them, with as much of
# nixpkgs' lib as those need. `name` is the node's, `node` its entry in
# nodes.json; the result has the config and options below `deployment`.
name: node:
let
  lib = {
    mkOption = option: option;
    literalMD = text: text;
    literalExpression = text: text;
    types = {
      bool = null;
      str = null;
      path = null;
      port = null;
      ints.positive = null;
      nullOr = type: null;
      either = one: other: null;
      enum = values: null;
      listOf = type: null;
      attrsOf = type: type;
      submodule = module: module;
    };
  };

  settings =
    (import ./module.nix {
      inherit lib;
      options = { };
    }).options.deployment;
  defined = node.deployment or { };

  # keyFile, or the text of a file that is read when the text is evaluated.
  given = builtins.mapAttrs (
    _: key:
    if key ? textFile then
      builtins.removeAttrs key [ "textFile" ] // { text = builtins.readFile (/. + key.textFile); }
    else
      key
  ) (node.keys or { });

  keyModule =
    (import ./keys/module.nix {
      inherit lib;
      config = { };
      pkgs = { };
      options.deployment.keys.definitions = [ given ];
    }).options.deployment.keys.type;

  key =
    attr: set:
    let
      inherit
        (keyModule {
          name = attr;
          config = values;
        })
        options
        ;
      values = builtins.mapAttrs (
        setting: option: (option.apply or (value: value)) (set.${setting} or option.default or null)
      ) options;
    in
    check "keys.${attr}." options set values;

  # As in NixOS, an option of a nullable type that nothing defines reads as null.
  value = setting: option: defined.${setting} or option.default or null;
  isDefined =
    setting: option:
    option
    // {
      isDefined = option ? default || defined ? ${setting};
      highestPrio =
        if defined ? ${setting} then
          100
        else if option ? default then
          1500
        else
          9999;
    };

  check =
    where: declared: set: result:
    let
      unknown = builtins.attrNames (builtins.removeAttrs set (builtins.attrNames declared));
    in
    if unknown == [ ] then
      result
    else
      throw "The option `deployment.${where}${builtins.head unknown}' does not exist.";
in
{
  # A node with neither has not imported the modules.
  imported = node ? deployment || node ? keys;
  config = check "" settings defined (builtins.mapAttrs value settings) // {
    keys = builtins.mapAttrs key given;
  };
  options = builtins.mapAttrs isDefined settings;
}
