# What lib.nixosSystem would return, as far as a deployer looks at it.
name: node:
let
  # Builders run outside a sandbox and use the machine's own shell and tools.
  build =
    args:
    derivation (
      {
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
      }
      // args
    );

  # A store path's name takes few characters; a node's name takes all.
  plain =
    text:
    builtins.concatStringsSep "-" (
      builtins.filter builtins.isString (builtins.split "[^a-zA-Z0-9_+.-]+" text)
    );

  version = node.version or "1";
  platform = node.system or "x86_64-linux";
  faults = node.faults or [ ];
  has = fault: builtins.elem fault faults;
  message = node.message or "as the node's faults ask for";

  # Faults that are not a script in system/faults.
  others = [
    "build-fails"
    "build-slow"
    "eval-slow"
    "eval-throws"
    "no-units"
    "pkgs-throws"
    "reboot-needed"
    "unit-fails"
  ];
  known = fault: builtins.elem fault others || builtins.pathExists (./system/faults + "/${fault}");
  checked = map (
    fault: if known fault then fault else throw "nodes.json: ${name}: no such fault: ${fault}"
  ) faults;

  # Shared by all nodes, and a dependency of their systems at run time too.
  common = build {
    name = "fleet-common";
    args = [
      "-eu"
      ./build/common.sh
    ];
    src = ./system;
  };

  # One store path per service, so that a service changes only with its input.
  serviceWith =
    more: script: value:
    build (
      {
        name = "fleet-${script}";
        args = [
          "-eu"
          (./build + "/${script}.sh")
        ];
        inherit value;
      }
      // more
    );
  service = serviceWith { };
  services =
    if has "no-units" then
      [ ]
    else
      [ (service "app" version) ]
      ++ (if node ? config then [ (service "config" node.config) ] else [ ])
      ++ (if needs != [ ] then [ keyed ] else [ ])
      ++ (if has "unit-fails" then [ (service "broken" message) ] else [ ]);

  # The units of the node's keys, and a service that needs some of them.
  keys = settings.config.keys;
  needs = map (
    attr: keys.${attr} or (throw "nodes.json: ${name}: needs a key that is not there: ${attr}")
  ) (node.needs or [ ]);
  units = import ./keys/units.nix {
    inotifywait = "/usr/bin/inotifywait";
    keys = map (key: {
      inherit (key) name path;
      services =
        if builtins.elem key.name (map (k: k.name) needs) then [ "fleet-keyed.service" ] else [ ];
    }) (builtins.attrValues keys);
  };
  keyed = serviceWith {
    units = map (key: "${units.unit key.name}.service") needs;
    paths = map (key: key.path) needs;
  } "keyed" version;
  keyUnits =
    if keys == { } then
      { }
    else
      units.services // units.paths // { "keys.target" = units.target.text; };

  # `paths` store paths of `payload` bytes in all.
  count =
    if node ? paths then
      node.paths
    else if node ? payload then
      1
    else
      0;
  outputs = builtins.genList (n: "p${toString n}") count;
  bulk = build {
    name = "fleet-bulk";
    args = [
      "-eu"
      ./build/bulk.sh
    ];
    inherit outputs;
    payload = toString (node.payload or 0);
    seed = node.seed or version;
  };

  # A file in a directory, as NixOS's kernel is.
  kernel = build {
    name = "linux-${node.kernel}";
    args = [
      "-euc"
      "mkdir \"$out\"; echo \"$name\" >\"$out/bzImage\""
    ];
  };

  toplevel = build (
    {
      name = "nixos-system-${plain name}-${plain version}";
      args = [
        "-eu"
        ./build/toplevel.sh
      ];
      inherit
        common
        services
        platform
        version
        message
        ;
      faults = checked;
      nodeName = name;
      gateFile = node.gateFile or "";
      bulk = map (output: bulk.${output}) outputs;
      users = node.users or [ ];
      groups = node.groups or [ ];
      # NAME=FILE for each unit of a key, and those that a boot starts.
      keyUnits = map (unit: "${unit}=${builtins.toFile "unit" keyUnits.${unit}}") (
        builtins.attrNames keyUnits
      );
      keyPaths = builtins.attrNames units.paths;
    }
    // (if node ? switch then { variant = node.switch; } else { })
    // (if node ? bootLimit then { bootLimit = toString node.bootLimit; } else { })
    // (if node ? kernel then { inherit kernel; } else { })
    // (
      if node ? inhibitors then { inhibitors = builtins.concatStringsSep "\n" node.inhibitors; } else { }
    )
  );

  # What is read while the node is evaluated, and is there when the gate opens.
  gate = build {
    name = "fleet-gate-${plain version}";
    args = [
      "-euc"
      "until [ -e \"$gateFile\" ]; do sleep 0.05; done; echo true >\"$out\""
    ];
    gateFile = node.gateFile or "";
  };

  settings = import ./settings.nix name node;

  # As in NixOS, what a module asserts keeps the system from being evaluated, and
  # what it warns of is said.
  sound =
    system:
    let
      inherit (settings.defines) assertions warnings;
      failed = builtins.filter (a: !a.assertion) assertions;
    in
    if !settings.imported then
      system
    else if failed != [ ] then
      throw "\nFailed assertions:\n${builtins.concatStringsSep "\n" (map (a: "- ${a.message}") failed)}"
    else
      builtins.foldl' (system: text: builtins.trace "evaluation warning: ${text}" system) system warnings;
in
{
  config = {
    system.build.toplevel =
      if has "eval-throws" then
        throw message
      else if has "eval-slow" then
        assert import gate;
        sound toplevel
      else
        sound toplevel;
    nixpkgs.hostPlatform.system = platform;
    networking.hostName = "fleet";
  }
  // (if settings.imported then { deployment = settings.config; } else { });

  pkgs = if has "pkgs-throws" then throw message else { stdenv.hostPlatform.system = platform; };

  options = if settings.imported then { deployment = settings.options; } else { };
}
