# What can be wrong with the deployment settings of a flake's nodes, found
# without evaluating any system, let alone building one. `nix flake check`
# reads it through lib.checks, `flakeops validate` through nix eval.
#
#   (import ./checks.nix { inherit self; }).checked value
#
# is value, or an error that tells every problem. Other results: `problems` is
# a set of a list of texts for each node, `fleet` a list of texts that concern
# no one node, `texts` a list of all of them.
#
# A setting that cannot be evaluated is an error, of the module system more
# often than not: an unknown option, a value of the wrong type. Its message
# names the option and is let through.
{
  self ? { },
  configurations ? self.nixosConfigurations or { },
  source ? toString self, # the flake's source in the store
  selectors ? [ ], # of nodes, as --on takes them, that must match something
  library ? import ./lib.nix,
  values ? import ./values.nix,
}:
let
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatMap
    concatStringsSep
    deepSeq
    elem
    elemAt
    filter
    foldl'
    genList
    groupBy
    head
    isAttrs
    isInt
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    replaceStrings
    split
    stringLength
    substring
    tail
    toJSON
    tryEval
    ;

  inherit (values { inherit exposed; })
    plain
    matches
    show
    named
    spoken
    when
    host
    keyName
    settings
    keySettings
    ;

  optional = condition: value: if condition then [ value ] else [ ];
  chars = text: genList (i: substring i 1 text) (stringLength text);

  # What is part of the flake was copied to the store.
  exposed =
    file:
    when (within builtins.storeDir file || substring 0 1 file != "/" && sourceHolds file)
      "which is part of the flake's source or otherwise in the store, which all users of this machine can read: keep the file out of the flake, name it by a string, and replace the secret";
  within = dir: file: substring 0 (stringLength dir + 1) file == "${dir}/";

  # Whether a relative path leads to something in the flake's source. A link
  # there is only a link: what counts is where it leads, which is not known here.
  sourceHolds =
    file:
    let
      up =
        before: part:
        if part == ".." && before != [ ] then
          genList (elemAt before) (length before - 1)
        else
          before ++ [ part ];
      parts = foldl' up [ ] (filter (part: isString part && part != "" && part != ".") (split "/" file));
      walk =
        dir: rest:
        let
          kind = (builtins.readDir dir).${head rest} or null;
        in
        if kind == "directory" then
          tail rest == [ ] || walk "${dir}/${head rest}" (tail rest)
        else
          kind == "regular" && tail rest == [ ];
    in
    # Above the flake's directory is nothing that nix may look at.
    source != "" && parts != [ ] && !elem ".." parts && walk source parts;

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
  meant =
    name: known:
    let
      near = filter (other: edits name other <= 1 + stringLength name / 4) known;
      best = foldl' (
        one: other: if edits name other < edits name one then other else one
      ) (head near) near;
    in
    if near == [ ] then "the options are ${concatStringsSep ", " known}" else "did you mean ${best}?";
  unknown =
    where: set: known:
    map (name: "${where}.${named name} is no option: ${meant name known}") (
      attrNames (builtins.removeAttrs set known)
    );

  wrongs =
    where: checks: names: set:
    map (name: "${where}.${name} ${checks.${name} set.${name}}") (
      filter (name: set ? ${name} && checks.${name} set.${name} != null) names
    );
  names = attrNames settings;
  keyNames = attrNames keySettings;

  # keys is the list that the library makes of a node's keys.
  keyProblems =
    keys:
    concatMap (
      key:
      let
        where = "deployment.keys.${named key.attr}";
        sources =
          optional (key.keyCommand or null != null) "keyCommand"
          ++ optional (key.keyFile or null != null) "keyFile"
          ++ optional key.hasText "text";
        name = key.name or key.attr;
        twins = filter (other: other.attr < key.attr && other.name or other.attr == name) keys;
      in
      wrongs where keySettings keyNames key
      ++ optional (
        !(key ? name) && keyName key.attr != null
      ) "${where} gives the key its name, ${keyName key.attr}"
      ++ optional (sources == [ ]) "${where} has no source: set one of text, keyFile and keyCommand"
      ++ optional (
        length sources > 1
      ) "${where} has more than one source, ${concatStringsSep " and " sources}: set exactly one"
      ++
        optional (twins != [ ])
          "${where}.name is ${show name}, as that of deployment.keys.${named (head twins).attr}: give each a name of its own"
    ) keys;

  # What there is to say about a node by itself, and what about it and others.
  node =
    name:
    let
      configuration = configurations.${name};
      raw = configuration.config.deployment or { };
      declared = configuration.options.deployment or { };
      set = library.deployment names configuration;
      keys = library.keys keyNames configuration;
      rawKeys = if library.isSet configuration "keys" then raw.keys else { };
      address = option: text: {
        inherit option;
        host = text;
        port = if isInt (set.targetPort or null) then set.targetPort else null;
        options = filter isString (asList (set.sshOptions or [ ]));
      };
      target = set.targetHost or name;
    in
    if !isAttrs raw then
      {
        problems = [ "config.deployment is ${spoken raw}, not a set of options" ];
        addresses = [ ];
        addressed = false;
        tags = [ ];
        keyFiles = { };
        keyCommands = [ ];
        sshOptions = [ ];
      }
    else
      {
        problems =
          unknown "deployment" (builtins.removeAttrs raw (attrNames declared)) (names ++ [ "keys" ])
          ++ wrongs "deployment" settings names set
          ++ optional (
            !(set ? targetHost) && host name != null
          ) "deployment.targetHost is not set, so it is the node's name, ${host name}"
          ++
            optional (set.targetUser or "root" != "root" && set.privilegeEscalationCommand or null == [ ])
              "deployment.privilegeEscalationCommand is empty, but targetUser is not root: set it, for example to [ \"sudo\" \"-H\" \"--\" ]"
          ++ optional (!isAttrs rawKeys) "deployment.keys is ${spoken rawKeys}, not a set of keys"
          ++ (
            if isAttrs rawKeys then
              concatMap (
                attr:
                unknown "deployment.keys.${named attr}" (builtins.removeAttrs rawKeys.${attr} [
                  "path"
                  "hasText"
                ]) (keyNames ++ [ "text" ])
              ) (if declared ? keys then [ ] else attrNames rawKeys)
              ++ keyProblems keys
            else
              [ ]
          );
        # A setting of the wrong type is told of above.
        addresses =
          optional (isString target) (address "targetHost" target)
          ++ (
            if target == null then
              [ ]
            else
              map (address "alternateHosts") (filter isString (asList (set.alternateHosts or [ ])))
          );
        addressed = set ? targetHost;
        tags = filter isString (asList (set.tags or [ ]));
        # What runs on the operator's machine.
        keyCommands =
          map
            (key: {
              inherit (key) attr;
              command = key.keyCommand;
            })
            (
              filter (key: isList (key.keyCommand or null) && all isString key.keyCommand) (
                if isAttrs rawKeys then keys else [ ]
              )
            );
        sshOptions = set.sshOptions or [ ];
        keyFiles = listToAttrs (
          map
            (key: {
              name = key.attr;
              value = plain key.keyFile;
            })
            (
              filter (key: isString (key.keyFile or null) && exposed key.keyFile == null) (
                if isAttrs rawKeys then keys else [ ]
              )
            )
        );
      };
  asList = value: if isList value then value else [ ];

  upper = chars "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lower = chars "abcdefghijklmnopqrstuvwxyz";

  # The same address twice is not the same host when ports differ, or options,
  # by which one may go through a gate of its own.
  place =
    address:
    toJSON [
      (replaceStrings upper lower (plain address.host))
      (if address.port == null then 22 else address.port)
      address.options
    ];

  # For each node, from a set of what `node` gives, the addresses that a node
  # before it has too.
  shared =
    nodes:
    let
      places = groupBy (a: place a.address) (
        concatMap (name: map (address: { inherit name address; }) nodes.${name}.addresses) (attrNames nodes)
      );
      none = all (same: length same == 1) (attrValues places);
    in
    mapAttrs (
      name: one:
      if none then
        [ ]
      else
        concatMap (
          address:
          let
            others = filter (a: a.name < name) places.${place address};
          in
          optional (others != [ ]) (
            "deployment.${address.option} is ${show address.host}, as deployment.${(head others).address.option} of node "
            + "${named (head others).name}: give each node a host of its own, or a node that is never deployed the targetHost null"
          )
        ) one.addresses
    ) nodes;

  # Selectors that no node matches.
  astray =
    nodes:
    let
      names = attrNames nodes;
      tags = attrNames (groupBy (t: t) (concatMap (one: one.tags) (attrValues nodes)));
      parts =
        selector:
        let
          some = filter (part: isString part && part != "") (split "[[:space:]]*,[[:space:]]*" selector);
        in
        if some == [ ] || elem selector names then [ selector ] else some;
      pattern =
        glob:
        concatStringsSep "" (
          map (
            c:
            if c == "*" then
              ".*"
            else if c == "?" then
              "."
            else if
              elem c [
                "["
                "]"
                "-"
              ]
            then
              c
            else if matches "[A-Za-z0-9_ ]" c then
              c
            else
              "[${c}]"
          ) (chars glob)
        );
      found =
        part:
        if substring 0 1 part == "@" then
          elem (substring 1 (-1) part) tags
        else
          elem part names || any (matches (pattern part)) names;
      say =
        part:
        if substring 0 1 part == "@" then
          "no node has the tag ${named (substring 1 (-1) part)} in deployment.tags, which a selector names: "
          + (
            if tags == [ ] then "no node has tags" else "the tags are ${concatStringsSep ", " (map named tags)}"
          )
        else
          "no node matches the selector ${show part}: the nodes are ${concatStringsSep ", " (map named names)}";
    in
    map say (filter (part: !found part) (concatMap parts selectors));

  nodes = mapAttrs (
    name: _:
    builtins.addErrorContext "while checking the deployment settings of node ${named name}" (node name)
  ) configurations;
  evaluated = mapAttrs (_: one: (tryEval (deepSeq one true)).success) nodes;
  broken = filter (name: !evaluated.${name}) (attrNames nodes);

  report = nodes: rec {
    problems =
      let
        twice = shared nodes;
      in
      mapAttrs (name: one: one.problems ++ twice.${name}) nodes;
    fleet = astray nodes;
    texts =
      concatLists (attrValues (mapAttrs (name: map (problem: "node ${named name}: ${problem}")) problems))
      ++ fleet;
  };
  whole' = report nodes;
  bullets = map (text: "\n  - ${text}");
in
{
  inherit node shared astray;
  inherit (whole') problems fleet texts;

  # An error that nix finds says nothing of the node, and hides what else is
  # wrong: so that is said before.
  checked =
    value:
    if broken != [ ] then
      let
        rest = (report (builtins.removeAttrs nodes broken)).texts;
        found = if rest == [ ] then "" else "\nalso wrong:${concatStringsSep "" (bullets rest)}";
      in
      builtins.trace
        "the deployment settings of node ${named (head broken)} cannot be evaluated, for the reason that nix gives below${found}"
        (deepSeq nodes.${head broken} value)
    else if whole'.texts != [ ] then
      throw "what is wrong with the fleet's settings:${concatStringsSep "" (bullets whole'.texts)}"
    else
      value;
}
