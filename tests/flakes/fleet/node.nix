# What lib.nixosSystem would return, as far as a deployer looks at it.
name: node:
let
  # Builders run outside a sandbox and use the machine's own shell and tools.
  build = args: derivation ({
    system = "x86_64-linux";
    builder = "/bin/sh";
    PATH = "/usr/bin:/bin";
  } // args);

  # A store path's name takes few characters; a node's name takes all.
  plain = text: builtins.concatStringsSep "-"
    (builtins.filter builtins.isString (builtins.split "[^a-zA-Z0-9_+.-]+" text));

  version = node.version or "1";
  platform = node.system or "x86_64-linux";
  faults = node.faults or [ ];
  has = fault: builtins.elem fault faults;
  message = node.message or "as the node's faults ask for";

  # Faults that are not a script in system/faults.
  others = [
    "build-fails" "build-slow" "eval-throws" "no-units" "reboot-needed" "unit-fails"
  ];
  known = fault: builtins.elem fault others || builtins.pathExists (./system/faults + "/${fault}");
  checked = map
    (fault: if known fault then fault else throw "nodes.json: ${name}: no such fault: ${fault}")
    faults;

  # Shared by all nodes, and a dependency of their systems at run time too.
  common = build {
    name = "fleet-common";
    args = [ "-eu" ./build/common.sh ];
    src = ./system;
  };

  # One store path per service, so that a service changes only with its input.
  service = script: value: build {
    name = "fleet-${script}";
    args = [ "-eu" (./build + "/${script}.sh") ];
    inherit value;
  };
  services =
    if has "no-units" then [ ]
    else
      [ (service "app" version) ]
      ++ (if node ? config then [ (service "config" node.config) ] else [ ])
      ++ (if has "unit-fails" then [ (service "broken" message) ] else [ ]);

  # `paths` store paths of `payload` bytes in all.
  count = if node ? paths then node.paths else if node ? payload then 1 else 0;
  outputs = builtins.genList (n: "p${toString n}") count;
  bulk = build {
    name = "fleet-bulk";
    args = [ "-eu" ./build/bulk.sh ];
    inherit outputs;
    payload = toString (node.payload or 0);
    seed = node.seed or version;
  };

  toplevel = build {
    name = "nixos-system-${plain name}-${plain version}";
    args = [ "-eu" ./build/toplevel.sh ];
    inherit common services platform version message;
    faults = checked;
    nodeName = name;
    gateFile = node.gateFile or "";
    bulk = map (output: bulk.${output}) outputs;
  };

  # The real module, given as much of nixpkgs' lib as it needs.
  module = import ./module.nix {
    lib = {
      mkOption = option: option;
      literalMD = text: text;
      types = {
        bool = null;
        str = null;
        port = null;
        ints.positive = null;
        nullOr = type: null;
        listOf = type: null;
      };
    };
  };
  declared = module.options.deployment;
  defined = node.deployment or { };
  unknown = builtins.attrNames (builtins.removeAttrs defined (builtins.attrNames declared));

  # As in NixOS, an option of a nullable type that nothing defines reads as null.
  value = setting: option: defined.${setting} or option.default or null;
  isDefined = setting: option: option // {
    isDefined = option ? default || defined ? ${setting};
  };
  imported = node ? deployment;
in
{
  config = if unknown != [ ] then throw "The option `deployment.${builtins.head unknown}' does not exist." else {
    system.build.toplevel = if has "eval-throws" then throw message else toplevel;
    nixpkgs.hostPlatform.system = platform;
    networking.hostName = "fleet";
  } // (if imported then { deployment = builtins.mapAttrs value declared; } else { });

  pkgs.stdenv.hostPlatform.system = platform;

  options = if imported then { deployment = builtins.mapAttrs isDefined declared; } else { };
}
