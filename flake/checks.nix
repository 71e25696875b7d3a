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
{ self ? { }
, configurations ? self.nixosConfigurations or { }
, source ? toString self  # the flake's source in the store
, selectors ? [ ]         # of nodes, as --on takes them, that must match something
, library ? import ./lib.nix
}:
let
  inherit (builtins) all any attrNames attrValues concatLists concatMap concatStringsSep deepSeq elem elemAt filter foldl'
    genList groupBy head isAttrs isBool isFloat isFunction isInt isList isPath isString length listToAttrs map mapAttrs
    match replaceStrings split stringLength substring tail toJSON tryEval typeOf;

  plain = builtins.unsafeDiscardStringContext;
  matches = pattern: text: match pattern text != null;
  optional = condition: value: if condition then [ value ] else [ ];
  chars = text: genList (i: substring i 1 text) (stringLength text);
  show = text: toJSON (plain text);
  # A name as it is spoken of: quoted unless it is a plain word.
  named = name: if matches "[A-Za-z0-9._-]+" name then name else show name;

  spoken = value:
    if value == null then "null"
    else if isBool value || isInt value || isFloat value then toJSON value
    else if isString value then "a string"
    else "a ${typeOf value}";

  # A check takes a value, and gives null or what is wrong with it, which
  # continues "deployment.NAME ".
  bool = value: if isBool value then null else "is ${spoken value}, it must be true or false";
  whole = low: high: value:
    if !isInt value then "is ${spoken value}, it must be a whole number"
    else if value < low || value > high then "is ${toString value}, it must be from ${toString low} to ${toString high}"
    else null;
  orNull = check: value: if value == null then null else check value;
  string = check: value:
    if !isString value then "is ${spoken value}, it must be a string"
    else let wrong = check (plain value); in if wrong == null then null else "is ${show value}, ${wrong}";
  list = check: value:
    if value == [ ] then null
    else if !isList value then "is ${spoken value}, it must be a list of strings"
    else
      foldl'
        (found: i:
          let wrong = string check (elemAt value i); in
          if found != null || wrong == null then found else "(element ${toString (i + 1)}) ${wrong}")
        null
        (genList (i: i) (length value));
  # What is right at first sight, as most is.
  # Regular expressions are most of the time that all this takes.
  simple = matches "[a-z][a-z0-9]*";
  simpleHost = text: stringLength text < 64
    && matches "[a-z][a-z0-9-]*([.][a-z0-9-]+)*|[1-9][0-9]?([.][1-9]?[0-9]){3}" text;
  when = condition: text: if condition then text else null;
  first = wrongs: head (filter (wrong: wrong != null) wrongs ++ [ null ]);

  blank = text: !matches "[^[:space:][:cntrl:]]*" text;
  dash = text: when (substring 0 1 text == "-") "which begins with a dash: ssh would take it for an option";

  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  ipv4 = matches "${octet}([.]${octet}){3}";
  ipv6 = text: matches "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?" text
    && !matches ".*:::.*" text && length (split "::" text) <= 3;
  hostName = text: matches "[A-Za-z0-9._-]+" text
    && stringLength text <= 253
    && all (label: label != "" && stringLength label <= 63)
      (filter isString (split "[.]" (if matches ".*[.]" text then substring 0 (stringLength text - 1) text else text)));
  host = text: if simpleHost text then null else first [
    (when (text == "") "which is empty: name a host, or use null for a node that is never deployed")
    (dash text)
    (when (blank text) "which holds white space: it must be one host name or address")
    (when (matches ".*[@/].*" text) "which is not a host name or address alone: user and port have options of their own")
    (when (matches "[^:]*:[0-9]+" text) "which is not a host name or address alone: the port goes to targetPort")
    (when (matches "[0-9.]+" text && !ipv4 text) "which is neither an IPv4 address nor a host name")
    (when (matches ".*:.*" text && !ipv6 text) "which is no IPv6 address")
    (when (!matches ".*:.*" text && !hostName text) "which cannot be a host name: it has parts between its dots of 1 to 63 letters, digits, - and _, and 253 in all")
  ];
  user = text: if text == "root" || simple text then null else first [
    (when (text == "") "which is empty: name a user, or use null for what ssh_config says")
    (dash text)
    (when (blank text) "which holds white space: it must be one user name")
  ];
  line = text: first [
    (when (text == "") "which is empty")
    (when (!matches "[^[:cntrl:]]*" text) "which holds control characters")
  ];
  tag = text: when (text == "" || substring 0 1 text == "@" || blank text || matches ".*,.*" text)
    "which cannot be selected: a tag has no white space and no comma, and @ only where it is used";

  seconds = whole 1 (30 * 24 * 60 * 60);
  settings = {
    targetHost = orNull (string host);
    alternateHosts = list host;
    targetPort = orNull (whole 1 65535);
    targetUser = orNull (string user);
    sshOptions = list line;
    privilegeEscalationCommand = value: if value == [ "sudo" "-H" "--" ] then null else list line value;
    tags = list tag;
    buildOnTarget = bool;
    substituteOnTarget = bool;
    magicRollback = bool;
    autoRollback = bool;
    confirmTimeout = seconds;
    activationTimeout = seconds;
  };

  form = pattern: wrong: text: when (!matches pattern text) wrong;
  keyName = text: if stringLength text < 99 && simple text then null else first [
    (form "[A-Za-z0-9_][A-Za-z0-9_.:@+-]*"
      "which cannot be a file's: a name has letters, digits and _.:@+- only, and begins with a letter, a digit or _"
      text)
    (when (stringLength text > 200) "which has ${toString (stringLength text)} bytes: at most 200 are allowed")
    (when (stringLength (replaceStrings [ "+" ] [ "\\x2b" ] text) > 236)
      "which is too long for a unit's name, where a + takes four bytes: shorten it")
  ];
  owner = text: if text == "root" then null
    else form "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?" "which is neither a name nor a number" text;
  unit = text: when
    (stringLength text > 255 || substring 0 1 text == "-"
      || !matches "[A-Za-z0-9:_.@\\-]+[.](service|socket|target|timer|path|mount|automount|swap|slice|scope|device)" text)
    "which is not a unit's full name: write, for example, nginx.service";
  destDir = text: if text == "/run/keys" then null else when (!matches "(/[A-Za-z0-9_.:@+-]+)+" text || matches ".*/[.][.]?(/.*)?" text)
    "which must be an absolute path of letters, digits and _.:@+-, without . and .. and a slash at its end";
  # What is wrong with a command is told without it: its arguments may hold a token.
  command = value:
    if !isList value then "is ${spoken value}, it must be a list of strings"
    else if !all isString value then "holds what is no string"
    else when (value == [ ] || head value == "") "names no program";

  keySettings = {
    name = string keyName;
    destDir = string destDir;
    user = string owner;
    group = string owner;
    permissions = value: if value == "0400" then null
      else string (form "0?[0-7][0-7][0-7]" "which must be octal, such as 0400, and at most 0777") value;
    uploadAt = string (text: when (!elem text [ "pre-activation" "post-activation" ])
      "which must be pre-activation or post-activation");
    restartUnits = list unit;
    allowPersistent = bool;
    timeout = seconds;
    keyFile = orNull (string (text: first [
      (when (text == "") "which is empty: name a file")
      (exposed text)
    ]));
    keyCommand = orNull command;
  };

  # What is part of the flake was copied to the store.
  exposed = file: when (within builtins.storeDir file || substring 0 1 file != "/" && sourceHolds file)
    "which is part of the flake's source or otherwise in the store, which all users of this machine can read: keep the file out of the flake, name it by a string, and replace the secret";
  within = dir: file: substring 0 (stringLength dir + 1) file == "${dir}/";

  # Whether a relative path leads to something in the flake's source. A link
  # there is only a link: what counts is where it leads, which is not known here.
  sourceHolds = file:
    let
      up = before: part: if part == ".." && before != [ ] then genList (elemAt before) (length before - 1) else before ++ [ part ];
      parts = foldl' up [ ] (filter (part: isString part && part != "" && part != ".") (split "/" file));
      walk = dir: rest:
        let kind = (builtins.readDir dir).${head rest} or null; in
        if kind == "directory" then tail rest == [ ] || walk "${dir}/${head rest}" (tail rest)
        else kind == "regular" && tail rest == [ ];
    in
    # Above the flake's directory is nothing that nix may look at.
    source != "" && parts != [ ] && !elem ".." parts && walk source parts;

  # The number of bytes to change, put in or leave out to make b of a.
  edits = a: b:
    let
      least = x: y: if x < y then x else y;
      columns = genList (i: i) (stringLength b);
      other = chars b;
      row = above: c:
        foldl'
          (left: j: left ++ [
            (least (least (elemAt left j + 1) (elemAt above (j + 1) + 1))
              (elemAt above j + (if c == elemAt other j then 0 else 1)))
          ])
          [ (head above + 1) ]
          columns;
    in
    elemAt (foldl' row (genList (i: i) (stringLength b + 1)) (chars a)) (stringLength b);
  meant = name: known:
    let
      near = filter (other: edits name other <= 1 + stringLength name / 4) known;
      best = foldl' (one: other: if edits name other < edits name one then other else one) (head near) near;
    in
    if near == [ ] then "the options are ${concatStringsSep ", " known}" else "did you mean ${best}?";
  unknown = where: set: known: map (name: "${where}.${named name} is no option: ${meant name known}")
    (attrNames (builtins.removeAttrs set known));

  wrongs = where: checks: names: set: map (name: "${where}.${name} ${checks.${name} set.${name}}")
    (filter (name: set ? ${name} && checks.${name} set.${name} != null) names);
  names = attrNames settings;
  keyNames = attrNames keySettings;

  # keys is the list that the library makes of a node's keys.
  keyProblems = keys: concatMap
    (key:
      let
        where = "deployment.keys.${named key.attr}";
        sources = optional (key.keyCommand or null != null) "keyCommand"
          ++ optional (key.keyFile or null != null) "keyFile"
          ++ optional key.hasText "text";
        name = key.name or key.attr;
        twins = filter (other: other.attr < key.attr && other.name or other.attr == name) keys;
      in
      wrongs where keySettings keyNames key
      ++ optional (!(key ? name) && keyName key.attr != null) "${where} gives the key its name, ${keyName key.attr}"
      ++ optional (sources == [ ]) "${where} has no source: set one of text, keyFile and keyCommand"
      ++ optional (length sources > 1)
        "${where} has more than one source, ${concatStringsSep " and " sources}: set exactly one"
      ++ optional (twins != [ ])
        "${where}.name is ${show name}, as that of deployment.keys.${named (head twins).attr}: give each a name of its own")
    keys;

  # What there is to say about a node by itself, and what about it and others.
  node = name:
    let
      configuration = configurations.${name};
      raw = configuration.config.deployment or { };
      declared = configuration.options.deployment or { };
      set = library.deployment names configuration;
      keys = library.keys keyNames configuration;
      rawKeys = raw.keys or { };
      address = option: text: {
        inherit option;
        host = text;
        port = if isInt (set.targetPort or null) then set.targetPort else null;
        options = filter isString (asList (set.sshOptions or [ ]));
      };
      target = set.targetHost or name;
    in
    if !isAttrs raw then {
      problems = [ "config.deployment is ${spoken raw}, not a set of options" ];
      addresses = [ ];
      tags = [ ];
      keyFiles = { };
    }
    else {
      problems =
        unknown "deployment" (builtins.removeAttrs raw (attrNames declared)) (names ++ [ "keys" ])
        ++ wrongs "deployment" settings names set
        ++ optional (!(set ? targetHost) && host name != null)
          "deployment.targetHost is not set, so it is the node's name, ${host name}"
        ++ optional (set.targetUser or "root" != "root" && set.privilegeEscalationCommand or null == [ ])
          "deployment.privilegeEscalationCommand is empty, but targetUser is not root: set it, for example to [ \"sudo\" \"-H\" \"--\" ]"
        ++ optional (!isAttrs rawKeys) "deployment.keys is ${spoken rawKeys}, not a set of keys"
        ++ (if isAttrs rawKeys then
          concatMap
            (attr: unknown "deployment.keys.${named attr}" (builtins.removeAttrs rawKeys.${attr} [ "path" "hasText" ])
              (keyNames ++ [ "text" ]))
            (if declared ? keys then [ ] else attrNames rawKeys)
          ++ keyProblems keys
        else [ ]);
      # A setting of the wrong type is told of above.
      addresses = optional (isString target) (address "targetHost" target)
        ++ (if target == null then [ ] else map (address "alternateHosts") (filter isString (asList (set.alternateHosts or [ ]))));
      tags = filter isString (asList (set.tags or [ ]));
      keyFiles = listToAttrs (map (key: { name = key.attr; value = plain key.keyFile; })
        (filter (key: isString (key.keyFile or null) && exposed key.keyFile == null)
          (if isAttrs rawKeys then keys else [ ])));
    };
  asList = value: if isList value then value else [ ];

  upper = chars "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lower = chars "abcdefghijklmnopqrstuvwxyz";

  # The same address twice is not the same host when ports differ, or options,
  # by which one may go through a gate of its own.
  place = address: toJSON [
    (replaceStrings upper lower (plain address.host))
    (if address.port == null then 22 else address.port)
    address.options
  ];

  # For each node, from a set of what `node` gives, the addresses that a node
  # before it has too.
  shared = nodes:
    let
      places = groupBy (a: place a.address)
        (concatMap (name: map (address: { inherit name address; }) nodes.${name}.addresses) (attrNames nodes));
      none = all (same: length same == 1) (attrValues places);
    in
    mapAttrs
      (name: one: if none then [ ] else concatMap
        (address:
          let others = filter (a: a.name < name) places.${place address}; in
          optional (others != [ ])
            ("deployment.${address.option} is ${show address.host}, as deployment.${(head others).address.option} of node "
              + "${named (head others).name}: give each node a host of its own, or a node that is never deployed the targetHost null"))
        one.addresses)
      nodes;

  # Selectors that no node matches.
  astray = nodes:
    let
      names = attrNames nodes;
      tags = attrNames (groupBy (t: t) (concatMap (one: one.tags) (attrValues nodes)));
      parts = selector:
        let some = filter (part: isString part && part != "") (split "[[:space:]]*,[[:space:]]*" selector); in
        if some == [ ] || elem selector names then [ selector ] else some;
      pattern = glob: concatStringsSep "" (map
        (c: if c == "*" then ".*" else if c == "?" then "." else if elem c [ "[" "]" "-" ] then c
          else if matches "[A-Za-z0-9_ ]" c then c else "[${c}]")
        (chars glob));
      found = part:
        if substring 0 1 part == "@" then elem (substring 1 (-1) part) tags
        else elem part names || any (matches (pattern part)) names;
      say = part:
        if substring 0 1 part == "@" then
          "no node has the tag ${named (substring 1 (-1) part)} in deployment.tags, which a selector names: "
          + (if tags == [ ] then "no node has tags" else "the tags are ${concatStringsSep ", " (map named tags)}")
        else "no node matches the selector ${show part}: the nodes are ${concatStringsSep ", " (map named names)}";
    in
    map say (filter (part: !found part) (concatMap parts selectors));

  nodes = mapAttrs (name: _: builtins.addErrorContext "while checking the deployment settings of node ${named name}" (node name))
    configurations;
  evaluated = mapAttrs (_: one: (tryEval (deepSeq one true)).success) nodes;
  broken = filter (name: !evaluated.${name}) (attrNames nodes);

  report = nodes: rec {
    problems = let twice = shared nodes; in mapAttrs (name: one: one.problems ++ twice.${name}) nodes;
    fleet = astray nodes;
    texts = concatLists (attrValues (mapAttrs (name: map (problem: "node ${named name}: ${problem}")) problems)) ++ fleet;
  };
  whole' = report nodes;
  bullets = map (text: "\n  - ${text}");
in
{
  inherit node shared astray;
  inherit (whole') problems fleet texts;

  # An error that nix finds says nothing of the node, and hides what else is
  # wrong: so that is said before.
  checked = value:
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
    else value;
}
