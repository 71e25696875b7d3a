# A node's keys, as a NixOS module: config.deployment.keys, and the units by
# which services wait for them.
#
# flakeops reads the settings on the operator's machine. No value of a key
# becomes part of the system: what is built is the same whatever a text says,
# and building it never looks at the text.
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
  inherit (lib) mkOption types;

  keys = config.deployment.keys;

  # Beside colmena's module only what that does not declare of a key is
  # declared here, as in activate/module.nix.
  besideColmena = options ? deployment.allowLocalDeployment;
  declared =
    all:
    if !besideColmena then
      all
    else
      {
        inherit (all)
          hasText
          timeout
          restartUnits
          allowPersistent
          ;
      };

  # Whether a definition of a key mentions a text, without looking at it. What
  # cannot be told without (a function, imports) is left to the value.
  mentions =
    value: definition:
    let
      kind = definition._type or "";
    in
    if !builtins.isAttrs definition || definition ? imports || definition ? config then
      value
    else if kind == "if" then
      definition.condition && mentions value definition.content
    else if kind == "merge" then
      builtins.any (mentions value) definition.contents
    else if kind == "override" then
      mentions value definition.content
    else
      definition ? text;

  key =
    { name, config, ... }:
    {
      options = declared {
        name = mkOption {
          type = types.str;
          default = name;
          defaultText = lib.literalMD "the attribute's name";
          description = ''
            The file's name. Letters, digits and `_.:@+-`, beginning with a
            letter, a digit or `_`. The units are `<name>-key.service` and
            `<name>-key.path`, with `\x2b` for `+`.
          '';
        };

        text = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = ''
            The value itself. It is evaluated only when keys are sent. What is
            written in a flake is in the store of the machine that evaluates it,
            readable by all its users: a text is for what an expression fetches
            from elsewhere. Exactly one of `text`, `keyFile` and `keyCommand` is
            to be set.
          '';
        };

        hasText = mkOption {
          type = types.bool;
          internal = true;
          readOnly = true;
          # Beside another source the text is looked at, for it may be null.
          default =
            let
              # What a text that throws says may quote the value.
              value = builtins.tryEval (config.text == null) != {
                success = true;
                value = true;
              };
              mentioned = builtins.any (
                all: all ? ${name} && mentions value all.${name}
              ) options.deployment.keys.definitions;
            in
            mentioned && (config.keyFile == null && config.keyCommand == null || value);
          description = "Whether the key's source is `text`.";
        };

        keyFile = mkOption {
          type = types.nullOr (types.either types.path types.str);
          default = null;
          example = "/home/me/secrets/db-password";
          # Never a path, which would be copied to the store.
          apply = file: if file == null then null else toString file;
          description = ''
            File on the operator's machine that holds the value; relative to the
            flake's directory unless it begins with `/`. It must not be part of
            the flake's source, which is copied to the store.
          '';
        };

        keyCommand = mkOption {
          type = types.nullOr (types.listOf types.str);
          default = null;
          example = [
            "pass"
            "show"
            "db-password"
          ];
          description = ''
            Command and arguments whose output, as it is, is the value. It runs
            on the operator's machine, in the flake's directory, without a shell,
            with the variables FLAKEOPS_NODE and FLAKEOPS_KEY set.
          '';
        };

        timeout = mkOption {
          type = types.ints.positive;
          default = 60;
          description = ''
            Seconds that `keyCommand` may take.
          '';
        };

        destDir = mkOption {
          type = types.str;
          default = "/run/keys";
          description = ''
            Directory on the host: an absolute path of letters, digits and
            `_.:@+-`. It must be on a tmpfs or ramfs unless `allowPersistent` is
            set.
          '';
        };

        path = mkOption {
          type = types.str;
          default = "${config.destDir}/${config.name}";
          defaultText = lib.literalExpression ''"''${destDir}/''${name}"'';
          readOnly = true;
          description = ''
            Where the key is on the host.
          '';
        };

        user = mkOption {
          type = types.str;
          default = "root";
          description = ''
            The file's owner, by name or number. A user that the new system
            creates will do.
          '';
        };

        group = mkOption {
          type = types.str;
          default = "root";
          description = ''
            The file's group, by name or number. Services that are not run by
            root need the group `keys` to enter `/run/keys`.
          '';
        };

        permissions = mkOption {
          type = types.str;
          default = "0400";
          example = "0440";
          description = ''
            The file's mode, in octal.
          '';
        };

        uploadAt = mkOption {
          type = types.enum [
            "pre-activation"
            "post-activation"
          ];
          default = "pre-activation";
          description = ''
            Whether the key is on the host before the new system is activated, or
            only after that.
          '';
        };

        restartUnits = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [ "postgresql.service" ];
          description = ''
            Units that are restarted when the key has changed.
          '';
        };

        allowPersistent = mkOption {
          type = types.bool;
          default = false;
          description = ''
            Whether `destDir` may be on a disk, which keeps the key over a reboot
            and for whoever gets hold of the disk.
          '';
        };
      };
    };

  type = types.attrsOf (types.submodule key);

  matches = pattern: text: builtins.match pattern text != null;
  component = "[A-Za-z0-9_.:@+-]+";
  goodName =
    name:
    matches "[A-Za-z0-9_][A-Za-z0-9_.:@+-]*" name
    && builtins.stringLength name <= 200
    && builtins.stringLength (units.unit name) <= 240;
  goodDir = dir: matches "(/${component})+" dir && !matches ".*/[.][.]?(/.*)?" dir;
  goodMode = matches "0?[0-7][0-7][0-7]";
  goodUnit =
    unit:
    builtins.stringLength unit <= 255
    && matches "[A-Za-z0-9:_.@\\-]+[.](service|socket|target|timer|path|mount|automount|swap|slice|scope|device)" unit;
  goodOwner = matches "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?";

  # Each is what must be true of a key, and what is said otherwise.
  rules =
    attr: k:
    let
      sources =
        lib.optional k.hasText "text"
        ++ lib.optional (k.keyFile != null) "keyFile"
        ++ lib.optional (k.keyCommand != null) "keyCommand";
      others = builtins.filter (other: other != attr && keys.${other}.name == k.name) (
        builtins.attrNames keys
      );
      show = builtins.toJSON;
    in
    [
      {
        assertion = builtins.length sources == 1;
        message =
          if sources == [ ] then
            "has no source: set one of text, keyFile and keyCommand"
          else
            "has more than one source, ${lib.concatStringsSep " and " sources}: set exactly one";
      }
      {
        assertion = goodName k.name;
        message = "has the name ${show k.name}, which cannot be a file's: a name has letters, digits and _.:@+- only, begins with a letter, a digit or _, and has at most 200 bytes";
      }
      {
        assertion = others == [ ];
        message = "has the name ${show k.name}, as deployment.keys.${show (builtins.head others)} has: give each a name of its own";
      }
      {
        assertion = goodDir k.destDir;
        message = "has the destDir ${show k.destDir}: it must be an absolute path of letters, digits and _.:@+-, without . and .. and a slash at its end";
      }
      {
        assertion = goodMode k.permissions;
        message = "has the permissions ${show k.permissions}: they must be octal, such as \"0400\", and at most \"0777\"";
      }
      {
        assertion = goodOwner k.user && goodOwner k.group;
        message = "has the user ${show k.user} and the group ${show k.group}: both must be names or numbers";
      }
      {
        assertion = builtins.all goodUnit k.restartUnits;
        message = "has the restartUnits ${show k.restartUnits}: each must be a unit's full name, such as \"nginx.service\"";
      }
      {
        assertion = k.keyCommand == null || k.keyCommand != [ ] && builtins.head k.keyCommand != "";
        message = "has a keyCommand without a program";
      }
      {
        assertion = k.keyFile != "";
        message = "has an empty keyFile: name a file";
      }
    ];

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

  units = import ./units.nix {
    inotifywait = "${pkgs.inotify-tools}/bin/inotifywait";
    # A name that is refused above must not fail in a less clear way here.
    keys = map (k: {
      inherit (k) name path;
      services = waiting k.name;
    }) (builtins.filter (k: goodName k.name && goodDir k.destDir) (builtins.attrValues keys));
  };
in
{
  options.deployment.keys = mkOption (
    if besideColmena then
      { inherit type; }
    else
      {
        inherit type;
        default = { };
        description = ''
          Secrets that flakeops brings to the host, which neither the store nor the
          system holds. A service that needs one has
          `requires = [ "<name>-key.service" ]` and the same in `after`.
          `keys.target` is up when all are there.
        '';
      }
  );

  config = lib.mkIf (keys != { }) {
    assertions = lib.concatLists (
      lib.mapAttrsToList (
        attr: k:
        map (rule: rule // { message = "deployment.keys.${builtins.toJSON attr} ${rule.message}"; }) (
          rules attr k
        )
      ) keys
    );

    users.groups.keys = { };

    systemd.units =
      lib.mapAttrs (_: text: { inherit text; }) units.services
      // lib.mapAttrs (_: text: {
        inherit text;
        wantedBy = [ "paths.target" ];
      }) units.paths;
    systemd.targets.keys = { inherit (units.target) requires after unitConfig; };
  };
}
