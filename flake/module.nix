# The NixOS module: the options of schema.nix, what is wrong with their values, and
# the units by which services wait for a node's keys.
#
# flakeops reads the settings on the operator's machine. What is wrong about
# reaching the host is a warning here, for the system is none the worse for it;
# what is wrong with a key is an assertion. No value of a key becomes part of the
# system: what is built is the same whatever a text says, and building it never
# looks at the text. A node that does not import this module is deployed with the
# defaults.
#
# NixOS itself has the directory (/run/keys, a ramfs of its
# boot.specialFileSystems, 0750 root:keys by a tmpfiles rule), the group keys
# with its number, and keys.target; this adds to them only what is missing.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  library = import ./lib.nix { };
  inherit (config.deployment) keys;
  inherit (library.read "" { inherit config options; }) problems;

  # What is started at boot and requires the key: it starts when the key comes.
  waiting =
    name:
    let
      needs = s: builtins.elem "${units.unit name}.service" (s.requires ++ s.bindsTo ++ s.requisite);
      wanted = s: s.enable && s.wantedBy ++ s.requiredBy != [ ] && needs s;
    in
    map (s: "${s}.service") (
      builtins.filter (s: wanted config.systemd.services.${s}) (
        builtins.attrNames config.systemd.services
      )
    );

  units = import ../keys/units.nix {
    inotifywait = "${pkgs.inotify-tools}/bin/inotifywait";
    # What is refused must not fail in a less clear way here.
    keys =
      if problems.host != [ ] then
        [ ]
      else
        map (k: {
          inherit (k) name path;
          services = waiting k.name;
        }) (builtins.attrValues keys);
  };
in
{
  options.deployment = library.options { inherit lib options; };

  config = lib.mkMerge [
    {
      warnings = problems.reaching;
      assertions = map (message: {
        assertion = false;
        inherit message;
      }) problems.host;
    }
    (lib.mkIf (keys != { }) {
      users.groups.keys = { };
      systemd.units =
        lib.mapAttrs (_: text: { inherit text; }) units.services
        // lib.mapAttrs (_: text: {
          inherit text;
          wantedBy = [ "paths.target" ];
        }) units.paths;
      systemd.targets.keys = { inherit (units.target) requires after unitConfig; };
    })
  ];
}
