# The systemd units of a node's keys: a pure function that needs neither pkgs
# nor lib. A key's service is up exactly while its file is there, so a service
# that needs the key requires it and comes after it.
#
# At boot no key is there and nothing waits for one: a service that requires
# the key is left out. The path unit starts the key's service when the key
# arrives, which then starts those of `services`.
#
# Names and paths are taken as checked: they hold nothing that systemd expands
# or splits.
{
  # The program of inotify-tools.
  inotifywait,
  # A list of { name, path, services ? [ ] }; services are the units that are
  # started at boot and require the key.
  keys,
}:
let
  # "+" is the one character of a key's name that a unit's name may not have.
  unit = name: builtins.replaceStrings [ "+" ] [ "\\x2b" ] name + "-key";

  lines = builtins.concatStringsSep "\n";

  # The watch ends with status 1 when the file went before it began. A key may
  # change many times in a row, so starts are not limited here; the path unit
  # has a limit of its own. Another version of the program is no reason to
  # restart what depends on the key.
  service =
    {
      name,
      path,
      services ? [ ],
      ...
    }:
    lines (
      [
        "[Unit]"
        "Description=Key ${name}"
        "AssertPathExists=${path}"
        "StartLimitIntervalSec=0"
      ]
      ++ map (wanted: "Wants=${wanted}") services
      ++ [
        ""
        "[Service]"
        "Type=exec"
        "ExecStart=${inotifywait} -qq -e delete_self -e move_self ${path}"
        "SuccessExitStatus=1"
        "X-RestartIfChanged=false"
        ""
      ]
    );

  watch =
    { name, path, ... }:
    lines [
      "[Unit]"
      "Description=Key ${name}"
      ""
      "[Path]"
      "PathExists=${path}"
      ""
    ];

  named =
    suffix: text:
    builtins.listToAttrs (
      map (key: {
        name = unit key.name + suffix;
        value = text key;
      }) keys
    );
in
rec {
  # The name of a key's service without its suffix.
  inherit unit;

  # Text by name. Nothing but its path unit starts a key's service at boot.
  services = named ".service" service;

  # Text by name; to be started at boot.
  paths = named ".path" watch;

  # keys.target is up when all keys are there. It is started by whoever sends
  # keys: a switch that started it would fail where a key is sent afterwards.
  target = rec {
    requires = builtins.attrNames services;
    after = requires;
    unitConfig.X-OnlyManualStart = true;
    text = lines (
      [
        "[Unit]"
        "Description=Security Keys"
        "X-OnlyManualStart=true"
        "X-StopOnReconfiguration=true"
      ]
      ++ map (name: "Requires=${name}") requires
      ++ map (name: "After=${name}") after
      ++ [ "" ]
    );
  };
}
