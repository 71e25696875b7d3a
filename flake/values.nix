# What each setting of a node may be. A check takes a value, and gives null or what
# is wrong with it, which continues "deployment.NAME ".
{
  # Why a keyFile can hold no secret, or null: a check of its name.
  exposed,
}:
let
  inherit (builtins)
    all
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isBool
    isFloat
    isInt
    isList
    isString
    length
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

  bool = value: if isBool value then null else "is ${spoken value}, it must be true or false";
  whole =
    low: high: value:
    if !isInt value then
      "is ${spoken value}, it must be a whole number"
    else if value < low || value > high then
      "is ${toString value}, it must be from ${toString low} to ${toString high}"
    else
      null;
  orNull = check: value: if value == null then null else check value;
  string =
    check: value:
    if !isString value then
      "is ${spoken value}, it must be a string"
    else
      let
        wrong = check (plain value);
      in
      if wrong == null then null else "is ${show value}, ${wrong}";
  list =
    check: value:
    if value == [ ] then
      null
    else if !isList value then
      "is ${spoken value}, it must be a list of strings"
    else
      foldl' (
        found: i:
        let
          wrong = string check (elemAt value i);
        in
        if found != null || wrong == null then found else "(element ${toString (i + 1)}) ${wrong}"
      ) null (genList (i: i) (length value));
  # What is right at first sight, as most is.
  # Regular expressions are most of the time that all this takes.
  simple = matches "[a-z][a-z0-9]*";
  simpleHost =
    text:
    stringLength text < 64
    && matches "[a-z][a-z0-9-]*([.][a-z0-9-]+)*|[1-9][0-9]?([.][1-9]?[0-9]){3}" text;
  when = condition: text: if condition then text else null;
  first = wrongs: head (filter (wrong: wrong != null) wrongs ++ [ null ]);

  blank = text: !matches "[^[:space:][:cntrl:]]*" text;
  dash =
    text: when (substring 0 1 text == "-") "which begins with a dash: ssh would take it for an option";

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
    if text == "root" || simple text then
      null
    else
      first [
        (when (text == "") "which is empty: name a user, or use null for what ssh_config says")
        (dash text)
        (when (blank text) "which holds white space: it must be one user name")
      ];
  line =
    text:
    first [
      (when (text == "") "which is empty")
      (when (!matches "[^[:cntrl:]]*" text) "which holds control characters")
    ];
  tag =
    text:
    when (
      text == "" || substring 0 1 text == "@" || blank text || matches ".*,.*" text
    ) "which cannot be selected: a tag has no white space and no comma, and @ only where it is used";

  # Arguments of ssh are taken for the options that they stand for.
  sshOptions =
    value:
    let
      wrong = list line value;
      word = elemAt value;
      dashed = i: substring 0 1 (plain (word i)) == "-";
      at = i: "(element ${toString (i + 1)}) is ${show (word i)}, an argument of ssh";
      from =
        i:
        if i == length value then
          null
        else if !dashed i || matches "-([46AC]|o.+)" (plain (word i)) then
          from (i + 1)
        else if !matches "-[oplJi]" (plain (word i)) then
          "${at i}: write what it stands for as ssh -o takes it, NAME=VALUE"
        else if i + 1 == length value || dashed (i + 1) then
          "${at i} that another has to follow"
        else
          from (i + 2);
    in
    if wrong != null then wrong else from 0;

  seconds = whole 1 (30 * 24 * 60 * 60);
  settings = {
    targetHost = orNull (string host);
    alternateHosts = list host;
    targetPort = orNull (whole 1 65535);
    targetUser = orNull (string user);
    inherit sshOptions;
    privilegeEscalationCommand =
      value:
      if
        value == [
          "sudo"
          "-H"
          "--"
        ]
      then
        null
      else
        list line value;
    tags = list tag;
    buildOnTarget = bool;
    substituteOnTarget = bool;
    magicRollback = bool;
    autoRollback = bool;
    rebootWhenStranded = bool;
    confirmTimeout = seconds;
    activationTimeout = seconds;
  };

  form =
    pattern: wrong: text:
    when (!matches pattern text) wrong;
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
    if text == "root" then
      null
    else
      form "[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?" "which is neither a name nor a number" text;
  unit =
    text:
    when (
      stringLength text > 255
      || substring 0 1 text == "-"
      || !matches "[A-Za-z0-9:_.@\\-]+[.](service|socket|target|timer|path|mount|automount|swap|slice|scope|device)" text
    ) "which is not a unit's full name: write, for example, nginx.service";
  destDir =
    text:
    if text == "/run/keys" then
      null
    else
      when (!matches "(/[A-Za-z0-9_.:@+-]+)+" text || matches ".*/[.][.]?(/.*)?" text)
        "which must be an absolute path of letters, digits and _.:@+-, without . and .. and a slash at its end";
  # What is wrong with a command is told without it: its arguments may hold a token.
  command =
    value:
    if !isList value then
      "is ${spoken value}, it must be a list of strings"
    else if !all isString value then
      "holds what is no string"
    else
      when (value == [ ] || head value == "") "names no program";

  keySettings = {
    name = string keyName;
    destDir = string destDir;
    user = string owner;
    group = string owner;
    permissions =
      value:
      if value == "0400" then
        null
      else
        string (form "0?[0-7][0-7][0-7]" "which must be octal, such as 0400, and at most 0777") value;
    uploadAt = string (
      text:
      when (
        !elem text [
          "pre-activation"
          "post-activation"
        ]
      ) "which must be pre-activation or post-activation"
    );
    restartUnits = list unit;
    allowPersistent = bool;
    timeout = seconds;
    keyFile = orNull (
      string (
        text:
        first [
          (when (text == "") "which is empty: name a file")
          (exposed text)
        ]
      )
    );
    keyCommand = orNull command;
  };
in
{
  inherit
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
}
