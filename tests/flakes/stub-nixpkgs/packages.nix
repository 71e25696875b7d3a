system:
let
  # What this machine has, written by whoever uses the stand-in.
  machine = builtins.fromJSON (builtins.readFile ./machine.json);

  build =
    args:
    derivation (
      {
        inherit system;
        builder = "/bin/sh";
        PATH = "${machine.path}:/usr/bin:/bin";
      }
      // args
    );

  # Since 26.05 nixpkgs ends the evaluation at a flag that it does not know, pie
  # among them, whose absence needs no flag in Go.
  hardening = [
    "bindnow"
    "format"
    "fortify"
    "fortify3"
    "glibcxxassertions"
    "libcxxhardeningextensive"
    "libcxxhardeningfast"
    "nostrictaliasing"
    "pacret"
    "pic"
    "relro"
    "shadowstack"
    "stackclashprotection"
    "stackprotector"
    "strictflexarrays1"
    "strictflexarrays3"
    "strictoverflow"
    "trivialautovarinit"
    "zerocallusedregs"
  ];
  checked =
    flags: value:
    let
      unknown = builtins.filter (flag: flag != "all" && !builtins.elem flag hardening) flags;
    in
    if unknown == [ ] then
      value
    else
      abort "mkDerivation was called with unsupported hardening flags: ${toString unknown}";

  empty =
    name:
    build {
      inherit name;
      args = [
        "-euc"
        "mkdir $out"
      ];
    };
in
{
  lib.optionalString = condition: text: if condition then text else "";

  stdenv = {
    buildPlatform.canExecute = host: host == system;
    hostPlatform = system;
  };

  # Shell functions, which a package's postInstall calls.
  installShellFiles = build {
    name = "install-shell-files";
    args = [
      "-euc"
      "mkdir -p $out/nix-support; cat ${./install-shell-files.sh} > $out/nix-support/setup-hook"
    ];
  };

  # Modules come from the machine's own cache, so vendorHash is only looked at.
  # What else nixpkgs takes must be known not to change what is built here.
  buildGoModule =
    {
      pname,
      version,
      src,
      vendorHash,
      subPackages,
      ldflags,
      env,
      nativeBuildInputs,
      postInstall,
      meta,
      doCheck,
      dontStrip,
      dontPatchELF,
      hardeningDisable ? [ ],
    }:
    assert builtins.match "sha256-[A-Za-z0-9+/]{43}=" vendorHash != null;
    checked hardeningDisable build (
      builtins.mapAttrs (_: toString) env
      // {
        name = "${pname}-${version}";
        inherit src nativeBuildInputs postInstall;
        args = [
          "-eu"
          ./build-go-module.sh
        ];
        packages = map (p: "./${p}") subPackages;
        ldflags = toString ([ "-buildid=" ] ++ ldflags);
        HOME = machine.home;
        GOPROXY = machine.goproxy;
        GOMODCACHE = machine.gomodcache;
        GOCACHE = machine.gocache;
        GOFLAGS = "-mod=mod -trimpath -buildvcs=false";
        GOTOOLCHAIN = "local";
      }
    )
    // {
      inherit meta;
    };

  writeShellScriptBin =
    name: text:
    build {
      inherit name;
      args = [
        "-euc"
        "mkdir -p $out/bin; cat $textPath > $out/bin/$name; chmod +x $out/bin/$name"
      ];
      text = "#!/bin/sh\n${text}";
      passAsFile = [ "text" ];
    };

  mkShell =
    { packages }:
    build {
      name = "shell";
      inherit packages;
      args = [
        "-euc"
        "mkdir $out"
      ];
    };

  # Go is the machine's.
  go = build {
    name = "go";
    args = [
      "-euc"
      "mkdir -p $out/bin; ln -s \"$(command -v go)\" $out/bin/go"
    ];
  };

  curl = empty "curl";
  gopls = empty "gopls";
  go-tools = empty "go-tools";
  errcheck = empty "errcheck";
  git = empty "git";
  gnumake = empty "gnumake";
  nixfmt-tree = empty "nixfmt-tree";
}
