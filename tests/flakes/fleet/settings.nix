# A node's settings as the real module would give them, with as much of nixpkgs'
# lib as that needs: kinds are not checked. `name` is the node's, `node` its entry
# in nodes.json; the result has the config and options below `deployment`, and
# what the module defines besides.
name: node:
let
  lib = {
    mkOption = option: option;
    mkIf = condition: content: if condition then content else { };
    mkMerge = builtins.foldl' (all: content: all // content) { };
    literalMD = text: text;
    inherit (builtins) mapAttrs;
    types = {
      bool = null;
      int = null;
      str = null;
      path = null;
      nullOr = type: null;
      either = one: other: null;
      listOf = type: null;
      attrsOf = type: type;
      submodule = module: module;
    };
  };

  module = import ./flake/module.nix {
    inherit lib config options;
    pkgs.inotify-tools = "/inotify-tools";
  };
  declared = module.options.deployment;
  defined = (node.deployment or { }) // (if node ? keys then { keys = given; } else { });

  # keyFile, or the text of a file that is read when the text is evaluated.
  given = builtins.mapAttrs (
    _: key:
    if key ? textFile then
      builtins.removeAttrs key [ "textFile" ] // { text = builtins.readFile (/. + key.textFile); }
    else
      key
  ) node.keys;

  key =
    attr: set:
    let
      inherit
        (declared.keys.type {
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
  value =
    setting: option:
    if setting == "keys" then
      builtins.mapAttrs key (defined.keys or { })
    else
      defined.${setting} or option.default or null;
  isDefined =
    setting: option:
    option
    // {
      isDefined = option ? default || defined ? ${setting};
      definitions = if defined ? ${setting} then [ defined.${setting} ] else [ ];
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

  config = {
    deployment = check "" declared defined (builtins.mapAttrs value declared);
    systemd.services = builtins.mapAttrs (
      _: service:
      {
        enable = true;
        requires = [ ];
        bindsTo = [ ];
        requisite = [ ];
        wantedBy = [ ];
        requiredBy = [ ];
      }
      // service
    ) (node.services or { });
  };
  options.deployment = builtins.mapAttrs isDefined declared;
in
{
  # A node with neither has not imported the module.
  imported = node ? deployment || node ? keys;
  config = config.deployment;
  options = options.deployment;
  defines = module.config;
}
