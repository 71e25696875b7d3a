# What the table of settings becomes: the options of a NixOS module, and what is
# read of a node, with what is wrong with it. And what flakeops evaluates in a
# flake's nixosConfigurations: `nix eval --apply` calls one of these functions on
# the whole set, so a node is looked up here by a string and its name never has to
# fit into a flake reference.
{
  schema ? import ./schema.nix,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    listToAttrs
    map
    mapAttrs
    removeAttrs
    stringLength
    substring
    ;
  inherit (schema)
    keySettings
    named
    optional
    spoken
    ;

  # The default of an option, which may depend on the name that the set of it is
  # under, and on other options there.
  default = field: args: if builtins.isFunction field.default then field.default args else field.default;

  # Options of the NixOS module. A fleet may import colmena's module too, which
  # declares some of the options by the same names. An option may be declared twice,
  # but only one declaration may say anything of it: beside colmena's, ours say
  # nothing, and of a key only those are declared that colmena's does not.
  options =
    {
      lib,
      options,
    }:
    let
      # Which options there are is known before what is in them, so that one of ours
      # may depend on whether there is one that is colmena's alone.
      beside = options ? deployment.allowLocalDeployment;
      colmena = [
        "targetHost"
        "targetPort"
        "targetUser"
        "sshOptions"
        "privilegeEscalationCommand"
        "tags"
        "buildOnTarget"
      ];
      ofKeys = [
        "timeout"
        "restartUnits"
        "allowPersistent"
      ];
      only = names: set: removeAttrs set (filter (name: !elem name names) (attrNames set));

      declare =
        args: field:
        lib.mkOption (
          {
            type = field.type.of lib;
            description = field.text;
          }
          // (if field.late or false then { } else { default = default field args; })
          // (if field ? defaultText then { defaultText = lib.literalMD field.defaultText; } else { })
          // only [ "apply" "example" "readOnly" ] field
        )
        # By this the reader knows that the default can be evaluated.
        // {
          isOfFlakeops = true;
        };

      key =
        { name, config, ... }@args:
        {
          options =
            mapAttrs (_: declare args) (if beside then only ofKeys keySettings else keySettings)
            // {
              hasText = lib.mkOption {
                type = lib.types.bool;
                internal = true;
                readOnly = true;
                # Beside another source the text is looked at, for it may be null.
                default = mentioned name (holds config) && (!other config || holds config);
                description = "Whether the key's source is `text`.";
              };
            };
        };
      mentioned =
        name: value:
        builtins.any (all: all ? ${name} && mentions value all.${name}) options.deployment.keys.definitions;
      # Whether a definition of a key mentions a text, without looking at it. What
      # cannot be told without (a function, imports) is left to the value.
      mentions =
        value: definition:
        let
          kind = definition._type or "";
        in
        if !isAttrs definition || definition ? imports || definition ? config then
          value
        else if kind == "if" then
          definition.condition && mentions value definition.content
        else if kind == "merge" then
          builtins.any mentions value definition.contents
        else if kind == "override" then
          mentions value definition.content
        else
          definition ? text;
      type = lib.types.attrsOf (lib.types.submodule key);
    in
    mapAttrs (
      name: field:
      if name == "keys" then
        if beside then
          lib.mkOption { inherit type; }
        else
          lib.mkOption {
            inherit type;
            inherit (field) default;
            description = field.text;
          }
      else if beside && elem name colmena then
        lib.mkOption { }
      else
        declare { } field
    ) schema.settings;

  other = key: (key.keyFile or null) != null || (key.keyCommand or null) != null;
  # What a text that throws says may quote the value, and is not to be shown.
  holds =
    key:
    builtins.tryEval (key.text == null) != {
      success = true;
      value = true;
    };

  # Whether a setting has a value. In a configuration made of modules an option
  # that nothing defines may read as null, which is a value of its own for
  # targetHost. And where another tool's module declares the option, its default
  # is not looked at: colmena's targetHost has one that only colmena can
  # evaluate. A default has the priority 1500, a definition a lower number.
  isSet =
    configuration: name:
    let
      option = (configuration.options.deployment or { }).${name} or { };
    in
    configuration.config.deployment or { } ? ${name}
    && (
      if option ? default && option ? highestPrio && !(option ? isOfFlakeops) then
        option.highestPrio < 1500
      else
        option.isDefined or true
    );

  # The options of a set that have a value, as they are read.
  given =
    fields: isSet: set:
    listToAttrs (
      map (name: {
        inherit name;
        value = (fields.${name}.apply or (value: value)) set.${name};
      }) (filter (name: !(fields.${name}.kept or false) && isSet name) (attrNames fields))
    );

  # All options, with their defaults.
  fill =
    fields: name: given:
    let
      config =
        mapAttrs (_: field: default field { inherit name config; }) (
          removeAttrs fields (filter (name: fields.${name}.kept or false) (attrNames fields))
        )
        // given;
    in
    config;
  # The same as a deployment takes them.
  final = fields: mapAttrs (name: value: (fields.${name}.type.read or (value: value)) value);

  # By option what is wrong with its value. A default is not looked at again.
  wrongs =
    fields: name: given:
    let
      wrong =
        option:
        let
          field = fields.${option};
          value = given.${option};
        in
        if
          !(field.late or false)
          && value == default field {
            inherit name;
            config = given;
          }
        then
          null
        else
          field.type.wrong value;
    in
    listToAttrs (
      filter (found: found.value != null) (
        map (name: {
          inherit name;
          value = wrong name;
        }) (attrNames given)
      )
    );
  tell = where: wrong: map (option: "${where}.${option} ${wrong.${option}}") (attrNames wrong);

  # The settings of a node, and what is wrong with them: `problems` of what is on
  # its host, and of how that is reached. What is wrong is left out of `settings`. No
  # key's text is looked at, not even for whether there is one, unless there is
  # another source too.
  read =
    name: configuration:
    let
      raw = configuration.config.deployment or { };
      declared = configuration.options.deployment or { };
      fields = removeAttrs schema.settings [ "keys" ];
      set = given fields (isSet configuration) raw;
      wrong = wrongs fields name set;
      keys = if isSet configuration "keys" then raw.keys else { };
      key =
        attr:
        let
          where = "deployment.keys.${named attr}";
          raw = keys.${attr};
          set = given keySettings (name: raw ? ${name}) raw;
          wrong = wrongs keySettings attr set;
          # A list, as in a set the names of keys could mean something to nix.
          whole =
            set:
            fill keySettings attr set
            // {
              inherit attr;
              hasText = raw.hasText or (raw ? text && (!other raw || holds raw));
            };
        in
        if !isAttrs raw then
          { problems = [ "${where} is ${spoken raw}, not a set of options" ]; }
        else
          {
            filled = whole set;
            sound = final keySettings (whole (removeAttrs set (attrNames wrong)));
            problems =
              (if declared ? keys then [ ] else unknown where raw (keySettings // { hasText = null; }))
              ++ tell where wrong;
          };
      entries = if isAttrs keys then map key (attrNames keys) else [ ];
      sets = filter (entry: entry ? filled) entries;
      problems = {
        reaching =
          if !isAttrs raw then
            [ "config.deployment is ${spoken raw}, not a set of options" ]
          else
            unknown "deployment" (removeAttrs raw (attrNames declared)) schema.settings
            ++ tell "deployment" wrong
            ++ schema.rules (fill fields name set);
        host =
          (if isAttrs keys then [ ] else [ "deployment.keys ${schema.settings.keys.type.wrong keys}" ])
          ++ concatMap (entry: entry.problems) entries
          ++ schema.keyRules (map (entry: entry.filled) sets);
      };
    in
    {
      inherit problems;
      addressed = set ? targetHost;
      settings =
        final fields (
          fill fields name (
            removeAttrs set (attrNames wrong)
            // (if isAttrs raw && !(wrong ? targetHost) then { } else { targetHost = null; })
          )
        )
        // {
          keys = map (entry: entry.sound) sets;
        };
    };

  unknown =
    where: set: fields:
    map (
      name: "${where}.${named name} is no option: ${meant name (attrNames (removeAttrs fields [ "hasText" ]))}"
    ) (attrNames (removeAttrs set (attrNames fields)));
  meant =
    name: known:
    let
      near = filter (other: edits name other <= 1 + stringLength name / 4) known;
      best = foldl' (
        one: other: if edits name other < edits name one then other else one
      ) (head near) near;
    in
    if near == [ ] then "the options are ${builtins.concatStringsSep ", " known}" else "did you mean ${best}?";
  # The number of bytes to change, put in or leave out to make b of a.
  edits =
    a: b:
    let
      least = x: y: if x < y then x else y;
      columns = genList (i: i) (stringLength b);
      other = chars b;
      row =
        above: c:
        foldl' (
          left: j:
          left
          ++ [
            (least (least (elemAt left j + 1) (elemAt above (j + 1) + 1)) (
              elemAt above j + (if c == elemAt other j then 0 else 1)
            ))
          ]
        ) [ (head above + 1) ] columns;
    in
    elemAt (foldl' row (genList (i: i) (stringLength b + 1)) (chars a)) (stringLength b);
  chars = text: genList (i: substring i 1 text) (stringLength text);

  # What is evaluated of a node: its settings alone, for which nothing of its system
  # is looked at, or both, unless something is wrong with the settings.
  settings =
    name: configurations:
    let
      configuration = configurations.${name};
      found = read name configuration;
    in
    {
      problems = found.problems.reaching ++ found.problems.host;
      inherit (found) settings addressed;
      # A deployment finds this out when it would dial.
      unnamed = optional (
        !found.addressed && found.settings.targetHost != null && schema.host name != null
      ) "deployment.targetHost is not set, so it is the node's name, ${schema.host name}";
      kind = kind configuration.config;
      switch = configuration.config.system.switch.enable or true;
      platform = platform configuration;
    };

  # A set with an attribute named outPath would be printed as that path alone.
  node =
    name: configurations:
    let
      configuration = configurations.${name};
      toplevel =
        configuration.config.system.build.toplevel
          or (throw "config.system.build.toplevel is not defined: nixosConfigurations should hold what nixpkgs.lib.nixosSystem returns");
      alone = settings name configurations;
    in
    if alone.problems != [ ] then
      alone
    else
      alone
      // {
        drv = toplevel.drvPath;
        out = toplevel.outPath;
        # The host's platform; the derivation's is the builder's, another one
        # when the system is cross-compiled.
        system = configuration.pkgs.stdenv.hostPlatform.system or toplevel.system;
      };

  # The host's platform, "" where it cannot be told without the system. What an
  # option says takes no evaluation of nixpkgs, which pkgs does.
  platform =
    configuration:
    let
      said = builtins.tryEval (
        if configuration.options.nixpkgs.hostPlatform.isDefined or false then
          configuration.config.nixpkgs.hostPlatform.system
        else
          configuration.pkgs.stdenv.hostPlatform.system or ""
      );
    in
    if said.success then said.value else "";

  # What a configuration is for, when that is no machine of its own.
  kind =
    config:
    let
      build = config.system.build or { };
    in
    if config.boot.isContainer or false then
      "a container"
    else if build ? isoImage then
      "an ISO image"
    else if build ? sdImage then
      "an SD card image"
    else if build ? netbootRamdisk then
      "a netboot image"
    else
      "";

  # By output of a flake, what it says of machines that another tool looks after:
  # a list of names, with the address where that is a plain value. Each takes the
  # output's value, which may be something else altogether.
  others =
    let
      set = value: if builtins.isAttrs value && value.type or "" != "derivation" then value else { };
      each =
        address: nodes:
        map (name: {
          inherit name;
          address = address nodes.${name};
        }) (builtins.attrNames (set nodes));
      named = each (_: "");
      hostname =
        node:
        let
          told = builtins.tryEval (node.hostname or "");
        in
        if told.success && builtins.isString told.value then told.value else "";
    in
    {
      deploy = value: each hostname ((set value).nodes or { });
      colmena =
        value:
        named (
          builtins.removeAttrs (set value) [
            "meta"
            "network"
            "defaults"
          ]
        );
      colmenaHive = value: named ((set value).nodes or { });
      darwinConfigurations = named;
      homeConfigurations = named;
    };

  # For each of the named keys its text, or what is wrong with it. What an
  # error says is lost on purpose: it may quote the value.
  texts =
    names: name: configurations:
    let
      all = configurations.${name}.config.deployment.keys;
    in
    map (
      attr:
      let
        value = builtins.tryEval all.${attr}.text;
      in
      if !value.success then
        {
          inherit attr;
          error = "cannot be evaluated";
        }
      else if !builtins.isString value.value then
        {
          inherit attr;
          error = "is of type ${builtins.typeOf value.value}, it must be a string";
        }
      else
        {
          inherit attr;
          text = value.value;
        }
    ) names;
  # The reference of the options, in the order of their names.
  reference =
    where: fields:
    map (
      option:
      let
        field = fields.${option};
      in
      {
        name = "${where}.${option}";
        type = field.type.name;
        inherit (field) text;
        readOnly = field.readOnly or false;
      }
      // (
        if field ? defaultText then { inherit (field) defaultText; } else { inherit (field) default; }
      )
      // (if field ? example then { inherit (field) example; } else { })
    ) (attrNames fields);
in
{
  inherit
    options
    read
    settings
    node
    texts
    others
    ;
  names = attrNames;
  tags =
    name: configurations:
    let
      configuration = configurations.${name};
      tags = if isSet configuration "tags" then configuration.config.deployment.tags else [ ];
      wrong = schema.settings.tags.type.wrong tags;
    in
    if wrong == null then { inherit tags; } else { problems = [ "deployment.tags ${wrong}" ]; };
  reference = {
    deployment = reference "deployment" schema.settings;
    keys = reference "deployment.keys.<name>" keySettings;
  };
}
