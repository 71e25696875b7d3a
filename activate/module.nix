# The settings of a node, as a NixOS module: config.deployment.
#
# flakeops reads them on the operator's machine; nothing here changes the
# system that is built. A node that does not import this module is deployed
# with the defaults.
#
# targetHost has no default here on purpose. It means the node's name, and a
# module is never told under which name its configuration is an attribute of
# nixosConfigurations (networking.hostName is another name). Its value cannot
# tell either: an option of this type that nothing defines reads as null, which
# when defined means never deployed. So the reader asks
# options.deployment.targetHost.isDefined, and takes the node's name for false.
#
# A fleet may import colmena's deploymentOptions too, which declares some of the
# options by the same names. An option may be declared twice, but only one
# declaration may say anything of it: beside colmena's, ours say nothing.
{ lib, options, ... }:
let
  inherit (lib) mkOption types;

  # Which options there are is known before what is in them, so that one of ours
  # may depend on whether there is one that is colmena's alone.
  besideColmena = options ? deployment.allowLocalDeployment;
  colmena = [
    "targetHost"
    "targetPort"
    "targetUser"
    "sshOptions"
    "privilegeEscalationCommand"
    "tags"
    "buildOnTarget"
  ];
  declared =
    name: option:
    if besideColmena && builtins.elem name colmena then
      mkOption { }
    else
      # By this the reader knows that the default can be evaluated.
      option // { isOfFlakeops = true; };
in
{
  options.deployment = builtins.mapAttrs declared {
    targetHost = mkOption {
      type = types.nullOr types.str;
      defaultText = lib.literalMD "the node's name in `nixosConfigurations`";
      example = "web.example.org";
      description = ''
        Host name, address or ssh_config alias the node is deployed to: letters,
        digits, `.`, `-` and `_`, or an IPv6 address.
        `null`: the node is never deployed (a laptop, an image).
      '';
    };

    alternateHosts = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "192.0.2.17" ];
      description = ''
        Addresses tried in order when `targetHost` cannot be reached. The
        confirm after an activation tries them too, so a configuration that
        moves the host to one of them still confirms.
      '';
    };

    targetPort = mkOption {
      type = types.nullOr types.port;
      default = null;
      example = 2222;
      description = ''
        TCP port of the host's SSH server. `null`: what ssh_config says.
      '';
    };

    targetUser = mkOption {
      type = types.nullOr types.str;
      default = "root";
      example = "deploy";
      description = ''
        User to log in as. `null`: what ssh_config says. Any user but root
        needs `privilegeEscalationCommand`.
      '';
    };

    sshOptions = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "ProxyJump=gate.example.org" ];
      description = ''
        Options for this host's connection, each as `ssh -o` takes it.
        Arguments of ssh for the same are understood too: `[ "-J" "gate" ]`.
      '';
    };

    privilegeEscalationCommand = mkOption {
      type = types.listOf types.str;
      default = [
        "sudo"
        "-H"
        "--"
      ];
      example = [ "doas" ];
      description = ''
        Command and arguments put before a command that must run as root,
        when `targetUser` is not root. No shell reads it.
      '';
    };

    tags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "web"
        "berlin"
      ];
      description = ''
        Names by which `--on @TAG` and `--exclude @TAG` select the node.
      '';
    };

    buildOnTarget = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the host builds its own system instead of the operator's
        machine.
      '';
    };

    substituteOnTarget = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the host may fetch store paths from its own substituters
        instead of receiving them from the operator's machine.
      '';
    };

    magicRollback = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the host goes back to its old system unless the operator's
        machine confirms, over a new connection, that it can still get in.
      '';
    };

    autoRollback = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the host goes back to its old system when activating the new
        one fails or takes longer than `activationTimeout`.
      '';
    };

    rebootWhenStranded = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether a host that could not go back to its old system reboots into
        it, once nobody has got in for another `confirmTimeout`. It does so
        only with `magicRollback`, and while the old system is what boots.
      '';
    };

    confirmTimeout = mkOption {
      type = types.ints.positive;
      default = 30;
      description = ''
        Seconds the host waits, once it has activated the new system, for the
        operator's machine to confirm.
      '';
    };

    activationTimeout = mkOption {
      type = types.ints.positive;
      default = 300;
      description = ''
        Seconds the activation of the new system may take.
      '';
    };
  };
}
