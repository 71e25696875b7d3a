# What flakeops evaluates in a flake's nixosConfigurations. `nix eval --apply`
# calls one of these functions on the whole set, so a node is looked up here by
# a string and its name never has to fit into a flake reference.
let
  # A node's settings, for which nothing of its system is evaluated.
  settings =
    fields: keyFields: name: configurations:
    let
      configuration = configurations.${name};
    in
    {
      kind = kind configuration.config;
      switch = configuration.config.system.switch.enable or true;
      platform = platform configuration;
      deployment = deployment fields configuration // {
        keys = keys keyFields configuration;
      };
    };

  # A node's settings and its system. A set with an attribute named outPath would
  # be printed as that path alone.
  node =
    fields: keyFields: name: configurations:
    let
      configuration = configurations.${name};
      toplevel =
        configuration.config.system.build.toplevel
          or (throw "config.system.build.toplevel is not defined: nixosConfigurations should hold what nixpkgs.lib.nixosSystem returns");
    in
    settings fields keyFields name configurations
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
      inherit (config.system) build;
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

  # Only the given settings, and of them only those that are set.
  deployment =
    fields: configuration:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = configuration.config.deployment.${name};
      }) (builtins.filter (isSet configuration) fields)
    );

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

  # The settings of each key without its text, which only `texts` evaluates:
  # whether there is one is told without looking at it, unless there is another
  # source too. A path becomes a string here, or printing would copy it to the
  # store. A list, as in a set the names of keys could mean something to nix.
  keys =
    fields: configuration:
    let
      all = if isSet configuration "keys" then configuration.config.deployment.keys else { };
      plain = value: if builtins.isPath value then toString value else value;
      other = key: (key.keyFile or null) != null || (key.keyCommand or null) != null;
      # What a text that throws says may quote the value, and is not to be shown.
      holds =
        key:
        builtins.tryEval (key.text == null) != {
          success = true;
          value = true;
        };
      settings =
        attr:
        let
          key = all.${attr};
        in
        if !builtins.isAttrs key then
          throw "deployment.keys.${builtins.toJSON attr} is no set of options"
        else
          builtins.listToAttrs (
            map (name: {
              inherit name;
              value = plain key.${name};
            }) (builtins.filter (name: key ? ${name}) fields)
          )
          // {
            inherit attr;
            hasText = key.hasText or (key ? text && (!other key || holds key));
          };
    in
    if builtins.isAttrs all then
      map settings (builtins.attrNames all)
    else
      throw "config.deployment.keys is no set of keys";

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
  # What checks.nix finds in a node. What is in the flake's source is left to
  # the caller, who sees it.
  check =
    checks: values: name: configurations:
    (checks {
      inherit configurations values;
      source = "";
      library = { inherit isSet deployment keys; };
    }).node
      name;
in
{
  inherit
    settings
    node
    texts
    isSet
    deployment
    keys
    check
    others
    ;
  names = builtins.attrNames;
  tags = name: configurations: (deployment [ "tags" ] configurations.${name}).tags or [ ];
}
