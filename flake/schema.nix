# THE table of a node's settings: each option with its type, its rule, its default
# and its text. From it come the NixOS module's options, warnings and assertions
# (module.nix), what a deployment reads (lib.nix), what `validate` and `nix flake
# check` say (checks.nix), and the reference (docs/reference/options.md).
#
# A type has a `name` for the reference; `of lib`, which tells the module system the
# value's kind; and `wrong value`, which is null or what is wrong, and continues
# "deployment.NAME ". Types tell kinds, rules tell the rest: of an option whose
# type refuses a value the module system would say only that it is not of the type.
#
# Go checks again what could do harm there: what may become an argument of ssh
# (internal/sshname), and what the agent writes as root (keys/message). A test
# holds both to this table.
let
  inherit (builtins)
    all
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    groupBy
    head
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    match
    replaceStrings
    split
    stringLength
    substring
    toJSON
    typeOf
    ;

  plain = builtins.unsafeDiscardStringContext;
  matches = pattern: text: match pattern text != null;
  show = text: toJSON (plain text);
  # A name as it is spoken of: quoted unless it is a plain word.
  named = name: if matches "[A-Za-z0-9._-]+" name then name else show name;
  spoken =
    value:
    if value == null then
      "null"
    else if isBool value || isInt value || isFloat value then
      toJSON value
    else if isString value then
      "a string"
    else
      "a ${typeOf value}";
  optional = condition: value: if condition then [ value ] else [ ];
  when = condition: text: if condition then text else null;
  first = wrongs: head (filter (wrong: wrong != null) wrongs ++ [ null ]);

  # Types.
  bool = {
    name = "boolean";
    of = lib: lib.types.bool;
    wrong = value: if isBool value then null else "is ${spoken value}, it must be true or false";
  };
  whole = low: high: {
    name = "integer from ${toString low} to ${toString high}";
    of = lib: lib.types.int;
    wrong =
      value:
      if !isInt value then
        "is ${spoken value}, it must be a whole number"
      else if value < low || value > high then
        "is ${toString value}, it must be from ${toString low} to ${toString high}"
      else
        null;
  };
  string = rule: {
    name = "string";
    of = lib: lib.types.str;
    wrong =
      value:
      if !isString value then
        "is ${spoken value}, it must be a string"
      else
        let
          wrong = rule (plain value);
        in
        if wrong == null then null else "is ${show value}, ${wrong}";
  };
  orNull = type: {
    name = "null or ${type.name}";
    of = lib: lib.types.nullOr (type.of lib);
    wrong = value: if value == null then null else type.wrong value;
  };
  list =
    rule:
    let
      inherit (string rule) wrong;
    in
    {
      name = "list of strings";
      of = lib: lib.types.listOf lib.types.str;
      wrong =
        value:
        if !isList value then
          "is ${spoken value}, it must be a list of strings"
        else if length value > 1000 then
          "has ${toString (length value)} elements, at most 1000 are allowed"
        else
          first (
            genList (
              i:
              let
                found = wrong (elemAt value i);
              in
              if found == null then null else "(element ${toString (i + 1)}) ${found}"
            ) (length value)
          );
    };
  # What is wrong with a command is told without it: its arguments may hold a token.
  command = {
    name = "list of strings";
    of = lib: lib.types.listOf lib.types.str;
    wrong =
      value:
      if !isList value then
        "is ${spoken value}, it must be a list of strings"
      else if !all isString value then
        "holds what is no string"
      else
        when (value == [ ] || head value == "") "names no program";
  };

  # Rules of strings: null, or what is wrong. Regular expressions are most of the
  # time that all this takes, so what most values are is looked for first.
  simple = matches "[a-z][a-z0-9]*";
  simpleHost =
    text:
    stringLength text < 64
    && matches "[a-z][a-z0-9-]*([.][a-z0-9-]+)*|[1-9][0-9]?([.][1-9]?[0-9]){3}" text;
  blank = text: !matches "[^[:space:][:cntrl:]]*" text;
  dash =
    text: when (substring 0 1 text == "-") "which begins with a dash: ssh would take it for an option";
  form =
    pattern: wrong: text:
    when (!matches pattern text) wrong;

  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  ipv4 = matches "${octet}([.]${octet}){3}";
  ipv6 =
    text:
    matches "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?" text
    && !matches ".*:::.*" text
    && length (split "::" text) <= 3;
  hostName =
    text:
    matches "[A-Za-z0-9._-]+" text
    && stringLength text <= 253
    && all (label: label != "" && stringLength label <= 63) (
      filter isString (
        split "[.]" (if matches ".*[.]" text then substring 0 (stringLength text - 1) text else text)
      )
    );
  host =
    text:
    if simpleHost text then
      null
    else
      first [
        (when (text == "") "which is empty: name a host, or use null for a node that is never deployed")
        (dash text)
        (when (blank text) "which holds white space: it must be one host name or address")
        (when (matches ".*[@/].*" text) "which is not a host name or address alone: user and port have options of their own")
        (when (matches "[^:]*:[0-9]+" text) "which is not a host name or address alone: the port goes to targetPort")
        (when (matches "[0-9.]+" text && !ipv4 text) "which is neither an IPv4 address nor a host name")
        (when (matches ".*:.*" text && !ipv6 text) "which is no IPv6 address")
        (when (!matches ".*:.*" text && !hostName text)
          "which cannot be a host name: it has parts between its dots of 1 to 63 letters, digits, - and _, and 253 in all"
        )
      ];
  user =
    text:
    if simple text then
      null
    else
      first [
        (when (text == "") "which is empty: name a user, or use null for what ssh_config says")
        (dash text)
        (when (blank text) "which holds white space: it must be one user name")
        (form "[^'`\"$\\;&<>|(){}]*" "which has a character that means something to a shell" text)
      ];
  line =
    text:
    first [
      (when (matches " *" text) "which is empty")
      (form "[^[:cntrl:]]*" "which holds control characters" text)
    ];
  tag =
    text:
    when (
      text == "" || substring 0 1 text == "@" || blank text || matches ".*,.*" text
    ) "which cannot be selected: a tag has no white space and no comma, and @ only where it is used";
  keyName =
    text:
    if stringLength text < 99 && simple text then
      null
    else
      first [
        (form "[A-Za-z0-9_][A-Za-z0-9_.:@+-]*"
          "which cannot be a file's: a name has letters, digits and _.:@+- only, and begins with a letter, a digit or _"
          text
        )
        (when (
          stringLength text > 200
        ) "which has ${toString (stringLength text)} bytes: at most 200 are allowed")
        (when (
          stringLength (replaceStrings [ "+" ] [ "\\x2b" ] text) > 236
        ) "which is too long for a unit's name, where a + takes four bytes: shorten it")
      ];
  owner =
    text:
    when (
      !simple text && !matches "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?" text || stringLength text > 256
    ) "which is neither a name nor a number";
  unit =
    text:
    when (
      stringLength text > 255
      || substring 0 1 text == "-"
      || !matches "[A-Za-z0-9:_.@\\-]+[.](service|socket|target|timer|path|mount|automount|swap|slice|scope|device)" text
    ) "which is not a unit's full name: write, for example, nginx.service";
  destDir =
    text:
    first [
      (when
        (
          !matches "(/[A-Za-z0-9_.:@+-]+)+" text
          || matches ".*/[.][.]?(/.*)?" text
          || stringLength text > 3800
        )
        "which must be an absolute path of letters, digits and _.:@+-, without . and .. and a slash at its end"
      )
      (when (
        text == "/nix/store" || within "/nix/store" text
      ) "which is in the store, which all users of the host can read")
    ];
  within = dir: file: substring 0 (stringLength dir + 1) file == "${dir}/";
  one = values: text: when (!elem text values) "which must be ${builtins.concatStringsSep " or " values}";
  keyFile =
    text:
    first [
      (when (text == "") "which is empty: name a file")
      (when (within builtins.storeDir text) exposed)
    ];
  # What is part of the flake was copied to the store.
  exposed = "which is part of the flake's source or otherwise in the store, which all users of this machine can read: keep the file out of the flake, name it by a string, and replace the secret";

  # Arguments of ssh are taken for the options that they stand for; where that ends
  # with = or is empty, the next argument belongs to it.
  arguments = {
    "-o" = "";
    "-p" = "Port=";
    "-l" = "User=";
    "-i" = "IdentityFile=";
    "-J" = "ProxyJump=";
    "-4" = "AddressFamily=inet";
    "-6" = "AddressFamily=inet6";
    "-A" = "ForwardAgent=yes";
    "-C" = "Compression=yes";
  };
  sshOptions =
    let
      lines = list line;
      at = i: word: "(element ${toString (i + 1)}) is ${show word}, an argument of ssh";
      dashed = word: substring 0 1 word == "-";
      # The options from the word i on, or what is wrong with one.
      from =
        words: i:
        let
          word = plain (elemAt words i);
          rest = from words (i + 1);
          stands = arguments.${word};
          after = from words (i + 2);
        in
        if i >= length words then
          { options = [ ]; }
        else if !dashed word then
          add word rest
        else if matches "-o.+" word then
          add (substring 2 (-1) word) rest
        else if !arguments ? ${word} then
          { wrong = "${at i word}: write what it stands for as ssh -o takes it, NAME=VALUE"; }
        else if stands != "" && !matches ".*=" stands then
          add stands rest
        else if i + 1 == length words || dashed (plain (elemAt words (i + 1))) then
          { wrong = "${at i word} that another has to follow"; }
        else
          add (stands + elemAt words (i + 1)) after;
      add = option: rest: if rest ? wrong then rest else { options = [ option ] ++ rest.options; };
    in
    lines
    // {
      wrong =
        value:
        let
          wrong = lines.wrong value;
        in
        if wrong != null then wrong else (from value 0).wrong or null;
      read = value: (from value 0).options;
    };

  seconds = whole 1 (30 * 24 * 60 * 60);

  # A set with an entry for each key. What is wrong in it is told entry by entry.
  keyed = fields: {
    name = "attribute set of keys, see below";
    inherit fields;
    of = _: throw "declared by `options`";
    wrong = value: if isAttrs value then null else "is ${spoken value}, not a set of keys";
  };

  settings = {
    targetHost = {
      type = orNull (string host);
      # A module is never told under which name its configuration is an attribute
      # of nixosConfigurations, so there it has no default; its value cannot tell
      # either, as an option of this type that nothing defines reads as null.
      default = { name, ... }: name;
      late = true;
      defaultText = "the node's name in `nixosConfigurations`";
      example = "web.example.org";
      text = ''
        Host name, address or ssh_config alias the node is deployed to: letters,
        digits, `.`, `-` and `_`, or an IPv6 address.
        `null`: the node is never deployed (a laptop, an image).
      '';
    };

    alternateHosts = {
      type = list host;
      default = [ ];
      example = [ "192.0.2.17" ];
      text = ''
        Addresses tried in order when `targetHost` cannot be reached. The
        confirm after an activation tries them too, so a configuration that
        moves the host to one of them still confirms.
      '';
    };

    targetPort = {
      type = orNull (whole 1 65535);
      default = null;
      example = 2222;
      text = ''
        TCP port of the host's SSH server. `null`: what ssh_config says.
      '';
    };

    targetUser = {
      type = orNull (string user);
      default = "root";
      example = "deploy";
      text = ''
        User to log in as. `null`: what ssh_config says. Any user but root
        needs `privilegeEscalationCommand`.
      '';
    };

    sshOptions = {
      type = sshOptions;
      default = [ ];
      example = [ "ProxyJump=gate.example.org" ];
      text = ''
        Options for this host's connection, each as `ssh -o` takes it.
        Arguments of ssh for the same are understood too: `[ "-J" "gate" ]`.
      '';
    };

    privilegeEscalationCommand = {
      type = list line;
      default = [
        "sudo"
        "-H"
        "--"
      ];
      example = [ "doas" ];
      text = ''
        Command and arguments put before a command that must run as root,
        when `targetUser` is not root. No shell reads it.
      '';
    };

    tags = {
      type = list tag;
      default = [ ];
      example = [
        "web"
        "berlin"
      ];
      text = ''
        Names by which `--on @TAG` and `--exclude @TAG` select the node.
      '';
    };

    buildOnTarget = {
      type = bool;
      default = false;
      text = ''
        Whether the host builds its own system instead of the operator's
        machine.
      '';
    };

    substituteOnTarget = {
      type = bool;
      default = true;
      text = ''
        Whether the host may fetch store paths from its own substituters
        instead of receiving them from the operator's machine.
      '';
    };

    magicRollback = {
      type = bool;
      default = true;
      text = ''
        Whether the host goes back to its old system unless the operator's
        machine confirms, over a new connection, that it can still get in.
      '';
    };

    autoRollback = {
      type = bool;
      default = true;
      text = ''
        Whether the host goes back to its old system when activating the new
        one fails or takes longer than `activationTimeout`.
      '';
    };

    rebootWhenStranded = {
      type = bool;
      default = true;
      text = ''
        Whether a host that could not go back to its old system reboots into
        it, once nobody has got in for another `confirmTimeout`. It does so
        only with `magicRollback`, and while the old system is what boots.
      '';
    };

    confirmTimeout = {
      type = seconds;
      default = 30;
      text = ''
        Seconds the host waits, once it has activated the new system, for the
        operator's machine to confirm.
      '';
    };

    activationTimeout = {
      type = seconds;
      default = 300;
      text = ''
        Seconds the activation of the new system may take.
      '';
    };

    keys = {
      type = keyed keySettings;
      default = { };
      text = ''
        Secrets that flakeops brings to the host, which neither the store nor the
        system holds. A service that needs one has
        `requires = [ "<name>-key.service" ]` and the same in `after`.
        `keys.target` is up when all are there.
      '';
    };
  };

  keySettings = {
    name = {
      type = string keyName;
      default = { name, ... }: name;
      defaultText = "the attribute's name";
      text = ''
        The file's name. Letters, digits and `_.:@+-`, beginning with a
        letter, a digit or `_`. The units are `<name>-key.service` and
        `<name>-key.path`, with `\x2b` for `+`.
      '';
    };

    text = {
      type = orNull (string (_: null));
      default = null;
      kept = true; # read only when keys are sent
      text = ''
        The value itself. It is evaluated only when keys are sent. What is
        written in a flake is in the store of the machine that evaluates it,
        readable by all its users: a text is for what an expression fetches
        from elsewhere. Exactly one of `text`, `keyFile` and `keyCommand` is
        to be set.
      '';
    };

    keyFile = {
      type =
        let
          type = orNull (string keyFile);
        in
        type
        // {
          name = "null or path or string";
          of = lib: lib.types.nullOr (lib.types.either lib.types.path lib.types.str);
        };
      default = null;
      example = "/home/me/secrets/db-password";
      # Never a path, which would be copied to the store.
      apply = file: if builtins.isPath file || file ? outPath then toString file else file;
      text = ''
        File on the operator's machine that holds the value; relative to the
        flake's directory unless it begins with `/`. It must not be part of
        the flake's source, which is copied to the store.
      '';
    };

    keyCommand = {
      type = orNull command;
      default = null;
      example = [
        "pass"
        "show"
        "db-password"
      ];
      text = ''
        Command and arguments whose output, as it is, is the value. It runs
        on the operator's machine, in the flake's directory, without a shell,
        with the variables FLAKEOPS_NODE and FLAKEOPS_KEY set.
      '';
    };

    timeout = {
      type = seconds;
      default = 60;
      text = ''
        Seconds that `keyCommand` may take.
      '';
    };

    destDir = {
      type = string destDir;
      default = "/run/keys";
      text = ''
        Directory on the host: an absolute path of letters, digits and
        `_.:@+-`. It must be on a tmpfs or ramfs unless `allowPersistent` is
        set.
      '';
    };

    path = {
      type = string (_: null);
      default = { config, ... }: "${config.destDir}/${config.name}";
      defaultText = ''`"''${destDir}/''${name}"`'';
      kept = true; # told by the two
      readOnly = true;
      text = ''
        Where the key is on the host.
      '';
    };

    user = {
      type = string owner;
      default = "root";
      text = ''
        The file's owner, by name or number. A user that the new system
        creates will do.
      '';
    };

    group = {
      type = string owner;
      default = "root";
      text = ''
        The file's group, by name or number. Services that are not run by
        root need the group `keys` to enter `/run/keys`.
      '';
    };

    permissions = {
      type = string (form "0?[0-7][0-7][0-7]" "which must be octal, such as 0400, and at most 0777");
      default = "0400";
      example = "0440";
      text = ''
        The file's mode, in octal.
      '';
    };

    uploadAt = {
      type =
        string (one [
          "pre-activation"
          "post-activation"
        ])
        // {
          name = ''"pre-activation" or "post-activation"'';
        };
      default = "pre-activation";
      text = ''
        Whether the key is on the host before the new system is activated, or
        only after that.
      '';
    };

    restartUnits = {
      type = list unit;
      default = [ ];
      example = [ "postgresql.service" ];
      text = ''
        Units that are restarted when the key has changed.
      '';
    };

    allowPersistent = {
      type = bool;
      default = false;
      text = ''
        Whether `destDir` may be on a disk, which keeps the key over a reboot
        and for whoever gets hold of the disk.
      '';
    };
  };

  # What options say of each other. `set` has all settings, each of its type or not.
  rules =
    set:
    optional (set.targetUser != "root" && set.privilegeEscalationCommand == [ ])
      "deployment.privilegeEscalationCommand is empty, but targetUser is not root: set it, for example to [ \"sudo\" \"-H\" \"--\" ]";

  # The same for a list of keys.
  keyRules =
    keys:
    let
      where = key: "deployment.keys.${named key.attr}";
      sound = filter (key: isString key.name && isString key.destDir) keys;
      byName = groupBy (key: plain key.name) sound;
      byPath = listToAttrs (
        map (key: {
          name = "${plain key.destDir}/${plain key.name}";
          value = key;
        }) sound
      );
      # Keys that a directory would be in.
      above = mapAttrs (
        dir: _:
        let
          parts = filter isString (split "/" dir);
          dirs = foldl' (
            dirs: part: if part == "" then dirs else dirs ++ [ "${if dirs == [ ] then "" else elemAt dirs (length dirs - 1)}/${part}" ]
          ) [ ] parts;
        in
        map (dir: byPath.${dir}) (filter (dir: byPath ? ${dir}) dirs)
      ) (groupBy (key: plain key.destDir) sound);
      one =
        key:
        let
          sources =
            optional (key.keyCommand != null) "keyCommand"
            ++ optional (key.keyFile != null) "keyFile"
            ++ optional key.hasText "text";
          twin = head byName.${plain key.name};
          over = above.${plain key.destDir};
        in
        optional (
          key.name == key.attr && keyName key.attr != null
        ) "${where key} gives the key its name, ${keyName key.attr}"
        ++ optional (sources == [ ]) "${where key} has no source: set one of text, keyFile and keyCommand"
        ++ optional (
          length sources > 1
        ) "${where key} has more than one source, ${builtins.concatStringsSep " and " sources}: set exactly one"
        ++ (
          if !isString key.name || !isString key.destDir then
            [ ]
          else
            optional (twin.attr != key.attr)
              "${where key}.name is ${show key.name}, as that of ${where twin}: give each a name of its own"
            ++ optional (
              over != [ ]
            ) "${where key}.destDir is ${show key.destDir}, and ${where (head over)} is a key there: choose another directory"
        );
    in
    optional (
      length keys > 1000
    ) "deployment.keys has ${toString (length keys)} keys, at most 1000 are allowed"
    ++ concatMap one keys;
in
{
  inherit
    settings
    keySettings
    rules
    keyRules
    exposed
    plain
    matches
    show
    named
    spoken
    optional
    host
    ;
}
