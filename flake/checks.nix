# What can be wrong with the deployment settings of a flake's nodes, found
# without evaluating any system, let alone building one. `nix flake check`
# reads it through lib.checks, `flakeops validate` what nodes have in common.
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
  schema ? import ./schema.nix,
  library ? import ./lib.nix { inherit schema; },
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
    isString
    length
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
  inherit (schema)
    matches
    named
    optional
    plain
    show
    ;

  chars = text: genList (i: substring i 1 text) (stringLength text);

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

  # What there is to say about a node by itself, and what about it and others.
  node =
    name:
    let
      found = library.settings name configurations;
      inherit (found) settings;
      # Of a node with other problems too: a selector may mean it.
      tags = (library.tags name configurations).tags or [ ];
      exposed = filter (
        key: key.keyFile != null && substring 0 1 key.keyFile != "/" && sourceHolds key.keyFile
      ) settings.keys;
      address = option: host: {
        inherit option host;
        port = settings.targetPort;
        options = settings.sshOptions;
      };
    in
    {
      problems =
        found.problems
        ++ found.unnamed
        ++ map (
          key: "deployment.keys.${named key.attr}.keyFile is ${show key.keyFile}, ${schema.exposed}"
        ) exposed;
      addresses =
        if settings.targetHost == null then
          [ ]
        else
          [ (address "targetHost" settings.targetHost) ]
          ++ map (address "alternateHosts") settings.alternateHosts;
      inherit tags;
    };

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
