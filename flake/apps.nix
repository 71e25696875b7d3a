# The apps of a fleet's flake: a flakeops that knows which flake it comes from,
# for `nix run .#deploy`, and for `nix run github:me/fleet#deploy` from anywhere.
{
  systems,
  package,
  writeShellScriptBin,
}:
self:
let
  source = self.sourceInfo.outPath or self.outPath;

  # Newer versions of nix have the flake's own directory in outPath, so the
  # part of it below the source is known; 2.8 has the source in both.
  length = builtins.stringLength source;
  below = builtins.substring (length + 1) (-1) (toString self.outPath);
  dir =
    if below != "" then
      below
    else if builtins.pathExists (source + "/flake.nix") then
      ""
    else
      throw "flakeops.lib.apps: this version of nix does not say in which directory of ${source} the flake is: use Nix 2.14 or newer, or have flake.nix at the top";

  # The locked reference: the hash makes it the same for every deployer.
  parameters = builtins.concatStringsSep "&" (
    builtins.filter (p: p != "") [
      (if dir == "" then "" else "dir=${escape (builtins.unsafeDiscardStringContext dir)}")
      "narHash=${escape self.narHash}"
      (if self ? lastModified then "lastModified=${toString self.lastModified}" else "")
      (if self ? rev then "rev=${self.rev}" else "")
    ]
  );
  escape =
    builtins.replaceStrings
      [
        "%"
        "+"
        "="
        "&"
        "#"
        "?"
        " "
      ]
      [
        "%25"
        "%2B"
        "%3D"
        "%26"
        "%23"
        "%3F"
        "%20"
      ];

  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";

  # The source stays in the store for as long as the script does.
  script =
    system:
    writeShellScriptBin system "deploy" ''
      export FLAKEOPS_SELF=${quote "path:${source}?${parameters}"}
      exec ${package system}/bin/flakeops "$@"
    '';

  apps = system: rec {
    deploy = {
      type = "app";
      program = "${script system}/bin/deploy";
      meta.description = "Deploy the nodes of this flake";
    };
    default = deploy;
  };
in
builtins.listToAttrs (
  map (system: {
    name = system;
    value = apps system;
  }) systems
)
